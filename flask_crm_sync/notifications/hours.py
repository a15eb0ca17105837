"""When a channel may be told: quiet hours, and the hours of a digest, on the clock on somebody's wall.

Times of day are minutes since midnight. Whether it is quiet depends on the wall clock alone, so that the nights on
which clocks change need no rule of their own: an hour that comes twice is quiet twice, one that is left out is not
waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ..models.channel import DAILY, HOURLY

_MINUTE = timedelta(minutes=1)
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """When a channel is told: at once or as a digest, and when it is quiet there (both None for never)."""

    zone: ZoneInfo
    rhythm: str
    daily_at: int = 480
    quiet_from: int | None = None
    quiet_to: int | None = None

    def is_quiet(self, at: datetime) -> bool:
        """Tell whether an instant lies in the quiet hours; their last minute is the one before `quiet_to`."""
        if self.quiet_from is None or self.quiet_to is None or self.quiet_from == self.quiet_to:
            return False
        return (_wall(at, self.zone) - self.quiet_from) % _DAY < (self.quiet_to - self.quiet_from) % _DAY

    def awake(self, at: datetime) -> datetime:
        """Return the instant itself, or the end of the quiet hours that it lies in."""
        if not self.is_quiet(at):
            return at
        # Minute by minute: at most 1,500 steps, and right in every zone, whatever its clocks do that night.
        at = _next_minute(at)
        while self.is_quiet(at):
            at += _MINUTE
        return at

    def due(self, at: datetime) -> datetime:
        """Return when something that happened at an instant is told."""
        return self.awake(self._gathered(at))

    def _gathered(self, at: datetime) -> datetime:
        """Return the end of the digest that an instant falls in; the instant itself where there is no digest."""
        if self.rhythm == HOURLY:
            return _next_hour(at, self.zone)
        return _next_time(at, self.zone, self.daily_at) if self.rhythm == DAILY else at


def _wall(at: datetime, zone: ZoneInfo) -> int:
    here = at.astimezone(zone)
    return here.hour * 60 + here.minute


def _next_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + _MINUTE


def _next_hour(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the next full hour, as clocks in the zone show it."""
    following = _next_minute(at)
    return following + timedelta(minutes=-_wall(following, zone) % 60)


def _next_time(at: datetime, zone: ZoneInfo, minutes: int) -> datetime:
    """Return the next instant at which clocks show a time of day; where they jump over it, as much later."""
    day = at.astimezone(zone).date()
    while True:
        shown = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
        found = shown.astimezone(UTC)
        if found > at:
            return found
        day += timedelta(days=1)
