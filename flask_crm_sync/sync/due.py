"""Who has something due: what the bell asks the database, so that nothing depends on what Redis remembers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
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
    now = sync.clock.now()
    lane = (
        sa.select(operations.c.lane)
        .where(
            operations.c.connection_id == _connections.c.id,
            operations.c.status == PENDING,
            operations.c.due_at <= now,
        )
        .order_by(operations.c.lane)
        .limit(1)
        .correlate(_connections)
        .scalar_subquery()
    )
    with sync.database.read() as connection:
        free = _connections.c.lease_until < database_now(connection)
        rows = connection.execute(sa.select(_connections.c.id, lane.label("lane")).where(_works(now), free)).all()
    return sorted((Due(row.id, row.lane) for row in rows if row.lane is not None), key=lambda due: due.lane)


def next_due_at(sync: Sync) -> datetime | None:
    """Return when the next operation, or the end of a connection's rest, comes; None where nothing waits for time."""
    now = sync.clock.now()
    first = (
        sa.select(sa.func.min(operations.c.due_at))
        .where(operations.c.connection_id == _connections.c.id, operations.c.status == PENDING)
        .correlate(_connections)
        .scalar_subquery()
    )
    query = sa.select(first.label("due_at"), _connections.c.blocked_until).where(_may_work())
    with sync.database.read() as connection:
        rows = connection.execute(query).all()
    times = [max(row.due_at, row.blocked_until or now) for row in rows if row.due_at is not None]
    return min(times, default=None)


def _may_work() -> sa.ColumnElement[bool]:
    return sa.and_(_connections.c.state == CONNECTED, _connections.c.enabled, sa.not_(_connections.c.paused))


def _works(now: datetime) -> sa.ColumnElement[Any]:
    rested = sa.or_(_connections.c.blocked_until.is_(None), _connections.c.blocked_until <= now)
    return sa.and_(_may_work(), rested)
