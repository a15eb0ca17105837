"""Service protection as Dataverse counts it: requests, execution time and calls at once, per user over 300 s."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from ..clock import Clock

WINDOW_MS = 300_000
FIRST_WAIT = 5
LONGEST_WAIT = 300
REQUESTS, BUSY, AT_ONCE = "0x80072322", "0x80072321", "0x80072326"
POLICIES = (REQUESTS, BUSY, AT_ONCE)


@dataclass(frozen=True)
class Tier:
    """What one user may do within the window."""

    requests: int
    busy_ms: int
    at_once: int


TIERS = {"demo": Tier(1_000_000, 1_000_000_000, 1000), "standard": Tier(6000, 1_200_000, 52)}


@dataclass
class Usage:
    """What one user has done lately: when calls began, what they cost when they ended, and refusals in a row."""

    calls: deque[int] = field(default_factory=deque)
    costs: deque[tuple[int, int]] = field(default_factory=deque)
    busy_ms: int = 0
    under_way: int = 0
    refusals: int = 0

    def forget(self, now: int) -> None:
        """Drop what is older than the window."""
        while self.calls and self.calls[0] <= now - WINDOW_MS:
            self.calls.popleft()
        while self.costs and self.costs[0][0] <= now - WINDOW_MS:
            self.busy_ms -= self.costs.popleft()[1]


@dataclass(frozen=True)
class Verdict:
    """Which limit a call is over, if any, and how long to wait then."""

    exceeded: str | None
    retry_after: int
    headers: dict[str, str]


class Limits:
    """Admit calls one by one; whoever keeps calling after a refusal waits longer each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._users: dict[str, Usage] = {}
        self._lock = threading.Lock()

    def admit(self, user: str, tier: Tier) -> Verdict:
        """Let a call begin, or say which limit is in its way."""
        with self._lock:
            usage, now = self._users.setdefault(user, Usage()), self._clock.now_ms()
            usage.forget(now)
            exceeded = _exceeded(usage, tier)
            if exceeded is not None:
                return Verdict(exceeded, _next_wait(usage), _headers(usage, tier))
            usage.refusals = 0
            usage.under_way += 1
            usage.calls.append(now)
            return Verdict(None, 0, _headers(usage, tier))

    def finish(self, user: str, busy_ms: int) -> None:
        """Note that a call is over, and how long it kept the server busy."""
        with self._lock:
            usage = self._users.setdefault(user, Usage())
            usage.under_way = max(0, usage.under_way - 1)  # a reset may have come in between
            usage.busy_ms += busy_ms
            usage.costs.append((self._clock.now_ms(), busy_ms))

    def refuse(self, user: str) -> int:
        """Refuse a call for no reason of its own; return how many seconds to wait, more from time to time."""
        with self._lock:
            return _next_wait(self._users.setdefault(user, Usage()))

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._users.clear()


def _exceeded(usage: Usage, tier: Tier) -> str | None:
    if len(usage.calls) >= tier.requests:
        return REQUESTS
    if usage.busy_ms >= tier.busy_ms:
        return BUSY
    return AT_ONCE if usage.under_way >= tier.at_once else None


def _next_wait(usage: Usage) -> int:
    usage.refusals += 1
    return min(LONGEST_WAIT, FIRST_WAIT << min(usage.refusals - 1, 10))


def _headers(usage: Usage, tier: Tier) -> dict[str, str]:
    left_ms = max(0, tier.busy_ms - usage.busy_ms)
    return {
        "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(0, tier.requests - len(usage.calls))),
        "x-ms-ratelimit-time-remaining-xrm-requests": f"{left_ms / 1000:,.2f}",
    }
