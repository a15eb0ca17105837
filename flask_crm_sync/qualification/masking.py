"""Contact details taken out of a text before it leaves: each becomes a placeholder that stays the same throughout.

What is found: e-mail addresses, numbers long enough to be a phone's, a card's or an account's, whatever their script
and spacing, links that may carry a secret, keys and tokens, and what the client's own record holds (names, company,
street, postal code). What is not: names of other people, a city, numbers in words, whatever is paraphrased. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..host.records import ClientRecord
from .own_details import APART, SCRIPTS, of_record
from .visible import visible

_IN_EMAIL = r"[^\s@<>()\[\]{},;:\"'。]"
_SPACED_IN_EMAIL = rf"[^\s@<>()\[\]{{}},;:\"'。{SCRIPTS}]"
_LOCAL = rf"(?:(?<!{_SPACED_IN_EMAIL}){_SPACED_IN_EMAIL}+|(?<!{_IN_EMAIL}){_IN_EMAIL}*[{SCRIPTS}])"
_LAST = r"(?:xn--[A-Za-z\d-]{2,59}|[A-Za-z]{2,24}|[^\W\d_]{2,24})"
_EMAIL = rf"{_LOCAL}(?:[ ]?@[ ]?|%40|&#64;|&commat;){_IN_EMAIL}{{1,253}}[ ]?[.。]{_LAST}"
_AT, _DOT = r"\s?[\[({]\s?(?:at|ät)\s?[\])}]\s?", r"\s?[\[({]\s?(?:dot|punkt)\s?[\])}]\s?"
_BRACKETED = rf"{_AT}[\w-]{{1,63}}(?:(?:\.|{_DOT})[\w-]{{1,63}}){{1,5}}"
_IN_WORDS = rf"[ ](?:at|ät)[ ][\w-]{{1,63}}(?:(?:[ ](?:dot|punkt)[ ]|{_DOT})[\w-]{{1,63}}){{1,5}}"
_SPELLED_EMAIL = rf"(?<![\w.+-])[\w.+-]{{1,64}}(?i:{_BRACKETED}|{_IN_WORDS})"
_LINK = r"(?:https?|ftp)://[^\s<>\"']+|www\.[^\s<>\"']+"
_KEY = r"(?=[\w-]{0,99}\d)(?=[\w-]{0,99}[^\W\d_])(?:[A-Za-z0-9_-]{24,}|(?:sk|pk|pat|ghp|xox[a-z])[-_][\w-]{8,})"
_IBAN = r"[A-Za-z]{2}\d{2}(?:[ ]?[A-Za-z0-9]{4}){2,7}(?:[ ]?[A-Za-z0-9]{1,3})?"
_NUMBER = rf"[+(]{{0,2}}\d(?:{APART}\d){{6,}}"
_DAY = r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2})"
_NO_PHONE = re.compile(
    rf"{_DAY}(?:[ ]*[-–/]?[ ]*{_DAY})?(?:[ ]+\d{{1,2}}(?:[.]\d{{2}})?)?"
    r"|(?:19|20)\d\d ?[-–/] ?(?:19|20)\d\d"
    r"|\d{1,2}[.]\d{2} ?[-–] ?\d{1,2}[.]\d{2}"
    r"|[1-9]\d{0,2}([. ])(?:\d{3}\1)+000"
)
"""Days, years, hours and round sums: numbers as long as a phone's that are none."""
_SECRET_PATH = re.compile(r"/(?=[^/]*\d)(?=[^/]*[A-Za-z])[\w-]{16,}")
_KEYCAP = re.compile(r"(?<=\d)\u20e3")
_PHONE_DIGITS = 12

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
            **of_record(client),
            "iban": rf"(?<!\w){_IBAN}(?!\w)",
            "code": rf"(?<![\w-]){_KEY}(?![\w-])",
            "phone": rf"(?<!\d){_NUMBER}",
        }
        self._pattern = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items()))

    def masked(self, text: str) -> str:
        """Return a text with placeholders for every detail that is recognised."""
        return self._pattern.sub(self._placeholder, _KEYCAP.sub("", visible(text)))

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
        if _NO_PHONE.fullmatch(detail):
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
