"""Some days of the log: from the first instant of one day to the last of another, in the reader's time zone.

No index holds the times. They grow with the numbers, so that a number for an instant is found by halving, in one
statement, and the page then goes by number as it always does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ..models import Operation
from ..models.base import Instant
from .paging import Place

_SLACK = timedelta(minutes=10)
"""By how much times may lag behind numbers: a transaction that took long, machines whose clocks differ."""
_FIRST, _LAST = date(1970, 1, 2), date(9998, 12, 31)

_table: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant to another one, which is no part of it; None for no end."""

    begins: datetime | None = None
    ends: datetime | None = None

    def holds(self) -> Sequence[sa.ColumnElement[bool]]:
        """Return what holds a query to entries that were queued in it."""
        after = [] if self.begins is None else [_table.c.created_at >= self.begins]
        return after + ([] if self.ends is None else [_table.c.created_at < self.ends])


def span_of(since: str, until: str, zone: str) -> Span:
    """Return the span of some days (YYYY-MM-DD, the last one included) in a time zone, "" for no end."""
    there = ZoneInfo(zone) if zone else UTC
    begins = datetime.combine(_day(since), time(), there) if since else None
    ends = datetime.combine(_day(until) + timedelta(days=1), time(), there) if until else None
    return Span(begins, ends)


def _day(text: str) -> date:
    """Return a day that every zone and database knows; no entry lies beyond them."""
    return min(max(date.fromisoformat(text), _FIRST), _LAST)


def spanned(database: sa.Connection, span: Span, place: Place) -> Place:
    """Return a place held to the numbers between which all entries of a span lie."""
    over = None if span.begins is None else _first_from(database, span.begins, -_SLACK) - 1
    under = None if span.ends is None else _first_from(database, span.ends, _SLACK)
    return replace(place, over=over, under=under)


def _first_from(database: sa.Connection, at: datetime, slack: timedelta) -> int:
    """Return the first number that was given out at an instant or later, or the next one that will be."""
    return int(database.execute(_HALVED, {"at": at.astimezone(UTC) + slack}).scalar_one())


def _number(value: Any) -> sa.ColumnElement[int]:
    return sa.cast(value, sa.BigInteger())


_ends = sa.select(
    _number(0).label("low"), _number(sa.func.coalesce(sa.func.max(_table.c.id), 0) + 1).label("high")
).cte("halves", recursive=True)
_halves = _ends.alias("half")
_middle = (_halves.c.low + _halves.c.high) // 2
_is_before: Any = sa.select(_table.c.created_at).where(_table.c.id >= _middle).order_by(_table.c.id).limit(
    1
).scalar_subquery() < sa.bindparam("at", type_=Instant())
_ends = _ends.union_all(
    sa.select(
        _number(sa.case((_is_before, _middle + 1), else_=_halves.c.low)),
        _number(sa.case((_is_before, _halves.c.high), else_=_middle)),
    ).where(_halves.c.low < _halves.c.high)
)
_HALVED = sa.select(_ends.c.low).where(_ends.c.low == _ends.c.high)
