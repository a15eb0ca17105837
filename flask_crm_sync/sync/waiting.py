"""How much is still to do at this moment, for whoever waits until nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from ..models import Connection
from ..models.connection import CONNECTED
from ..models.operation import PENDING
from .context import Sync
from .operations import table as operations

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


def due_count(sync: Sync, connection_ids: Sequence[UUID]) -> int:
    """Return how many operations of these connections are due and could be worked on, by us or by somebody else."""
    now = sync.clock.now()
    workable = sa.select(_connections.c.id).where(
        _connections.c.id.in_(connection_ids),
        _connections.c.state == CONNECTED,
        _connections.c.enabled,
        sa.not_(_connections.c.paused),
        sa.or_(_connections.c.blocked_until.is_(None), _connections.c.blocked_until <= now),
    )
    due = sa.and_(operations.c.connection_id.in_(workable), operations.c.status == PENDING, operations.c.due_at <= now)
    with sync.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(operations).where(due)).scalar_one()
