"""AutoChat's limit: so many calls a minute and key, told in three headers."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..clock import Clock
from .access import Key, Workspace

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Count:
    """How a key stands in the present window."""

    limit: int
    left: int
    resets_at: int
    """Epoch seconds."""
    is_over: bool

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every answer to a valid key carries."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.left),
            "X-RateLimit-Reset": str(self.resets_at),
        }


class Limits:
    """Count the calls of each key in windows of a minute; a call that is turned away counts against nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def count(self, key: Key, workspace: Workspace) -> Count:
        """Count one call, or say that it is one too many."""
        window = int(self._clock.now()) // WINDOW_SECONDS
        with self._lock:
            of, used = self._used.get(key.text, (window, 0))
            used = used if of == window else 0
            is_over = used >= workspace.per_minute
            self._used[key.text] = (window, used if is_over else used + 1)
        left = max(0, workspace.per_minute - self._used[key.text][1])
        return Count(workspace.per_minute, left, (window + 1) * WINDOW_SECONDS, is_over)

    def spent(self, workspace: Workspace) -> Count:
        """Return how a key stands that has used up its minute."""
        window = int(self._clock.now()) // WINDOW_SECONDS
        return Count(workspace.per_minute, 0, (window + 1) * WINDOW_SECONDS, is_over=True)

    def seconds_to_reset(self, count: Count) -> int:
        """Say how long the present window lasts yet, rounded up."""
        return max(1, count.resets_at - int(self._clock.now()))

    def reset(self) -> None:
        """Forget all counts."""
        with self._lock:
            self._used.clear()
