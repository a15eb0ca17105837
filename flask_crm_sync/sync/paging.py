"""Pages by a growing number (keyset), newest first: page one of ten million rows costs what page one of ten does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page lies: older than `before`, or the next newer than `after`; the newest where both are None."""

    before: int | None = None
    after: int | None = None

    @property
    def is_forwards(self) -> bool:
        """Tell whether the page goes towards the newest."""
        return self.after is not None and self.before is None

    def narrowed(self, query: sa.Select[Any], number: sa.ColumnElement[int]) -> sa.Select[Any]:
        """Hold a query to what lies behind the place."""
        if self.is_forwards:
            return query.where(number > self.after)
        return query if self.before is None else query.where(number < self.before)

    def order(self, number: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        """Return the order in which rows are read."""
        return number.asc() if self.is_forwards else number.desc()


@dataclass(frozen=True, slots=True)
class Cut:
    """The rows of one page, newest first, and the numbers to go on from, None at either end."""

    rows: Sequence[sa.Row[Any]]
    older: int | None
    newer: int | None


def cut(rows: Sequence[sa.Row[Any]], place: Place, limit: int) -> Cut:
    """Make a page of up to `limit + 1` rows that were read in the place's order."""
    more, shown = len(rows) > limit, list(rows[:limit])
    if place.is_forwards:
        shown.reverse()
    if not shown:
        return Cut((), None, None)
    has_older = place.is_forwards or more
    has_newer = more if place.is_forwards else place.before is not None
    return Cut(shown, shown[-1].id if has_older else None, shown[0].id if has_newer else None)
