"""Forgetting the old part of the log, a slice at a time, so that it never stands in anybody's way.

What is done goes; what waits or failed stays, however old, and so does the entry of a record that was deleted in the
CRM: the choice to create it again is there. Links and their bases are no part of the log and are not touched.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ..models import Scan
from ..models.operation import SKIPPED, SUCCESS
from . import reasons
from .context import Sync
from .operations import table as _table

SLICE = 1_000
"""Entries that are looked at in one transaction."""
SLICES = 20
"""Slices that one call does at most: 20,000 entries a minute outrun any CRM's limits."""
_REST = timedelta(hours=12)
"""How long the log rests when its old part has been gone through."""
_NAME = "log"

_scans: sa.Table = sa.inspect(Scan).local_table  # type: ignore[assignment]


def purge_log(sync: Sync, *, slices: int = SLICES) -> int:
    """Delete entries that were done more than `CRM_SYNC_LOG_DAYS` ago; return how many.

    It goes on where it stopped, since what it leaves must not be looked at again and again. 0 days keep the log for
    ever.
    """
    if not sync.settings.log_days:
        return 0
    now, gone = sync.clock.now(), 0
    reached = _begin(sync, now)
    if reached is None:
        return 0
    for _ in range(slices):
        deleted, reached = _purge_slice(sync, reached, now - timedelta(days=sync.settings.log_days))
        gone += deleted
        if reached is None:
            break
    _keep_place(sync, reached, now)
    return gone


def _purge_slice(sync: Sync, after: int, before: datetime) -> tuple[int, int | None]:
    """Look at the next slice of what is old; return how many were deleted and the last number, None at the end."""
    old = _table.c.created_at < before
    window = sa.select(_table.c.id, _table.c.created_at).where(_table.c.id > after).order_by(_table.c.id).limit(SLICE)
    with sync.database.write() as database:
        rows = database.execute(window).all()
        if not rows:
            return 0, None
        last = rows[-1]
        between = sa.and_(_table.c.id > after, _table.c.id <= last.id)
        deleted = database.execute(_table.delete().where(between, old, _done(before))).rowcount
    return deleted, None if last.created_at >= before else last.id


def _done(before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        _table.c.status.in_((SUCCESS, SKIPPED)),
        _table.c.settled_at < before,
        _table.c.reason != reasons.RECORD_DELETED_IN_CRM,
        sa.not_(_table.c.unknown),
    )


def _begin(sync: Sync, now: datetime) -> int | None:
    """Return the number to go on from; None while the log rests."""
    with sync.database.read() as database:
        kept = database.execute(sa.select(_scans).where(_scans.c.name == _NAME)).first()
    if kept is None:
        return 0
    if not kept.cursor and kept.ran_at is not None and now < kept.ran_at + _REST:
        return None
    return int(kept.cursor or 0)


def _keep_place(sync: Sync, reached: int | None, now: datetime) -> None:
    values = {"cursor": "" if reached is None else str(reached), "ran_at": now}
    with sync.database.write() as database:
        if not database.execute(_scans.update().where(_scans.c.name == _NAME).values(values)).rowcount:
            database.execute(_scans.insert().values(name=_NAME, note="", **values))
