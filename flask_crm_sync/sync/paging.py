"""Pages by a growing number (keyset), newest first: page one of ten million rows costs what page one of ten does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page lies: older than `before`, or the next newer than `after`; the newest where both are None.

    `over` and `under` hold every page to a part of all numbers, whichever way it goes.
    """

    before: int | None = None
    after: int | None = None
    over: int | None = None
    under: int | None = None

    @property
    def is_forwards(self) -> bool:
        """Tell whether the page goes towards the newest."""
        return self.after is not None and self.before is None

    def bounds(self) -> tuple[int | None, int | None]:
        """Return what every number of the page is greater than, and what it is less than."""
        least = [bound for bound in (self.over, self.after if self.is_forwards else None) if bound is not None]
        most = [bound for bound in (self.under, self.before) if bound is not None]
        return max(least, default=None), min(most, default=None)

    def narrowed(self, query: sa.Select[Any], number: sa.ColumnElement[int]) -> sa.Select[Any]:
        """Hold a query to what lies behind the place."""
        least, most = self.bounds()
        if least is not None:
            query = query.where(number > least)
        return query if most is None else query.where(number < most)

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
