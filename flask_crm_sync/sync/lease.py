"""The lease on a connection: one drain at a time, with a fencing number, in the database's own time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from ..clock import Clock
from ..models import Connection, DatabaseClock

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


class LeaseLost(Exception):
    """Another worker holds the connection now: whatever this one has in hand, it must not settle."""


@dataclass(frozen=True, slots=True)
class Statements:
    """What is said to the database about leases, by one clock. Built once: building costs more than running."""

    hold: sa.Update
    release: sa.Update
    take: sa.Update

    @classmethod
    def by(cls, now: sa.ColumnElement[float]) -> Statements:
        """Return the statements that go by a clock."""
        mine = sa.and_(_connections.c.id == sa.bindparam("held_id"), _connections.c.fence == sa.bindparam("held_fence"))
        until = now + sa.bindparam("seconds", type_=sa.Double())
        taken = {"fence": _connections.c.fence + 1, "lease_until": until}
        return cls(
            hold=_connections.update().where(mine).values(lease_until=until),
            release=_connections.update().where(mine).values(lease_until=sa.literal_column("0")),
            take=_connections.update().where(mine, _connections.c.lease_until < now).values(taken),
        )


SQL = Statements.by(DatabaseClock())


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
        if connection.execute(SQL.hold, {**self._mine, "seconds": self.seconds}).rowcount != 1:
            raise LeaseLost
        self.expires = started + self.seconds

    def release(self, connection: sa.Connection) -> None:
        """Give the connection back, if it is still ours."""
        connection.execute(SQL.release, self._mine)

    @property
    def _mine(self) -> dict[str, object]:
        return {"held_id": self.connection_id, "held_fence": self.fence}


def acquire(connection: sa.Connection, connection_id: UUID, fence: int, seconds: float, clock: Clock) -> Lease | None:
    """Take the lease of a connection whose row was read with this `fence`, or return None where somebody else did.

    Whoever took it since that reading has seen at least what was due then.
    """
    started = clock.monotonic()
    taken = connection.execute(SQL.take, {"held_id": connection_id, "held_fence": fence, "seconds": seconds})
    return Lease(connection_id, fence + 1, seconds, started + seconds) if taken.rowcount == 1 else None
