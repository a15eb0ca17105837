"""What the audit trail keeps of criteria and channels, in the reader's words: the names of fields, and their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..language import in_language
from ..models.channel import AT_ONCE, DAILY, HOURLY
from ..notifications.wording import event_word
from ..qualification.bounds import ALL, ANY, CLIENT
from .channel_forms import clock_text
from .criterion_words import contact_word, set_word
from .languages import this_reader
from .texts import gettext as _

_BETWEEN = ", "


def field_word(name: str) -> str | None:
    """Return what a field of a criterion or a channel is called, None for any other."""
    return {**_criterion_fields(), **_channel_fields()}.get(name)


def value_word(name: str, value: object) -> str | None:
    """Return what stands in such a field, None where it is plain as it is kept."""
    if name in _TIMES and isinstance(value, int) and not isinstance(value, bool):
        return clock_text(value)
    worded = _WORDED.get(name)
    return _BETWEEN.join(map(worded, value.split(_BETWEEN))) if worded and isinstance(value, str) and value else None


def _criterion_fields() -> dict[str, str]:
    return {
        "criterion": _("criterion"),
        "priority": _("priority"),
        "required": _("required keywords"),
        "mode": _("how many of them"),
        "excluded": _("excluded keywords"),
        "who": _("whose messages are searched"),
        "min_messages": _("least number of messages"),
        "contact_fields": _("contact details that must be known"),
        "channels": _("only on these channels"),
        "weights": _("weights of keywords"),
        "contact_weight": _("weight of contact details"),
        "messages_weight": _("weight of enough messages"),
        "channel_weight": _("weight of the channel"),
        "threshold": _("threshold"),
        "review": _("AI review"),
        "review_threshold": _("score that the review asks for"),
        "guidance": _("guidance for the reviewer"),
        "second_look": _("second look at near misses"),
        "ai_mask": _("contact details masked for the review"),
    }


def _channel_fields() -> dict[str, str]:
    return {
        "label": _("name of the channel"),
        "events": _("kinds of news"),
        "rhythm": _("how often"),
        "daily_at": _("hour of the day"),
        "quiet_from": _("quiet from"),
        "quiet_to": _("quiet until"),
        "time_zone": _("time zone"),
        "language": _("language"),
        "template": _("own words"),
        "address changed": _("address changed"),
    }


def event_name(event: str) -> str:
    """Return what an event is called, in the language of whoever asks."""
    with in_language(this_reader()):
        return event_word(event)


def _mode_word(mode: str) -> str:
    return {ANY: _("any of them"), ALL: _("all of them")}.get(mode, mode)


def _who_word(who: str) -> str:
    return _("the client's") if who == CLIENT else _("everybody's")


def _rhythm_word(rhythm: str) -> str:
    words = {AT_ONCE: _("at once"), HOURLY: _("once an hour"), DAILY: _("once a day")}
    return words.get(rhythm, rhythm)


_TIMES = ("daily_at", "quiet_from", "quiet_to")
_WORDED: Mapping[str, Callable[[str], str]] = {
    "set": set_word,
    "criteria_set": set_word,
    "mode": _mode_word,
    "who": _who_word,
    "contact_fields": contact_word,
    "events": event_name,
    "rhythm": _rhythm_word,
}
