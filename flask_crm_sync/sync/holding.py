"""Holding a connection for something other than its operations: the same lease, the same budget, no claim."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import sqlalchemy as sa

from ..errors import ReconnectRequired, SecretUnreadable, TransientCRMError, UnsupportedFeature
from ..models import Connection
from ..models.connection import CONNECTED
from ..models.operation import BULK
from .budget import SharedMeter
from .context import Sync
from .drain import Drain
from .erased import HAS_ERASED
from .health import flag
from .lease import acquire
from .outgoing import further_of

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


@contextmanager
def held(sync: Sync, connection_id: UUID) -> Iterator[Drain | None]:
    """Hold a connection in the slowest lane; None where it may not work now, or somebody else holds it.

    One that a dead worker left is not taken: its next drain has to look after what that one had in hand.
    """
    row = _free(sync, connection_id)
    desk = None if row is None else _taken(sync, row)
    try:
        yield desk
    finally:
        if desk is not None:
            with sync.database.write() as database:
                desk.lease.release(database)
                desk.meter.give_back(database)


def _free(sync: Sync, connection_id: UUID) -> sa.RowMapping | None:
    query = sa.select(_connections, HAS_ERASED).where(_connections.c.id == connection_id)
    with sync.database.read() as database:
        row = database.execute(query).mappings().first()
    if row is None or not row["enabled"] or row["paused"] or row["state"] != CONNECTED or row["lease_until"] > 0:
        return None
    rests = row["blocked_until"] is not None and row["blocked_until"] > sync.clock.now()
    return None if rests else row


def _taken(sync: Sync, row: sa.RowMapping) -> Drain | None:
    try:
        warm = sync.warm.get(sync, row)
    except (SecretUnreadable, ReconnectRequired, UnsupportedFeature) as error:
        flag(sync, row, error)
        return None
    except TransientCRMError:
        return None  # its token cannot be renewed for now; the next drain says so
    with sync.database.write() as database:
        lease = acquire(database, row["id"], row["fence"], sync.settings.lease_seconds, sync.clock)
    if lease is None:
        return None
    meter = SharedMeter.make(sync, warm.token, lease, warm.adapter)
    meter.lane = BULK
    warm.adapter.write_also(further_of(row))
    return Drain(sync, lease, row, warm.adapter, meter)
