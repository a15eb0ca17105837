"""What a form has come to, told on the next page; apart from the host's flashes, which its frame may show itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask import session

_KEY = "_crm_sync_notices"
_MOST = 5
_LONGEST = 600

Tone = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence or two for the user."""

    tone: str
    text: str


def tell(text: str, tone: Tone = "good") -> None:
    """Keep a notice for the next page that is shown; a cookie is small, so a long one is cut."""
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    session[_KEY] = [*session.get(_KEY, []), [tone, shown]][-_MOST:]


def take_notices() -> list[Notice]:
    """Return the notices that wait, once."""
    return [Notice(tone, text) for tone, text in session.pop(_KEY, [])]
