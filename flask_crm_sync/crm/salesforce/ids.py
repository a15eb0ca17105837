"""Record ids: 15 characters in which case matters, or 18 whose last three repeat the case of the others."""

from __future__ import annotations

import re

LEAD, CONTACT, TASK = "Lead", "Contact", "Task"
PEOPLE = (CONTACT, LEAD)
"""The kinds of record that a client may be; a contact comes before a lead."""

_PREFIXES = {"00Q": LEAD, "003": CONTACT}
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def id18(text: object) -> str:
    """Return an id in its form of 18 characters, "" for what is no id."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        return ""
    if len(text) == 18:
        return text
    return text + "".join(_check(text[start : start + 5]) for start in (0, 5, 10))


def kind_of(record_id: str) -> str:
    """Return the kind of person that an id names, "" for any other."""
    return _PREFIXES.get(record_id[:3], "") if id18(record_id) else ""


def _check(part: str) -> str:
    """Return the character that tells which of five are capitals."""
    return _CHECK[sum(1 << place for place, character in enumerate(part) if character.isupper())]
