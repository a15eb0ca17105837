"""Signs of life, in the database, where every page and every machine sees them."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..clock import Clock
from ..models import Database, Heartbeat

_KEPT = timedelta(days=30)
_table: sa.Table = sa.inspect(Heartbeat).local_table  # type: ignore[assignment]


def beat(database: Database, clock: Clock, name: str, kind: str) -> None:
    """Say that one worker, the scheduler or the bell is alive now."""
    now = clock.now()
    with database.write() as connection:
        known = connection.execute(_table.update().where(_table.c.name == name).values(beat_at=now)).rowcount
    if not known:
        _introduce(database, name, kind, now)


def last_beat(database: Database, kind: str) -> datetime | None:
    """Return when one of a kind was last heard of, None for never."""
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.max(_table.c.beat_at)).where(_table.c.kind == kind)).scalar()


def forget_old(database: Database, clock: Clock) -> None:
    """Delete the signs of processes that have been gone for a month; each process leaves a row of its own."""
    with database.write() as connection:
        connection.execute(_table.delete().where(_table.c.beat_at < clock.now() - _KEPT))


def _introduce(database: Database, name: str, kind: str, now: datetime) -> None:
    try:
        with database.write() as connection:
            connection.execute(_table.insert().values(name=name, kind=kind, beat_at=now))
    except IntegrityError:
        return  # another process introduced the bell in the same moment
