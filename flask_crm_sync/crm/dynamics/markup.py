"""The text of a note. Dynamics renders `notetext` as rich text, so what people wrote is escaped.

Lengths: `data/dynamics/contact_columns.json` of the Dataverse table reference; counted in UTF-16 units, as it does.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

SUBJECT_LIMIT, BODY_LIMIT = 500, 100_000

_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BREAK = "<br>"


def note_subject(text: str) -> str:
    """Return a note's title, a plain text of one line, shortened with "…" where Dynamics would refuse its length."""
    plain = " ".join(_sendable(text).split())
    fits = _units(plain) <= SUBJECT_LIMIT
    return (plain if fits else _fitting(list(plain[: SUBJECT_LIMIT + 1]), SUBJECT_LIMIT)) or "Conversation"


def note_text(body: str, at: datetime) -> str:
    """Return a note's rich text: the conversation's time, then what was said, shortened where it would not fit.

    The time stands in the text because a note's own date is when it was written.
    """
    head = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{_BREAK}"
    room = BODY_LIMIT - len(head)
    lines = _sendable(body.strip()[: room + 1]).replace("\r\n", "\n").replace("\r", "\n")
    whole = _escaped(lines)
    return head + (whole if _units(whole) <= room else _fitting([_escaped(character) for character in lines], room))


def _sendable(text: str) -> str:
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _UNSAFE.sub("", text))


def _escaped(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", _BREAK)


def _fitting(pieces: list[str], room: int) -> str:
    """Join as many pieces as fit before an ellipsis."""
    kept, used = [], 1
    for piece in pieces:
        used += _units(piece)
        if used > room:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
