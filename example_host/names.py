"""Invented people's names in many languages: each as it is written at home, and as an e-mail address spells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culture:
    """Given and family names of one language (written form and e-mail spelling), and where they are at home."""

    given: tuple[tuple[str, str], ...]
    family: tuple[tuple[str, str], ...]
    country: str


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Read `Zoë=zoe, Mary Ann=mary.ann`; a name without `=` is spelled in lower case."""
    halves = (item.strip().partition("=") for item in text.split(","))
    return tuple((written, spelled or written.lower()) for written, _, spelled in halves)


CULTURES = (
    Culture(
        pairs("Emma, Oliver, Grace, Jack, Mary Ann=maryann, Zoë=zoe, Harry, Isla, Theo, Ruby"),
        pairs("Smith, Taylor, O'Brien=obrien, Clarke, Wright, Smith-Jones=smith-jones, Hughes, Patel, Walker, Green"),
        "GB",
    ),
    Culture(
        pairs("Ava, Mason, Chloe, Ethan, Harper, Logan, Jada, Carter, Piper, DeShawn"),
        pairs("Johnson, Miller, Davis, McAllister, Washington, Nguyen, Carter Jr.=carter.jr, Lopez, Reed, Bishop"),
        "US",
    ),
    Culture(
        pairs("Jürgen=juergen, Anna, Björn=bjoern, Käthe=kaethe, Lukas, Sophie, Günther=guenther, Heike, Jörg=joerg"),
        pairs("Müller=mueller, Groß=gross, Schäfer=schaefer, von der Heide=vonderheide, Köhler=koehler, Weiß=weiss"),
        "DE",
    ),
    Culture(
        pairs("Élodie=elodie, François=francois, Chloé=chloe, Jean-Luc=jean-luc, Anaïs=anais, Céline=celine"),
        pairs("Lefèvre=lefevre, d'Aubigné=daubigne, Garçon=garcon, Moreau, Bœuf=boeuf, Benoît=benoit, Dupré=dupre"),
        "FR",
    ),
    Culture(
        pairs("Åsa=asa, Björn=bjorn, Linnéa=linnea, Göran=goran, Maja, Örjan=orjan, Sven, Tuva"),
        pairs("Åkerström=akerstrom, Lindqvist, Öberg=oberg, Nyström=nystrom, Björk=bjork, Hägg=hagg, Dahl"),
        "SE",
    ),
    Culture(
        pairs("Charlotte, Lachlan, Matilda, Cooper, Mia, Angus, Tilly, Bruce"),
        pairs("Kelly, Macdonald, Wattle, Harris, Nguyễn=nguyen, Baxter, Papadopoulos, Singh"),
        "AU",
    ),
    Culture(
        pairs("José=jose, María=maria, Iñigo=inigo, Begoña=begona, Raúl=raul, Lucía=lucia, Óscar=oscar"),
        pairs("García=garcia, Muñoz=munoz, Núñez Ortega=nunez.ortega, Peña=pena, Ibáñez=ibanez, de la Cruz=delacruz"),
        "ES",
    ),
    Culture(
        pairs("João=joao, Conceição=conceicao, Inês=ines, Luís=luis, Vitória=vitoria, Antônio=antonio"),
        pairs("Gonçalves=goncalves, Araújo=araujo, dos Santos=dossantos, Magalhães=magalhaes, Brandão=brandao"),
        "BR",
    ),
    Culture(
        pairs("Łukasz=lukasz, Małgorzata=malgorzata, Święta=swieta, Paweł=pawel, Zofia, Jędrzej=jedrzej"),
        pairs("Wójcik=wojcik, Szczęsny=szczesny, Żak=zak, Dąbrowska=dabrowska, Kowalczyk, Łaska=laska"),
        "PL",
    ),
    Culture(
        pairs("Çağla=cagla, İbrahim=ibrahim, Işıl=isil, Gökçe=gokce, Şükrü=sukru, Ömer=omer"),
        pairs("Yıldız=yildiz, Öztürk=ozturk, Çelik=celik, Güneş=gunes, Şahin=sahin, Ağaoğlu=agaoglu"),
        "TR",
    ),
    Culture(
        pairs("Nguyệt=nguyet, Dũng=dung, Thảo=thao, Hưng=hung, Ngọc Ánh=ngocanh, Đức=duc"),
        pairs("Trần=tran, Lê=le, Phạm=pham, Đặng=dang, Võ=vo, Huỳnh=huynh"),
        "VN",
    ),
    Culture(
        pairs("Γιώργος=giorgos, Ελένη=eleni, Νίκος=nikos, Αικατερίνη=aikaterini, Σταύρος=stavros, Δέσποινα=despina"),
        pairs("Παπαδόπουλος=papadopoulos, Ιωάννου=ioannou, Καραγιάννη=karagianni, Λάσκαρης=laskaris"),
        "GR",
    ),
    Culture(
        pairs("Олена=olena, Тарас=taras, Їжак=yizhak, Соломія=solomiia, Ґалаґан=galagan, Андрій=andrii"),
        pairs("Шевчук=shevchuk, Ковальчук=kovalchuk, Лисенко=lysenko, Мельник=melnyk, Щербак=shcherbak"),
        "UA",
    ),
    Culture(
        pairs("ليلى=layla, يوسف=youssef, فاطمة=fatima, عمر=omar, نور الدين=noureddine, مريم=maryam"),
        pairs("المصري=almasry, حدّاد=haddad, عبد الله=abdullah, الشافعي=elshafei, منصور=mansour, خوري=khoury"),
        "EG",
    ),
    Culture(
        pairs("נועה=noa, אברהם=avraham, תמר=tamar, יוסי=yossi, רותם=rotem, שׁירה=shira"),
        pairs("כהן=cohen, לוי=levi, מזרחי=mizrahi, בן־דוד=ben-david, פרידמן=friedman, גולן=golan"),
        "IL",
    ),
    Culture(
        pairs("आरती=aarti, राहुल=rahul, प्रिया=priya, विक्रम=vikram, श्रेया=shreya, ऋषि=rishi"),
        pairs("शर्मा=sharma, सिंह=singh, गुप्ता=gupta, द्विवेदी=dwivedi, मिश्रा=mishra, जोशी=joshi"),
        "IN",
    ),
    Culture(
        pairs("伟=wei, 秀英=xiuying, 小龙=xiaolong, 丽=li, 建国=jianguo, 雨桐=yutong"),
        pairs("王=wang, 李=lee, 欧阳=ouyang, 张=zhang, 陈=chen, 赵=zhao"),
        "CN",
    ),
    Culture(
        pairs("さくら=sakura, 健太=kenta, 美咲=misaki, タロウ=taro, 陽菜=hina, 𠮷之助=yoshinosuke"),
        pairs("佐藤=sato, 鈴木=suzuki, 髙橋=takahashi, 渡邉=watanabe, 小野寺=onodera, 山﨑=yamazaki"),
        "JP",
    ),
    Culture(
        pairs("서연=seoyeon, 민준=minjun, 지우=jiwoo, 하은=haeun, 도윤=doyun, 수빈=subin"),
        pairs("김=kim, 이=yi, 박=park, 최=choi, 정=jung, 황보=hwangbo"),
        "KR",
    ),
    Culture(
        pairs("สมชาย=somchai, มาลี=malee, อรุณ=arun, กิตติ=kitti, ปรียา=preeya"),
        pairs("ศรีสุข=srisuk, ทองดี=thongdee, แก้วใส=kaewsai, วงศ์ไทย=wongthai, รุ่งเรือง=rungrueang"),
        "TH",
    ),
)
