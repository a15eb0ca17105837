"""Who has something due: what the bell asks the database, so that nothing depends on what Redis remembers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from ..models import Connection, DatabaseClock
from ..models.connection import CONNECTED
from ..models.operation import LANES, PENDING, UPDATE
from .context import Sync
from .operations import table as operations

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Due:
    """A connection with something due, and the lane of its most urgent operation."""

    connection_id: UUID
    lane: int


def due_connections(sync: Sync) -> list[Due]:
    """Return the connections that a drain could help now, the most urgent lane first.

    One index look-up a connection and lane, however many operations wait. What a dead worker left claimed is due too.
    """
    now = sync.clock.now()
    with sync.database.read() as connection:
        rows = connection.execute(FREE, {"now": now}).all()
    found = ((row.id, _most_urgent(_heads(row), now)) for row in rows)
    return sorted((Due(id, lane) for id, lane in found if lane is not None), key=lambda due: due.lane)


def next_due_at(sync: Sync) -> datetime | None:
    """Return when the next operation, or the end of a connection's rest, comes; None where nothing waits for time."""
    now = sync.clock.now()
    with sync.database.read() as connection:
        rows = connection.execute(_NEXT).all()
    times = [max(at, row.blocked_until or now) for row in rows for at in _heads(row).values()]
    return min(times, default=None)


def _heads(row: sa.Row[tuple[object, ...]]) -> dict[int, datetime]:
    """Return when the first operation of each lane is due; lanes in which nothing waits for time are left out.

    A CRM that is to be looked at is work of the lane `update`.
    """
    times = {lane: getattr(row, f"due_{lane}") for lane in LANES}
    looks = [at for at in (times[UPDATE], row.pull_at) if at is not None]
    times[UPDATE] = min(looks, default=None)
    return {lane: at for lane, at in times.items() if at is not None}


def _most_urgent(heads: dict[int, datetime], now: datetime) -> int | None:
    return min((lane for lane, at in heads.items() if at <= now), default=None)


def _first_of_each_lane() -> Iterable[sa.ColumnElement[datetime | None]]:
    """A look-up for each lane: one for all of them would step over whatever waits for its time in a faster lane."""
    for lane in LANES:
        waits = (operations.c.connection_id == _connections.c.id, operations.c.status == PENDING)
        first = sa.select(sa.func.min(operations.c.due_at)).where(*waits, operations.c.lane == lane)
        yield first.correlate(_connections).scalar_subquery().label(f"due_{lane}")


_MAY_WORK = sa.and_(_connections.c.state == CONNECTED, _connections.c.enabled, sa.not_(_connections.c.paused))
_RESTED = sa.or_(_connections.c.blocked_until.is_(None), _connections.c.blocked_until <= sa.bindparam("now"))
_NEXT = sa.select(_connections.c.blocked_until, _connections.c.pull_at, *_first_of_each_lane()).where(_MAY_WORK)


def free_by(clock: sa.ColumnElement[float]) -> sa.Select[tuple[object, ...]]:
    """Return the query for the connections that could be worked on, and whose lease nobody holds by a clock."""
    free = _connections.c.lease_until < clock
    return sa.select(_connections.c.id, _connections.c.pull_at, *_first_of_each_lane()).where(_MAY_WORK, _RESTED, free)


FREE = free_by(DatabaseClock())
