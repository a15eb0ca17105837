"""Our words in the reader's: states, kinds of work, times and numbers."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from ..models.operation import ADD_NOTE, CREATE_LEAD, FAILED, PENDING, SKIPPED, SUCCESS, UPDATE_CONTACT
from ..sync.reasons import Explanation, explain
from ..sync.status import COUNT_TO
from .door import this_sync
from .texts import gettext as _
from .texts import ngettext


def status_word(status: str) -> str:
    """Return the word for an operation's status."""
    words = {PENDING: _("Pending"), SUCCESS: _("Success"), FAILED: _("Failed"), SKIPPED: _("Skipped")}
    return words.get(status, status)


def kind_word(kind: str) -> str:
    """Return the word for a kind of work; a kind that came later is shown as it is named."""
    words = {CREATE_LEAD: _("New lead"), UPDATE_CONTACT: _("Update"), ADD_NOTE: _("Note")}
    return words.get(kind, kind.replace("_", " ").capitalize())


def explained(code: str) -> Explanation:
    """Return a code's sentence and advice in the reader's language."""
    found = explain(code)
    return Explanation(_(found.says), _(found.advice))


def counted(number: int) -> str:
    """Return a number as people read it, also where the counting stopped."""
    return f"{number:,}+" if number >= COUNT_TO else f"{number:,}"


def moment(at: datetime) -> str:
    """Return an instant in full."""
    return f"{at:%d %b %Y, %H:%M:%S} UTC"


def when(at: datetime | None) -> Markup:
    """Return how long ago (or how soon) an instant is, with the instant itself for who asks."""
    if at is None:
        return Markup("<span>{}</span>").format(_("never"))
    text = distance((at - this_sync().clock.now()).total_seconds())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(timespec="seconds"), moment(at), text)


def distance(seconds: float) -> str:
    """Return a distance in time in words: positive lies ahead, negative behind us."""
    size = abs(seconds)
    if size < 45:
        return _("just now") if seconds <= 0 else _("in a moment")
    words = amount(size)
    return _("in %(amount)s", amount=words) if seconds > 0 else _("%(amount)s ago", amount=words)


def amount(seconds: float) -> str:
    """Return a length of time in words, in minutes at least."""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return ngettext("1 minute", "%(number)s minutes", minutes)
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("1 hour", "%(number)s hours", hours)
    return ngettext("1 day", "%(number)s days", round(hours / 24))


def seconds_word(seconds: float) -> str:
    """Return a short length of time: seconds up to two minutes, then minutes and more."""
    return _("%(number)s\u00a0s", number=f"{max(1.0, seconds):.0f}") if seconds < 120 else amount(seconds)
