"""Contact details taken out of a text before it leaves: each becomes a placeholder that stays the same throughout.

What is found: e-mail addresses, numbers long enough to be a phone's, a card's or an account's, whatever their script
and spacing, links that may carry a secret, keys and tokens, and what the client's own record holds (names, company,
street, postal code). What is not: names of other people, a city, numbers in words, whatever is paraphrased. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ..host.records import ClientRecord
from .visible import one_line, visible

_IN_EMAIL = r"[^\s@<>()\[\]{},;:\"']"
_EMAIL = rf"(?<!{_IN_EMAIL}){_IN_EMAIL}{{1,64}}@{_IN_EMAIL}{{1,253}}\.[^\W\d_]{{2,24}}"
_AT, _DOT = r"\s?[\[({]\s?(?:at|ät)\s?[\])}]\s?", r"(?:\.|\s?[\[({]\s?(?:dot|punkt)\s?[\])}]\s?)"
_SPELLED_EMAIL = rf"(?<![\w.+-])[\w.+-]{{1,64}}{_AT}[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{1,5}}"
_LINK = r"(?:https?|ftp)://[^\s<>\"']+|www\.[^\s<>\"']+"
_KEY = r"(?=[\w-]{0,99}\d)(?=[\w-]{0,99}[^\W\d_])(?:[A-Za-z0-9_-]{24,}|(?:sk|pk|pat|ghp|xox[a-z])[-_][\w-]{8,})"
_IBAN = r"[A-Za-z]{2}\d{2}(?:[ ]?[A-Za-z0-9]{4}){2,7}(?:[ ]?[A-Za-z0-9]{1,3})?"
_NUMBER = r"[+(]{0,2}\d(?:[ \t().\-/–·]{0,3}\d){6,}"
_DAY = r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2})"
_TIMES = re.compile(
    rf"{_DAY}(?:[ ]*[-–/]?[ ]*{_DAY})?(?:[ ]+\d{{1,2}}(?:[.]\d{{2}})?)?"
    r"|(?:19|20)\d\d ?[-–/] ?(?:19|20)\d\d"
    r"|\d{1,2}[.]\d{2} ?[-–] ?\d{1,2}[.]\d{2}"
)
_SECRET_PATH = re.compile(r"/(?=[^/]*\d)(?=[^/]*[A-Za-z])[\w-]{16,}")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_NAMES_AND_WORDS = (
    "will may rose mark grant frank bill art pat sue hope faith grace joy june april august dawn ray rich drew chase "
    "hunter cook baker price king young long short white black brown green gold day moon bush park wood woods field "
    "an do le so to no van der de la ernst klein lang gross kurz weiss schwarz roth bach berg stern graf koch herr"
)
_ALSO_WORDS = frozenset(_NAMES_AND_WORDS.split())
"""Names that are words too: these are taken for names only when they begin with a capital letter."""
_PHONE_DIGITS = 12
_LEAST = 2

Mask = Callable[[str], str]


def no_mask(text: str) -> str:
    """Return a text as a person sees it, with all that it holds."""
    return visible(text)


def mask_for(client: ClientRecord | None) -> Mask:
    """Return what masks the texts of one conversation; the same detail gets the same placeholder in all of them."""
    return _Masker(client).masked


class _Masker:
    """Remembers which detail got which placeholder."""

    def __init__(self, client: ClientRecord | None) -> None:
        self._numbers: dict[str, dict[str, int]] = {}
        kinds = {
            "link": _LINK,
            "email": f"{_EMAIL}|{_SPELLED_EMAIL}",
            **_of_record(client),
            "iban": rf"(?<!\w){_IBAN}(?!\w)",
            "code": rf"(?<![\w-]){_KEY}(?![\w-])",
            "phone": rf"(?<!\w){_NUMBER}(?!\w)",
        }
        self._pattern = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items()))

    def masked(self, text: str) -> str:
        """Return a text with placeholders for every detail that is recognised."""
        return self._pattern.sub(self._placeholder, visible(text))

    def _placeholder(self, found: re.Match[str]) -> str:
        kind, detail = found.lastgroup or "", found[0]
        if kind == "link":
            return self._link(detail)
        if kind == "phone":
            return self._number(detail)
        if kind in ("email", "iban", "code", "short_phone"):
            return self._named({"iban": "number", "short_phone": "phone"}.get(kind, kind), detail)
        return f"[{kind.replace('_', ' ')}]"

    def _number(self, detail: str) -> str:
        if _TIMES.fullmatch(detail):
            return detail
        digits = "".join(_digit(character) for character in detail if character.isdigit()).removeprefix("00")
        return self._named("number" if len(digits) > _PHONE_DIGITS else "phone", digits)

    def _link(self, detail: str) -> str:
        """Leave a plain address of a page readable: what somebody looked at says what they want."""
        address = detail.rstrip(".,;:!?)")
        carries = any(sign in address for sign in "?#@") or _SECRET_PATH.search(address.partition("//")[2])
        return (self._named("link", address) if carries else address) + detail[len(address) :]

    def _named(self, kind: str, detail: str) -> str:
        known = self._numbers.setdefault(kind, {})
        key = "".join(_digit(character) for character in detail.casefold() if character.isalnum())
        return f"[{kind} {known.setdefault(key, len(known) + 1)}]"


def _digit(character: str) -> str:
    return str(int(character)) if character.isdecimal() else character


def _of_record(client: ClientRecord | None) -> dict[str, str]:
    """Return patterns for what the client's own record holds; none where it holds nothing."""
    if client is None:
        return {}
    names = [part for name in (client.first_name, client.last_name) for part in one_line(name).split()]
    kinds = {
        "company": _phrases([client.company]),
        "street": _phrases([client.street]),
        "name": _run_of(names),
        "postal_code": _phrases([client.zip] if len(client.zip.strip()) > 3 else []),
        "short_phone": _digits(client.phone),
    }
    return {kind: pattern for kind, pattern in kinds.items() if pattern}


def _phrases(texts: Iterable[str]) -> str:
    return "|".join(_whole(_spaced(one_line(text))) for text in texts if len(one_line(text)) >= _LEAST)


def _spaced(text: str) -> str:
    return r"[\s,.-]{1,3}".join(f"(?i:{re.escape(word)})" for word in text.split())


def _run_of(names: list[str]) -> str:
    """Return a pattern for one name, or several of them in a row."""
    known = sorted({name for name in names if len(name) >= _LEAST or _UNSPACED.search(name)}, key=len, reverse=True)
    if not known:
        return ""
    one = "(?:" + "|".join(_name(name) for name in known) + ")"
    return _whole(rf"{one}(?:[\s-]{one})*", unspaced=any(_UNSPACED.search(name) for name in known))


def _name(name: str) -> str:
    if name.casefold() in _ALSO_WORDS:
        return "|".join(re.escape(form) for form in {name.capitalize(), name.upper()})
    return f"(?i:{re.escape(name)})"


def _whole(pattern: str, *, unspaced: bool | None = None) -> str:
    """Bind a pattern to whole words, except in scripts that put no spaces between them."""
    loose = bool(_UNSPACED.search(pattern)) if unspaced is None else unspaced
    return pattern if loose else rf"(?<!\w)(?:{pattern})(?![\w@])"


def _digits(phone: str) -> str:
    digits = [character for character in visible(phone) if character.isdigit()]
    if not 3 < len(digits) < 7:
        return ""  # a longer one is found as any number is
    return r"(?<!\d)" + r"[ \t().\-/–·]{0,3}".join(digits) + r"(?!\d)"
