"""Who has something due: what the bell asks the database, so that nothing depends on what Redis remembers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from ..models import Connection, database_now
from ..models.connection import CONNECTED
from ..models.operation import PENDING
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

    One index look-up a connection, however many operations there are. What a dead worker left claimed is due too.
    """
    with sync.database.read() as connection:
        times = {"now": sync.clock.now(), "database_now": database_now(connection)}
        rows = connection.execute(_DUE, times).all()
    return sorted((Due(row.id, row.lane) for row in rows if row.lane is not None), key=lambda due: due.lane)


def next_due_at(sync: Sync) -> datetime | None:
    """Return when the next operation, or the end of a connection's rest, comes; None where nothing waits for time."""
    now = sync.clock.now()
    with sync.database.read() as connection:
        rows = connection.execute(_NEXT).all()
    times = [max(row.due_at, row.blocked_until or now) for row in rows if row.due_at is not None]
    return min(times, default=None)


_MAY_WORK = sa.and_(_connections.c.state == CONNECTED, _connections.c.enabled, sa.not_(_connections.c.paused))
_RESTED = sa.or_(_connections.c.blocked_until.is_(None), _connections.c.blocked_until <= sa.bindparam("now"))
_FREE = _connections.c.lease_until < sa.bindparam("database_now")
_WAITS_THERE = sa.and_(operations.c.connection_id == _connections.c.id, operations.c.status == PENDING)

_MOST_URGENT = (
    sa.select(operations.c.lane)
    .where(_WAITS_THERE, operations.c.due_at <= sa.bindparam("now"))
    .order_by(operations.c.lane)
    .limit(1)
    .correlate(_connections)
    .scalar_subquery()
)
_DUE = sa.select(_connections.c.id, _MOST_URGENT.label("lane")).where(_MAY_WORK, _RESTED, _FREE)
_FIRST = sa.select(sa.func.min(operations.c.due_at)).where(_WAITS_THERE).correlate(_connections).scalar_subquery()
_NEXT = sa.select(_FIRST.label("due_at"), _connections.c.blocked_until).where(_MAY_WORK)
