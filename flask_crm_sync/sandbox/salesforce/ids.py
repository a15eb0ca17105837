"""Record ids: fifteen characters that mind upper and lower case, or eighteen that need not."""

from __future__ import annotations

import string

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECK = string.ascii_uppercase + "012345"
PREFIXES = {"Lead": "00Q", "Contact": "003", "Task": "00T", "Account": "001"}
"""The first three characters of an id tell its type."""


def long_form(short: str) -> str:
    """Add the three characters that say which of the fifteen are capitals."""
    groups = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(_CHECK[sum(1 << at for at, sign in enumerate(group) if sign.isupper())] for group in groups)


def normal(text: object) -> str | None:
    """Return an id in eighteen characters, or None for what is none."""
    if not isinstance(text, str) or len(text) not in (15, 18) or not (text.isascii() and text.isalnum()):
        return None
    return long_form(text if len(text) == 15 else _restored(text))


def org_id(text: str) -> str:
    """Return the id of an org as Salesforce prints it, from any text of at least fifteen characters."""
    return long_form(text[:15])


def make(prefix: str, number: int) -> str:
    """Return the id of a record by its running number."""
    tail = ""
    for _ in range(9):
        number, digit = divmod(number, 62)
        tail = DIGITS[digit] + tail
    return long_form(f"{prefix}5g0{tail}")


def kind_of(record_id: str) -> str | None:
    """Return the type that an id belongs to, if it is one of those served."""
    return next((kind for kind, prefix in PREFIXES.items() if record_id.startswith(prefix)), None)


def _restored(text: str) -> str:
    """Return the fifteen characters in the case that the last three tell."""
    marks = [_CHECK.find(sign) for sign in text[15:].upper()]
    if -1 in marks:
        return text[:15]
    return "".join(
        sign.upper() if marks[at // 5] >> (at % 5) & 1 else sign.lower() for at, sign in enumerate(text[:15])
    )
