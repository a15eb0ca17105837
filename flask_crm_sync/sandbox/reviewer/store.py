"""What the reviewer was asked and what it answered: the newest requests, in memory; and its keys."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 500
DEFAULT_KEY = "ai-sandbox-key"


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was answered, in full."""

    number: int
    at_ms: int
    form: str
    task: str
    shown: str
    answer: str
    finish: str
    outcome: str
    faults: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


class Store:
    """Keys and requests of one server. Nothing is kept beyond the process: conversations are nobody's to keep."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = {DEFAULT_KEY}
        self._kept: deque[Request] = deque(maxlen=KEPT)
        self._outcomes: Counter[str] = Counter()

    def add(self, **values: Any) -> Request:
        """Note a request, and return it with its number."""
        with self._lock:
            request = Request(number=self._outcomes.total() + 1, **values)
            self._kept.append(request)
            self._outcomes[request.outcome] += 1
        return request

    def newest(self) -> list[Request]:
        """Return the kept requests, newest first."""
        with self._lock:
            return list(reversed(self._kept))

    def get(self, number: int) -> Request | None:
        """Return a kept request."""
        return next((each for each in self.newest() if each.number == number), None)

    def outcomes(self) -> dict[str, int]:
        """Count all requests by what was found in them."""
        with self._lock:
            return dict(sorted(self._outcomes.items()))

    def opens(self, key: str) -> bool:
        """Say whether a key is good."""
        with self._lock:
            return key in self._keys

    def revoke(self, key: str) -> None:
        """Let a key open no more."""
        with self._lock:
            self._keys.discard(key)

    def clear(self) -> None:
        """Forget all requests; the first key opens again."""
        with self._lock:
            self._kept.clear()
            self._outcomes.clear()
            self._keys.add(DEFAULT_KEY)
