"""The body of a note: who spoke of what, the text, and a last line by which the note is found again.

HubSpot renders the HTML of `hs_note_body`, has no subject for notes, and no idempotency key: the marker on the last
line is what a later attempt looks for.
"""

from __future__ import annotations

import html
import re

BODY_LIMIT = 65_536
"""Characters in `hs_note_body`: HubSpot's guide to notes. Counted in UTF-16 units, the stricter reading."""

_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MARKER = re.compile(r"ref: ([0-9A-Za-z_.:-]+)")
_BREAK = "<br>"
_LONGEST_PIECE = len("&amp;")


def note_body(subject: str, text: str, key: str) -> str:
    """Return the HTML of a note, shortened with "…" where HubSpot would refuse its length."""
    head = f"<strong>{_escaped(_one_line(subject), 1_000)}</strong>{_BREAK}" if subject.strip() else ""
    tail = f"{_BREAK}ref: {html.escape(key)}"
    return head + _escaped(text.strip(), BODY_LIMIT - len(head) - len(tail)) + tail


def markers(body: str) -> set[str]:
    """Return the keys that a note's body, or what HubSpot made of it, refers to."""
    return set(_MARKER.findall(html.unescape(body)))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str, room: int) -> str:
    """Escape a text for HTML, cut between two characters where it would not fit."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _UNSAFE.sub("", text))
    if len(text) * _LONGEST_PIECE <= room:
        return html.escape(text, quote=False).replace("\n", _BREAK)
    pieces = [_BREAK if character == "\n" else html.escape(character, quote=False) for character in text[: room + 1]]
    if sum(map(_units, pieces)) <= room:
        return "".join(pieces)
    kept, used = [], 1
    for piece in pieces:
        used += _units(piece)
        if used > room:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def _units(piece: str) -> int:
    return len(piece) + (ord(piece[0]) > 0xFFFF)
