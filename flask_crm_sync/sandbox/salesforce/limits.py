"""The org's API calls of the last 24 hours."""

from __future__ import annotations

import threading
from collections import Counter

from ..clock import Clock
from .dialect import Dialect
from .orgs import Org

HOURS = 24


class Limits:
    """Count calls by org and hour; a call beyond the limit is refused and not counted."""

    def __init__(self, clock: Clock, dialect: Dialect) -> None:
        self._clock, self._dialect = clock, dialect
        self._hours: dict[str, Counter[int]] = {}
        self._lock = threading.Lock()

    def most(self, org: Org) -> int:
        """Return how many calls the org has a day."""
        own = org.settings.daily_requests
        return self._dialect.daily_requests if own is None else own

    def used(self, org: Org) -> int:
        """Return how many calls the org has made in the last 24 hours."""
        now = self._hour()
        with self._lock:
            return sum(count for hour, count in self._hours.get(org.org_id, {}).items() if hour > now - HOURS)

    def admit(self, org: Org) -> bool:
        """Count a call, or say that it does not fit in."""
        if self.used(org) >= self.most(org):
            return False
        with self._lock:
            self._hours.setdefault(org.org_id, Counter())[self._hour()] += 1
        return True

    def use_up(self, org: Org, used: int) -> None:
        """Let the org have made so many calls, all of them within this hour."""
        with self._lock:
            self._hours[org.org_id] = Counter({self._hour(): used})

    def info(self, org: Org) -> dict[str, str]:
        """Return the header that every answer carries."""
        return {"Sforce-Limit-Info": f"api-usage={self.used(org)}/{self.most(org)}"}

    def reset(self) -> None:
        """Forget all counts."""
        with self._lock:
            self._hours.clear()

    def _hour(self) -> int:
        return int(self._clock.now() // 3600)
