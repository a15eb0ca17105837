"""Rate limits as HubSpot counts them: burst per app, search per account and second, day per account."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..clock import Clock
from .access import Portal, Token

INTERVAL_MS = 10_000


@dataclass(frozen=True)
class Tier:
    """What an account of this kind may use; ``burst`` is per app and 10 s, ``daily`` per account."""

    burst: int
    daily: int
    search_per_second: int = 5


TIERS = {
    "demo": Tier(100_000, 100_000_000, 1_000),
    "free": Tier(100, 250_000),
    "professional": Tier(190, 625_000),
    "enterprise": Tier(190, 1_000_000),
    "add-on": Tier(250, 2_000_000),
}
MARKETPLACE_BURST = 110
"""An app with OAuth has this burst per installing account, and no daily limit."""


class Window:
    """Count events of the last so many milliseconds."""

    def __init__(self, span_ms: int) -> None:
        self._span = span_ms
        self._moments: deque[int] = deque()

    def room(self, now_ms: int, most: int) -> int:
        """Say how many more fit in before ``most`` is reached."""
        while self._moments and self._moments[0] <= now_ms - self._span:
            self._moments.popleft()
        return most - len(self._moments)

    def add(self, now_ms: int) -> None:
        """Count one."""
        self._moments.append(now_ms)


@dataclass(frozen=True)
class Verdict:
    """Whether a call fits in (``exceeded`` is None) and the headers its answer carries."""

    exceeded: str | None
    headers: dict[str, str]
    retry_after: int


class Limits:
    """Admit calls one by one; a call that is turned away counts against nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bursts: dict[str, Window] = {}
        self._searches: dict[int, Window] = {}
        self._days: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()

    def admit(self, portal: Portal, token: Token, *, is_search: bool) -> Verdict:
        """Count one call, or say which policy it exceeds."""
        tier = TIERS[portal.tier]
        with self._lock:
            if is_search:
                return self._admit_search(portal, tier)
            return self._admit_call(portal, token, tier)

    def reset(self) -> None:
        """Forget all counts."""
        with self._lock:
            self._bursts.clear()
            self._searches.clear()
            self._days.clear()

    def spent(self, portal: Portal) -> dict[str, str]:
        """Return the headers of an answer after the last call that fitted in."""
        tier = TIERS[portal.tier]
        return _headers(tier.burst, 0, tier.daily, tier.daily - self.used_today(portal))

    def used_today(self, portal: Portal) -> int:
        """Say how many calls the account has used since its midnight."""
        return self._days[portal.portal_id, self._local(portal).date().isoformat()]

    def tier(self, portal: Portal) -> Tier:
        """Return what the account may use."""
        return TIERS[portal.tier]

    def offset(self, portal: Portal) -> timedelta:
        """Return how far the account's clocks are from UTC now."""
        return self._local(portal).utcoffset() or timedelta(0)

    def midnight_ms(self, portal: Portal) -> int:
        """Return when the account's day ends."""
        tomorrow = self._local(portal) + timedelta(days=1)
        return round(tomorrow.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)

    def _admit_search(self, portal: Portal, tier: Tier) -> Verdict:
        """Search has a limit of its own, and its answers carry no headers about it."""
        window = self._searches.setdefault(portal.portal_id, Window(1000))
        now = self._clock.now_ms()
        if window.room(now, tier.search_per_second) <= 0:
            return Verdict("SECONDLY", {}, 1)
        window.add(now)
        return Verdict(None, {}, 0)

    def _admit_call(self, portal: Portal, token: Token, tier: Tier) -> Verdict:
        static = token.use == "static"
        burst = tier.burst if static or portal.tier == "demo" else MARKETPLACE_BURST
        window = self._bursts.setdefault(f"{portal.portal_id} {token.client_id or token.token}", Window(INTERVAL_MS))
        now = self._clock.now_ms()
        day = (portal.portal_id, self._local(portal).date().isoformat())
        room, left = window.room(now, burst), tier.daily - self._days[day]
        if static and left <= 0:
            return Verdict("DAILY", _headers(burst, room, tier.daily, 0), self._to_midnight(portal))
        if room <= 0:
            return Verdict("TEN_SECONDLY_ROLLING", _headers(burst, 0, tier.daily, left, daily_shown=static), 10)
        window.add(now)
        self._days[day] += 1
        return Verdict(None, _headers(burst, room - 1, tier.daily, left - 1, daily_shown=static), 0)

    def _local(self, portal: Portal) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), zone(portal.time_zone))

    def _to_midnight(self, portal: Portal) -> int:
        return (self.midnight_ms(portal) - self._clock.now_ms()) // 1000 + 1


def zone(name: str) -> tzinfo:
    """Return a time zone; a machine without time zone data gets UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _headers(burst: int, room: int, daily: int, left: int, *, daily_shown: bool = True) -> dict[str, str]:
    headers = {
        "X-HubSpot-RateLimit-Max": str(burst),
        "X-HubSpot-RateLimit-Remaining": str(room),
        "X-HubSpot-RateLimit-Interval-Milliseconds": str(INTERVAL_MS),
        "X-HubSpot-RateLimit-Secondly": str(max(1, burst // 10)),
        "X-HubSpot-RateLimit-Secondly-Remaining": str(max(0, min(room, burst // 10))),
    }
    if daily_shown:
        headers["X-HubSpot-RateLimit-Daily"] = str(daily)
        headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, left))
    return headers
