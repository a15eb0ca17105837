"""The lease on a connection: one drain at a time, with a fencing number, in the database's own time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from ..clock import Clock
from ..models import Connection, database_now

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]

# Statements that every drain runs again and again are built once: building one costs more than running it.
_HOLD = (
    _connections.update()
    .where(_connections.c.id == sa.bindparam("held_id"), _connections.c.fence == sa.bindparam("held_fence"))
    .values(lease_until=sa.bindparam("until"))
)
_TAKE = (
    _connections.update()
    .where(_connections.c.id == sa.bindparam("free_id"), _connections.c.lease_until < sa.bindparam("now"))
    .values(fence=_connections.c.fence + 1, lease_until=sa.bindparam("until"))
)
_FENCE = sa.select(_connections.c.fence).where(_connections.c.id == sa.bindparam("taken_id"))


class LeaseLost(Exception):
    """Another worker holds the connection now: whatever this one has in hand, it must not settle."""


@dataclass(slots=True)
class Lease:
    """A drain's hold on a connection. `expires` is on this process's monotonic clock, not later than the database's."""

    connection_id: UUID
    fence: int
    seconds: float
    expires: float

    def covers(self, seconds: float, clock: Clock) -> bool:
        """Tell whether something that may take so long can still end inside the lease."""
        return clock.monotonic() + seconds < self.expires

    def renew(self, connection: sa.Connection, clock: Clock) -> None:
        """Prove that the lease is still ours and hold it anew; the first statement of every settling transaction.

        The row stays locked until the transaction ends, so that nobody takes the connection over in between. Raises
        LeaseLost.
        """
        started = clock.monotonic()
        if not self._hold(connection, until=database_now(connection) + self.seconds):
            raise LeaseLost
        self.expires = started + self.seconds

    def release(self, connection: sa.Connection) -> None:
        """Give the connection back, if it is still ours."""
        self._hold(connection, until=0.0)

    def _hold(self, connection: sa.Connection, *, until: float) -> bool:
        held = connection.execute(_HOLD, {"held_id": self.connection_id, "held_fence": self.fence, "until": until})
        return held.rowcount == 1


def acquire(connection: sa.Connection, connection_id: UUID, seconds: float, clock: Clock) -> Lease | None:
    """Take the lease, or return None where another drain holds it."""
    started = clock.monotonic()
    now = database_now(connection)
    taken = connection.execute(_TAKE, {"free_id": connection_id, "now": now, "until": now + seconds})
    if taken.rowcount != 1:
        return None
    fence = connection.execute(_FENCE, {"taken_id": connection_id}).scalar_one()
    return Lease(connection_id, fence, seconds, started + seconds)
