"""Streets and towns of the countries where invented people live."""

from __future__ import annotations

from dataclasses import dataclass

COUNTRY_NAMES = {
    "AU": "Australia",
    "BR": "Brazil",
    "CN": "China",
    "DE": "Germany",
    "EG": "Egypt",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "GR": "Greece",
    "IL": "Israel",
    "IN": "India",
    "JP": "Japan",
    "KR": "South Korea",
    "PL": "Poland",
    "SE": "Sweden",
    "TH": "Thailand",
    "TR": "Türkiye",
    "UA": "Ukraine",
    "US": "United States",
    "VN": "Vietnam",
}


@dataclass(frozen=True)
class Town:
    """A town with its region, where addresses name one, and a postal code in which `#` stands for a digit."""

    city: str
    state: str
    zip: str


@dataclass(frozen=True)
class Country:
    """How addresses look in one country; `#` in a street stands for the house number."""

    streets: tuple[str, ...]
    towns: tuple[Town, ...]


COUNTRIES = {
    "AU": Country(
        ("# Wattle Street", "Unit 4/# Harbour Road", "# Gumtree Lane"),
        (Town("Melbourne", "VIC", "30##"), Town("Brisbane", "QLD", "40##"), Town("Hobart", "TAS", "70##")),
    ),
    "BR": Country(
        ("Rua das Acácias, #", "Avenida São João, #", "Praça da Sé, #"),
        (Town("São Paulo", "SP", "01###-0##"), Town("Florianópolis", "SC", "880##-3##")),
    ),
    "CN": Country(
        ("长安街#号", "人民路#号", "和平里#号院"), (Town("北京", "", "1000##"), Town("成都", "四川", "6100##"))
    ),
    "DE": Country(
        ("Königstraße #", "Am Mühlbach #", "Große Gasse # a"),
        (
            Town("München", "Bayern", "80###"),
            Town("Köln", "Nordrhein-Westfalen", "50###"),
            Town("Görlitz", "", "028##"),
        ),
    ),
    "EG": Country(("شارع النيل #", "# شارع طلعت حرب"), (Town("القاهرة", "", "115##"), Town("الإسكندرية", "", "215##"))),
    "ES": Country(
        ("Calle de la Peña, #", "Avenida Núñez, # 2º izq.", "Plaza Mayor, #"),
        (Town("A Coruña", "Galicia", "150##"), Town("Málaga", "Andalucía", "290##")),
    ),
    "FR": Country(
        ("# rue de l'Église", "# bis, allée des Érables", "# chemin du Château-d'Eau"),
        (Town("Besançon", "", "250##"), Town("Saint-Étienne", "", "420##"), Town("Orléans", "", "450##")),
    ),
    "GB": Country(
        ("# Church Lane", "Flat 2, # High Street", "# St John's Road"),
        (
            Town("Leeds", "West Yorkshire", "LS# #AB"),
            Town("Cardiff", "Wales", "CF1# #XY"),
            Town("London", "", "E# #JJ"),
        ),
    ),
    "GR": Country(
        ("Οδός Ερμού #", "Λεωφόρος Αθηνών #"), (Town("Αθήνα", "Αττική", "10# ##"), Town("Πάτρα", "", "26# ##"))
    ),
    "IL": Country(
        ("רחוב הרצל #", "שדרות רוטשילד #"), (Town("תל אביב־יפו", "", "61#####"), Town("חיפה", "", "31#####"))
    ),
    "IN": Country(
        ("# महात्मा गांधी मार्ग", "# स्टेशन रोड"), (Town("दिल्ली", "", "1100##"), Town("जयपुर", "राजस्थान", "3020##"))
    ),
    "JP": Country(
        ("桜町#丁目2-3", "本町#番地"), (Town("京都市", "京都府", "60#-00##"), Town("札幌市", "北海道", "06#-00##"))
    ),
    "KR": Country(("세종대로 #", "한강로 #길 7"), (Town("서울", "", "04###"), Town("부산", "", "48###"))),
    "PL": Country(
        ("ul. Świętokrzyska #", "al. Źródlana # m. 3"), (Town("Łódź", "", "90-0##"), Town("Kraków", "", "30-0##"))
    ),
    "SE": Country(("Åsgatan #", "Östra Hamngatan # B"), (Town("Malmö", "", "21# ##"), Town("Växjö", "", "35# ##"))),
    "TH": Country(("# ถนนสุขุมวิท", "# ซอยสวนพลู"), (Town("กรุงเทพมหานคร", "", "101##"), Town("เชียงใหม่", "", "502##"))),
    "TR": Country(
        ("Çiçek Sokağı No: #", "İstiklal Caddesi #"), (Town("İstanbul", "", "34###"), Town("Muğla", "", "48###"))
    ),
    "UA": Country(("вул. Хрещатик, #", "просп. Свободи, #"), (Town("Київ", "", "010##"), Town("Львів", "", "790##"))),
    "US": Country(
        ("# Maple Avenue", "# W. 3rd St., Apt. 12", "# Route 9"),
        (Town("Springfield", "IL", "627##"), Town("Portland", "OR", "972##"), Town("Austin", "TX", "787##")),
    ),
    "VN": Country(("# đường Lê Lợi", "# ngõ Trần Phú"), (Town("Hà Nội", "", "10####"), Town("Đà Nẵng", "", "55####"))),
}
