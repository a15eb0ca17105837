"""Where a reader of changed records stands, for CRMs that are asked by the time of change. Pure.

Such a list has three traps, and each has its answer here. A change may show up late, behind changes that are newer: so
each look reaches back by as much, and remembers what of it was told. More may have changed than fits a page: so the
time that was not seen is then read from its beginning, each page from the place where the one before ended, never by
counting rows, which shift while they are counted. And many records may bear one instant: so a place in time is an
instant and an id.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ..clock import Clock
from .answers import instant

MARK = 10
"""Characters of a fingerprint, six bits each: no two changes that meet in a reader's memory will share one."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record as a list of changes shows it: its id, when it changed (milliseconds since 1970), and a fingerprint."""

    id: str
    at: int
    mark: str


_Seen = TypeVar("_Seen", bound=Sighting)


@dataclass(frozen=True, slots=True)
class Span:
    """A time that is still to be read: from behind a record of the instant `low` up to the instant `high`, inclusive.

    With `after` empty it begins with the first record of that instant. `then` is from when looks follow it.
    """

    low: int
    after: str
    high: int
    then: int


@dataclass(frozen=True, slots=True)
class Reach:
    """By how many milliseconds a change may show up late, and how many fingerprints the cursor has room for."""

    lag: int
    room: int


@dataclass(frozen=True, slots=True)
class Feed:
    """All before the instant `since` was told, and what `seen` holds the fingerprints of."""

    since: int
    seen: tuple[str, ...] = ()
    span: Span | None = None

    def looked(self, newest: Sequence[_Seen], reach: Reach, *, now: int, whole: bool) -> tuple[list[_Seen], Feed]:
        """Take what changed last, the newest first, and return what is new of it, the oldest first.

        `now` is the CRM's time, which is not before its newest change, whatever a clock says. `whole` tells that the
        look reaches back to `since`. Otherwise nothing is told, and all of that time is to be read.
        """
        since = max(self.since, max(now, newest[0].at if newest else now) - reach.lag)
        if not whole:
            return [], replace(self, span=Span(self.since, "", newest[0].at, since))
        fresh = [sighting for sighting in reversed(newest) if sighting.at >= self.since]
        seen = tuple(sighting.mark for sighting in newest if sighting.at >= since)
        return self._unseen(fresh), Feed(since, seen[: reach.room])

    def read(self, page: Sequence[_Seen], reach: Reach, place: tuple[int, str] | None) -> tuple[list[_Seen], Feed]:
        """Take a page of the span, the oldest first, and return what is new of it.

        `place` is the instant and the id behind which the next page begins, None where this was the last.
        """
        if self.span is None:
            raise ValueError("there is no time to be read")
        seen = (*(sighting.mark for sighting in reversed(page)), *self.seen)[: reach.room]
        if place is None:
            return self._unseen(page), Feed(self.span.then, seen)
        low, after = place
        return self._unseen(page), replace(self, seen=seen, span=replace(self.span, low=low, after=after))

    def written(self) -> str:
        """Return the form that a cursor holds."""
        span = f"{self.span.low},{self.span.after},{self.span.high},{self.span.then}" if self.span else ""
        return f"{self.since};{span};{''.join(self.seen)}"

    @classmethod
    def of(cls, text: str) -> Feed:
        """Read that form; raise ValueError for another text."""
        since, told, marks = text.split(";")
        seen = tuple(marks[start : start + MARK] for start in range(0, len(marks), MARK))
        if not told:
            return cls(int(since), seen)
        low, after, high, then = told.split(",")
        return cls(int(since), seen, Span(int(low), after, int(high), int(then)))

    def _unseen(self, sightings: Sequence[_Seen]) -> list[_Seen]:
        known = set(self.seen)
        return [sighting for sighting in sightings if sighting.mark not in known]


def time_told(headers: Mapping[str, str], clock: Clock) -> int:
    """Return the CRM's time (ms since 1970) as its answer tells it, ours where it tells none or a later one.

    A place in the future would pass over all that happens until then; one in the past costs but a longer look.
    """
    ours = clock.now()
    try:
        now = min(instant(headers.get("Date") or ""), ours)
    except ValueError:
        now = ours
    return int(now.timestamp() * 1000)


def fingerprint(*parts: str) -> str:
    """Return a short text that stands for some texts."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")[:MARK]
