"""Our words in the reader's: states, kinds of work, times and numbers."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from ..language import Unit
from ..models.operation import (
    ADD_NOTE,
    APPLY_REMOTE,
    CREATE_LEAD,
    ERASE,
    FAILED,
    PENDING,
    PUT_BACK,
    SKIPPED,
    SUCCESS,
    UPDATE_CONTACT,
)
from ..sync.reasons import Explanation, explain
from ..sync.status import COUNT_TO, SHOWN_TO
from .door import this_sync
from .languages import this_reader
from .texts import gettext as _
from .texts import number, said

LONGEST_NAME, LONGEST_VALUE = 200, 2_000
"""Characters of a name, and of a field's value, that a page shows."""


def status_word(status: str) -> str:
    """Return the word for an operation's status."""
    words = {PENDING: _("Pending"), SUCCESS: _("Success"), FAILED: _("Failed"), SKIPPED: _("Skipped")}
    return words.get(status, status)


def kind_word(kind: str) -> str:
    """Return the word for a kind of work; a kind that came later is shown as it is named."""
    words = {
        CREATE_LEAD: _("New lead"),
        UPDATE_CONTACT: _("Update"),
        ADD_NOTE: _("Note"),
        APPLY_REMOTE: _("From the CRM"),
        ERASE: _("Erasure"),
        PUT_BACK: _("Put back"),
    }
    return words.get(kind, kind.replace("_", " ").capitalize())


def explained(code: str) -> Explanation:
    """Return a code's sentence and advice in the reader's language."""
    found = explain(code)
    return Explanation(said(found.says), said(found.advice))


def counted(value: float) -> str:
    """Return a number as people read it, also where the counting stopped."""
    return f"{number(value)}+" if value >= COUNT_TO else number(value)


def counted_briefly(value: float) -> str:
    """Return a number that a page counted for itself, which it does not do for long."""
    return f"{number(value)}+" if value >= SHOWN_TO else number(value)


def brief(text: str, most: int = LONGEST_NAME) -> str:
    """Return a text as far as a page shows it: a host or a CRM may hold megabytes in any field."""
    if len(text) <= most:
        return text
    return _("%(beginning)s… (%(number)s characters)", beginning=text[:most], number=number(len(text)))


def moment(at: datetime) -> str:
    """Return an instant in full, in the reader's zone."""
    return this_reader().moment(at)


def hour(at: datetime) -> str:
    """Return the hour of a day, in the reader's zone."""
    return this_reader().hour(at)


def clock(at: datetime) -> str:
    """Return the time of the day, in the reader's zone."""
    return this_reader().clock(at)


def zone_name() -> str:
    """Return the short name of the reader's zone, as it is now."""
    return this_reader().zone_name(this_sync().clock.now())


def when(at: datetime | None) -> Markup:
    """Return how long ago (or how soon) an instant is, with the instant itself for who asks."""
    if at is None:
        return Markup("<span>{}</span>").format(_("never"))
    text = distance((at - this_sync().clock.now()).total_seconds())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(timespec="seconds"), moment(at), text)


def distance(seconds: float) -> str:
    """Return a distance in time in words: positive lies ahead, negative behind us."""
    if abs(seconds) < 45:
        return _("just now") if seconds <= 0 else _("in a moment")
    size, unit = _measured(abs(seconds))
    return this_reader().distance(unit, size if seconds > 0 else -size)


def amount(seconds: float) -> str:
    """Return a length of time in words, in minutes at least."""
    size, unit = _measured(seconds)
    return this_reader().amount(unit, size)


def seconds_word(seconds: float) -> str:
    """Return a short length of time: seconds up to two minutes, then minutes and more."""
    return _("%(number)s\u00a0s", number=f"{max(1.0, seconds):.0f}") if seconds < 120 else amount(seconds)


def _measured(seconds: float) -> tuple[int, Unit]:
    """Return a length of time in the unit in which people would tell it."""
    minutes = max(1, round(seconds / 60))
    hours = round(minutes / 60)
    if minutes < 60:
        return minutes, "minute"
    return (hours, "hour") if hours < 48 else (round(hours / 24), "day")
