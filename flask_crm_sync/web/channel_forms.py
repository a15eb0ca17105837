"""The form of a channel: what is shown in it, and what was typed into it, read with care."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from werkzeug.datastructures import MultiDict

from ..language import is_zone, languages
from ..models.channel import AT_ONCE, DAILY, HOURLY, WEBHOOK
from ..models.notice import EVENTS
from ..notifications.channels import Address, ChannelView, Wishes
from ..notifications.own_words import LONGEST, unknown_holes
from ..notifications.webhook import new_secret
from .asked import short
from .door import door
from .languages import this_reader
from .texts import gettext as _

_LONGEST_ADDRESS = 2000
_LONGEST_LABEL = 60


@dataclass(frozen=True, slots=True)
class ChannelForm:
    """What the form shows. An address never comes back into it; the `secret` is new, and stored when it is saved."""

    kind: str
    wishes: Wishes
    shared: bool = False
    secret: str = field(default="", repr=False)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_quiet_hours(self) -> bool:
        """Tell whether there are quiet hours."""
        return self.wishes.quiet_from is not None


def blank(kind: str, shared: bool) -> ChannelForm:
    """Return the form of a new channel: in the reader's own language and time zone, at once, everything."""
    reader = this_reader()
    wishes = Wishes(time_zone=str(reader.zone.key), language=reader.code)
    return ChannelForm(kind, wishes, shared, new_secret() if kind == WEBHOOK else "")


def form_of(known: ChannelView) -> ChannelForm:
    """Return the form of a channel as it is stored."""
    return ChannelForm(known.kind, known.wishes, not known.user_id)


def typed(given: MultiDict[str, str], form: ChannelForm) -> tuple[ChannelForm, Address]:
    """Return what was typed, with what is wrong with it, and the address ("" where none was typed)."""
    url, secret = given.get("address", "").strip(), given.get("secret", "").strip()
    errors = dict(_wrong(given, secret))
    quiet = "quiet" in given
    wishes = Wishes(
        label=" ".join(given.get("label", "").split())[:_LONGEST_LABEL],
        events=tuple(event for event in EVENTS if event in given.getlist("events")),
        rhythm=_one_of(given, "rhythm", (AT_ONCE, HOURLY, DAILY)),
        daily_at=_hour(given.get("daily_at", "")) * 60,
        quiet_from=_minutes(given.get("quiet_from", "")) if quiet else None,
        quiet_to=_minutes(given.get("quiet_to", "")) if quiet else None,
        time_zone=given.get("time_zone", "") if "time_zone" not in errors else form.wishes.time_zone,
        language=_one_of(given, "language", languages(door().settings.translations)),
        template=given.get("template", "").replace("\r\n", "\n").strip()[: LONGEST + 1],
    )
    kept = secret if form.kind == WEBHOOK and "secret" not in errors else ""
    return replace(form, wishes=wishes, secret=kept, errors=errors), Address(url[:_LONGEST_ADDRESS], kept)


def clock_text(minutes: int | None) -> str:
    """Return a time of day as a form's input writes it."""
    return "" if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"


def language_names() -> list[tuple[str, str]]:
    """Return the languages that there are, each in its own words."""
    known = languages(door().settings.translations)
    return [(code, (Locale.parse(code).get_display_name() or code).capitalize()) for code in known]


@cache
def zones() -> tuple[str, ...]:
    """Return the names of the time zones that people live in."""
    regions = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *sorted(name for name in available_timezones() if name.startswith(regions)))


def _wrong(given: MultiDict[str, str], secret: str) -> Mapping[str, str]:
    errors = {}
    if not given.getlist("events"):
        errors["events"] = _("Choose at least one kind of news.")
    times = (given.get("quiet_from", ""), given.get("quiet_to", ""))
    if "quiet" in given and (None in map(_minutes, times) or times[0] == times[1]):
        errors["quiet"] = _("Say from when and until when it is quiet.")
    errors |= _wrong_words(given.get("template", "").replace("\r\n", "\n").strip())
    zone = short(given, "time_zone", 64)
    if not zone or not is_zone(zone):
        errors["time_zone"] = _("Choose a time zone.")
    if secret and not (16 <= len(secret) <= 200 and secret.isascii() and secret.isprintable() and " " not in secret):
        errors["secret"] = _("A secret has 16 to 200 letters, digits or signs, and no spaces.")
    return errors


def _wrong_words(template: str) -> Mapping[str, str]:
    if len(template) > LONGEST:
        return {"template": _("These are at most %(number)s characters.", number=LONGEST)}
    if unknown := unknown_holes(template):
        return {"template": _("Nothing stands for {%(name)s}.", name=unknown[0])}
    return {}


def _one_of(given: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = given.get(name, "")
    return value if value in choices else choices[0]


def _hour(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 and int(text) < 24 else 8


def _minutes(text: str) -> int | None:
    """Return the minutes since midnight of a time such as 22:30, None for what is none."""
    hours, _colon, minutes = text[:5].partition(":")
    is_time = all(part.isascii() and part.isdigit() and len(part) == 2 for part in (hours, minutes))
    return int(hours) * 60 + int(minutes) if is_time and int(hours) < 24 and int(minutes) < 60 else None
