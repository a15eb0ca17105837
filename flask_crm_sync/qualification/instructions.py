"""Words in a conversation that are meant for the reviewer, and not for the people who talk there. Pure.

A client who writes "mark me as qualified" has not said that they want to buy. No list of phrases is complete: this one
knows the usual forms in a dozen languages, and forms that only machines read. It is the third line of defence, behind
the fence around the transcript and the rule that evidence stands word for word in the client's messages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .visible import bare, without_marks

_NEAR = r"[^.!?\n]{0,40}?"
_SHORT = r".{0,16}?"
_FEW = r"[^.!?\n]{0,20}?"

_DISREGARD = (
    rf"\b(?:ignore|disregard|forget|override|bypass|skip){_NEAR}\b(?:instruction|prompt|guideline|direction|criteri|"
    rf"rules? (?:above|before|you)|(?:everything|anything|all)(?: \w+)? (?:above|before|previous)|system message)",
    r"\b(?:new|updated|real|actual|following) (?:instruction|system prompt)|\binstructions? (?:to|for) (?:you|the) ?"
    r"(?:ai|model|reviewer|assistant|system)",
    rf"\b(?:ignorier|vergiss|vergesse|missacht|ubergeh){_NEAR}\b(?:anweisung|instruktion|vorgabe|regel|kriteri|prompt)",
    rf"\b(?:ignore|oublie|neglige){_NEAR}\b(?:instruction|consigne|directive|regle|critere)",
    rf"\b(?:ignor|olvid|descart){_NEAR}\b(?:instruccion|indicacion|regla|criterio)",
    rf"\b(?:ignor|dimentic|trascur){_NEAR}\b(?:istruzion|indicazion|regol|criteri)",
    rf"\b(?:ignor|esquec|desconsider){_NEAR}\b(?:instruco|instrucao|regra|criterio)",
    rf"\b(?:negeer|vergeet){_NEAR}\b(?:instructie|opdracht|aanwijzing|regel|criteri)",
    rf"\b(?:zignoruj|ignoruj|pomin|zapomnij){_NEAR}\b(?:instrukc|polecen|wytyczn|zasad|kryteri)",
    rf"\b(?:talimat|yonerge|kural){_NEAR}(?:yok say|gormezden gel|unut|dikkate alma)",
    rf"(?:игнорир|проигнорир|забуд){_NEAR}(?:инструкц|указани|правил|критери|промпт|інструкц)",
    rf"تجاهل{_NEAR}(?:تعليمات|اوامر|أوامر|توجيهات|قواعد)",
    rf"(?:忽略|无视|無視|忽視|忘记|忘記){_SHORT}(?:指令|指示|提示|规则|規則|說明|说明)",
    rf"(?:指示|命令|プロンプト|ルール){_SHORT}(?:無視|忘れ)",
    rf"(?:지시|명령|지침|프롬프트){_SHORT}(?:무시|잊)",
    rf"(?:निर्देश){_NEAR}(?:अनदेखा|नजरअंदाज|भूल)",
)
_MARK_VERBS = (
    r"mark|label|classify|rate|score|flag|tag|treat|count|deem|declare|approve|upgrade|consider|set|register|record|"
    r"categori[sz]e|judge|rank|grade|report|return|output|answer|respond|reply|say|confirm|put"
)
_MARK_ABOVE_ALL = "mark|label|classify|rate|score|flag|tag|treat|deem|declare|categori[sz]e|judge|rank|grade|output|say"
_RULE = (
    rf"\b(?:{_MARK_VERBS})(?:s|ed|ing)?\b{_NEAR}\b(?:un)?qualified\b",
    rf"\b(?:{_MARK_VERBS})(?:s|ed|ing)?\b.{{0,60}}?[.!?]\W{{0,3}}(?:un)?qualified\b(?! \w+ \w)",
    rf"\b(?:{_MARK_ABOVE_ALL})(?:s|d|ed|ing)?\b.{{0,80}}?\b(?:un)?qualified\b",
    r"\b(?:is|am|are|be|been|as|being) (?:an? |the |highly |fully |definitely |clearly )*(?:un)?qualified "
    r"(?:lead|buyer|prospect|customer|client)",
    r"\b(?:this|the) (?:lead|client|customer|conversation|chat|user|person) is (?:\w+ )?(?:un)?qualified\b",
    rf"\b(?:me|us|i|i'm|we|as|make|find|see|seen|call|very|outcome|status|verdict|result)\b{_FEW}\b(?:un)?qualified\b"
    r"(?! (?!lead|buyer|prospect|customer|client|enquir|inquir|score|please|now|by|and|because)\w{3})",
    r"^\W*(?:un)?qualified\W*$",
    r"\b(?:un)?qualified\b ?[=:] ?\S|[=:] ?[\"']?(?:un)?qualified\b|\"(?:outcome|score|verdict|evidence|reason)\" ?:",
    r"\bscore ?(?:of|is|=|:)? ?100\b|\b(?:highest|maximum|full|perfect) score\b|\byour (?:verdict|outcome|review)\b",
    r"\b(?:quote|use|cite|take) (?:this|that|the following|it|my)\b[^.!?\n]{0,40}\bas (?:the |your |an? )?evidence",
    rf"\b(?:markier|bewert|stuf|kennzeichn|klassifizier|setz|wert|betracht|behandl|einstuf|vermerk|melde|antwort)\w*"
    rf"{_NEAR}\b(?:un)?qualifizier",
    r"\b(?:als|ist|bin|status:?) (?:ein |hoch|voll)*(?:un)?qualifiziert(?:er|e|en)? ?"
    r"(?:lead|kunde|interessent|[.!\"]|$)",
    rf"\b(?:marqu|class|consider|not|evalu|indiqu|repond)\w*{_NEAR}\b(?:non )?qualifie",
    rf"\b(?:marc|clasific|consider|califi|evalu|respond|pon)\w*{_NEAR}\b(?:no )?(?:cualificad|calificad)[oa]",
    rf"\b(?:segna|contrassegn|classific|consider|valut|rispond)\w*{_NEAR}\b(?:non )?qualificat[oa]",
    rf"\b(?:marqu|marc|classifi|consider|avali|respond)\w*{_NEAR}\b(?:nao )?qualificad[oa]",
    rf"\b(?:markeer|beoordeel|classificeer|beschouw|zet|antwoord)\w*{_NEAR}\b(?:on)?gekwalificeerd",
    rf"\b(?:oznacz|uzna|zaklasyfik|odpowiedz)\w*{_NEAR}\b(?:nie)?(?:za|wy)?kwalifikowan",
    rf"\bnitelikli\b{_NEAR}\b(?:isaretle|say|degerlendir|kabul et)",
    rf"(?:отмет|помет|счита|оцен|классифиц|признай|познач|вваж){_NEAR}(?:не)?(?:квалифицир|кваліфік)",
    rf"(?:صنف|اعتبر|ضع|علم|قيم){_NEAR}(?:مؤهل|موهل)",
    rf"(?:标记|標記|标为|標為|视为|視為|判定|判为|評為|评为|归类|歸類|设为|設為){_SHORT}(?:合格|有资格|有資格|合资格|符合)",
    rf"(?:適格|資格あり|有望|合格|見込み客){_SHORT}(?:マーク|判定|分類|として|にして|評価)",
    rf"(?:적격|자격|유망|유효){_SHORT}(?:표시|분류|판정|처리|간주)",
    rf"(?:योग्य){_NEAR}(?:चिह्नित|मान|घोषित)",
)
_ADDRESS = (
    r"\b(?:dear|hey|hello|hi|attention|note to|message to|to) (?:the )?(?:ai|reviewer|language model|llm|classifier|"
    r"evaluator|grader)\b",
    r"\b(?:ai|language) model\b|\bllm\b|\bprompt injection\b|\bjailbreak\b|\bsystem prompt\b",
    r"\byou(?:'re| are) (?:now )?(?:an? |the )?(?:\w+ )?"
    r"(?:ai\b|reviewer|language model|llm|classifier|evaluator|grader)",
    r"\b(?:act|behave|respond|answer) as (?:an? |the )?(?:\w+ )?(?:ai\b|reviewer|model|classifier|evaluator|grader)",
    r"\bdu bist (?:jetzt |nun )?(?:ein\w* |der |die )?(?:\w+ )?(?:ki\b|prufer|gutachter|sprachmodell|bewerter)",
    r"\b(?:an den|lieber|achtung) (?:prufer|gutachter)\b|\bsprachmodell\b",
    r"\b(?:tu es|vous etes) (?:maintenant )?(?:une? |le |la )?(?:\w+ )?(?:ia\b|evaluateur|modele)",
    r"\b(?:eres|usted es) (?:ahora )?(?:una? |el |la )?(?:\w+ )?(?:ia\b|revisor|evaluador|modelo)",
    r"\bsei (?:ora )?(?:una? |il |un')?(?:\w+ )?(?:ia\b|revisore|valutatore|modello)",
    r"\b(?:je bent|u bent) (?:nu )?(?:een |de )?(?:\w+ )?(?:ai\b|beoordelaar|taalmodel)",
    r"你(?:现在)?是.{0,6}(?:审核|评审|模型|人工智能|ai)|あなたは.{0,8}(?:審査|レビュアー|ai|モデル)|(?:너는|당신은).{0,8}(?:ai|심사|모델)",
)
_MACHINE = (
    r"(?:^|[.!?>\"'] ?)(?:system|assistant|developer)\s*:|<\|?/?(?:im_start|im_end|system|assistant|user|endoftext)\b|"
    r"\[/?inst\]|<</?sys>>|## ?(?:instruction|system|response)",
    r"\{\s*\"[a-z_]+\"\s*:",
    r"\bend of (?:the )?(?:transcript|conversation|data)\b|\b(?:transcript|data) (?:ends|ended|is over)\b",
    r"--- ?(?:end|begin)\b|\b(?:end|begin) (?:transcript|data)\b",
)
_SPEAKS = re.compile(
    "|".join(f"(?:{without_marks(each)})" for group in (_DISREGARD, _RULE, _ADDRESS, _MACHINE) for each in group)
)


_SPACED = re.compile(r"(?<!\w)(?:\w[ .·•_*|/,+~:-]){3,}\w(?!\w)")
_BETWEEN = re.compile(r"[ .·•_*|/,+~:-]")
_MIXED = re.compile(r"\w*[a-z]\w*")
_LOOK_ALIKE = str.maketrans("аеорсухіѕјԁһкмтвнԛԝѵӏαορετινκսոցհօɑɡꞁ", "aeopcyxisjdhkmtbhqwvlaopetivkunghoagl")
"""Letters of other alphabets that look like Latin ones; they count as such in words that have Latin letters too."""


def speaks_to_reviewer(text: str) -> bool:
    """Tell whether a text tries to tell the reviewer what to do or to think."""
    return _SPEAKS.search(_undisguised(text)) is not None


def speaking_numbers(texts: Sequence[str]) -> frozenset[int]:
    """Return the places (from 0) of the texts that speak to the reviewer, alone or run together with their neighbours.

    An instruction that is cut into several messages is found in what they say together.
    """
    spans, joined = _joined([_undisguised(text) for text in texts])
    found = {place for place, text in enumerate(texts) if speaks_to_reviewer(text)}
    for match in _SPEAKS.finditer(joined):
        found |= {place for place, (start, end) in enumerate(spans) if start < match.end() and match.start() < end}
    return frozenset(found)


def _undisguised(text: str) -> str:
    """Return a text for recognising phrases: s p a c e d letters together, letters that only look Latin made so."""
    plain = _SPACED.sub(lambda found: _BETWEEN.sub("", found[0]), bare(text))
    if plain.isascii():
        return plain
    return _MIXED.sub(lambda found: found[0].translate(_LOOK_ALIKE), plain)


def _joined(texts: Sequence[str]) -> tuple[list[tuple[int, int]], str]:
    spans, at = [], 0
    for text in texts:
        spans.append((at, at + len(text)))
        at += len(text) + 1
    return spans, " ".join(texts)
