"""The sandbox's own time, so that expiries, limits and index lag can be tested without waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache


class Clock:
    """Tell the time of a base clock (epoch seconds) moved by an offset."""

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._offset = 0.0

    def now(self) -> float:
        """Return epoch seconds."""
        return self._base() + self._offset

    def now_ms(self) -> int:
        """Return epoch milliseconds."""
        return int(self.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Move the sandbox's time on (or back, with a negative number)."""
        self._offset += seconds

    def set(self, epoch: float) -> None:
        """Make this the present moment; time then runs on from it."""
        self._offset = epoch - self._base()


@lru_cache(maxsize=1024)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso(ms: int) -> str:
    """Write epoch milliseconds the way CRMs print moments: ``2026-03-10T23:04:41.164Z``."""
    seconds, rest = divmod(ms, 1000)
    return f"{_to_the_second(seconds)}.{rest:03d}Z"


def from_iso(text: str) -> int:
    """Read an ISO-8601 moment as epoch milliseconds; one without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
