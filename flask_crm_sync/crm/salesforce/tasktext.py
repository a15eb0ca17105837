"""The texts of a task: its subject, and a description that begins with the time and may end with a key."""

from __future__ import annotations

import re
from datetime import datetime

from ..texts import utf16_units

SUBJECT_LIMIT, DESCRIPTION_LIMIT = 255, 32_000
"""Characters: the Task page of Salesforce's Object Reference."""

_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MARKER = re.compile(r"^ref: ([0-9A-Za-z_.:-]+)$", re.MULTILINE)


def subject_line(text: str) -> str:
    """Return a subject in one line, cut to its field; never empty."""
    return _cut(" ".join(_clean(text).split()), SUBJECT_LIMIT) or "Conversation"


def description(text: str, at: datetime, key: str) -> str:
    """Return a description, cut with "…" where Salesforce would refuse its length.

    The date of a task has no time of day, so that stands in the text. `key` is left out where it is "".
    """
    head = f"{at:%Y-%m-%d %H:%M} UTC\n\n"
    tail = f"\n\nref: {key}" if key else ""
    return head + _cut(_clean(text).strip(), DESCRIPTION_LIMIT - len(head) - len(tail)) + tail


def markers(text: str) -> set[str]:
    """Return the keys that a description refers to."""
    return set(_MARKER.findall(text.replace("\r\n", "\n")))


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _UNSAFE.sub("", text))


def _cut(text: str, room: int) -> str:
    """Cut a text between two characters where it has no room."""
    if len(text) <= room and utf16_units(text) <= room:
        return text
    kept = text[:room]
    while utf16_units(kept) > room - 1:
        kept = kept[: len(kept) - max(1, (utf16_units(kept) - room + 1) // 2)]
    return kept.rstrip() + "…"
