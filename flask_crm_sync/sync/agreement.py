"""Agreement: linked records are read back, a sample a day, and held to what the host has and what was agreed.

What differs though nobody decided so is drift: a few are sent again, more than that is for a person to look at. What a
person set in the CRM, or a rule leaves as it is, is no drift.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..crm.outcomes import pieces
from ..models import Agreement, Connection, Link
from ..models.change import CLIENT
from ..models.connection import CONNECTED
from ..models.link import ACTIVE
from ..models.notice import NEEDS_ATTENTION
from ..models.operation import LIVE
from . import reasons
from .claim import heads
from .comparing import Compared, with_batch
from .context import Sync
from .drain import Drain
from .fanout import fan_out
from .holding import held
from .lease import LeaseLost
from .news import note

DAY = timedelta(days=1)
AGAIN = timedelta(hours=1)
"""When a CRM that let nothing be read is asked again."""
SOON = timedelta(minutes=5)
"""When a connection that somebody else held is tried again."""
SLICE = 1_000
BATCHES = 10
"""Batches that are compared in one go, while new leads wait."""
PATIENCE = 90
"""Seconds in which a worker comes round, by the bell at the latest."""

_table: sa.Table = sa.inspect(Agreement).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]


def agreements(sync: Sync, account_id: str) -> dict[UUID, Compared]:
    """Return what the last read-back of each of an account's connections came to, as far as there was one."""
    own = sa.select(_connections.c.id).where(_connections.c.account_id == account_id)
    query = sa.select(_table).where(_table.c.connection_id.in_(own), _table.c.ran_at.is_not(None))
    with sync.database.read() as database:
        return {
            row.connection_id: Compared(row.checked, row.drifted, row.repaired, row.gone, row.ran_at)
            for row in database.execute(query)
        }


def compare_where_due(sync: Sync) -> Compared | None:
    """Read back the sample of one connection whose day is over, if there is one; return what it came to."""
    if not sync.settings.agreement_sample:
        return None
    now = sync.clock.now()
    with sync.database.read() as database:
        row = database.execute(_DUE, {"now": now}).first()
    if row is None:
        return None
    if row.due_at is None:  # only just connected: what was sent today needs no look today
        with suppress(IntegrityError), sync.database.write() as database:  # another bell may be quicker
            _keep(database, row.id, now, due_at=now + DAY)
        return None
    found = compare(sync, row.id)
    if found is None:
        with sync.database.write() as database:  # others come first meanwhile
            later = _table.update().where(_table.c.connection_id == row.id, _table.c.due_at <= now)
            database.execute(later.values(due_at=now + SOON))
    return found


def compare(sync: Sync, connection_id: UUID, *, everything: bool = False) -> Compared | None:
    """Read back a sample, or everything, and owe an update to what drifted, within `CRM_SYNC_AGREEMENT_REPAIRS`.

    Returns None where the connection may not work now or somebody else holds it: then it is tried again soon.
    """
    fan_out(sync)  # an edit that waits to be sent is no drift
    try:
        return _whole(sync, connection_id) if everything else _sample(sync, connection_id)
    except LeaseLost:
        return None


def _sample(sync: Sync, connection_id: UUID) -> Compared | None:
    with held(sync, connection_id) as desk:
        if desk is None:
            return None
        found, _, _ = _slice(desk, Compared(), _cursor(desk), sync.settings.agreement_sample)
        return _settled(desk, replace(found, ran_at=desk.now()))


def _whole(sync: Sync, connection_id: UUID) -> Compared | None:
    """Compare slice by slice and give the connection back in between, so that a new lead waits for no more than one."""
    found, cursor, tries = Compared(), "", 0
    while tries < PATIENCE:
        with held(sync, connection_id) as desk:
            if desk is not None:
                found, cursor, is_last = _slice(desk, found, cursor, min(SLICE, BATCHES * desk.adapter.batch_size))
                if is_last or desk.trouble is not None:
                    whole = is_last and desk.trouble is None
                    return _settled(desk, replace(found, ran_at=desk.now(), whole=whole))
        if desk is None and not cursor:
            return None
        tries = tries + 1 if desk is None else 0
        if desk is None:
            sync.clock.sleep(1.0)
        _let_leads_go(sync, connection_id)
    return None


def _let_leads_go(sync: Sync, connection_id: UUID) -> None:
    """Wait while a new lead is due, for as long as it may take a worker to come round."""
    for _ in range(PATIENCE):
        with sync.database.read() as database:
            ahead, now = heads(database, connection_id), sync.clock.now()
        if not any(head.lane == LIVE and head.due_at <= now for head in ahead):
            return
        sync.clock.sleep(1.0)


def _slice(desk: Drain, found: Compared, cursor: str, most: int) -> tuple[Compared, str, bool]:
    """Compare the next records behind a client; return what was found so far, the last client, and whether that is all.

    A trouble of the connection ends it early, and is left in `desk.trouble`.
    """
    with desk.sync.database.read() as database:
        ids = database.execute(_LINKED, {"of": desk.connection_id, "behind": cursor, "most": most}).scalars().all()
    for some in pieces(list(ids), desk.adapter.batch_size):
        found = with_batch(desk, found, some)
        if desk.trouble is not None:
            return found, cursor, False
        cursor = some[-1]
        _place(desk, cursor)
    if len(ids) < most:
        _place(desk, "")
    return found, cursor, len(ids) < most


def _settled(desk: Drain, found: Compared) -> Compared | None:
    """Keep the figures, and tell people where more drifted than may be sent again by itself.

    Where the CRM let nothing be read, the last figures stay, and it is tried again after a while.
    """
    now, row = desk.now(), desk.connection
    if desk.trouble is not None and not found.checked:
        with desk.sync.database.write() as database:
            desk.lease.renew(database, desk.sync.clock)
            _keep(database, desk.connection_id, now, due_at=now + AGAIN)
        return None
    figures = {"checked": found.checked, "drifted": found.drifted, "repaired": found.repaired, "gone": found.gone}
    with desk.sync.database.write() as database:
        desk.lease.renew(database, desk.sync.clock)
        _keep(database, desk.connection_id, now, due_at=now + DAY, ran_at=now, **figures)
        if found.is_beyond_repair:
            data = {"code": reasons.DRIFT, "number": found.drifted + found.gone}
            once = f"{row['id']}\0drift\0{now.date().isoformat()}"
            note(database, row["account_id"], NEEDS_ATTENTION, once, now=now, crm=row["crm"], data=data)
    return found


def _cursor(desk: Drain) -> str:
    query = sa.select(_table.c.cursor).where(_table.c.connection_id == desk.connection_id)
    with desk.sync.database.read() as database:
        return database.execute(query).scalar() or ""


def _place(desk: Drain, cursor: str) -> None:
    with desk.sync.database.write() as database:
        desk.lease.renew(database, desk.sync.clock)
        _keep(database, desk.connection_id, desk.now(), cursor=cursor)


def _keep(database: sa.Connection, connection_id: UUID, now: datetime, **values: Any) -> None:
    own = _table.update().where(_table.c.connection_id == connection_id)
    if not database.execute(own.values(values)).rowcount:
        blank = {"cursor": "", "checked": 0, "drifted": 0, "repaired": 0, "gone": 0, "due_at": now + DAY}
        database.execute(_table.insert().values(connection_id=connection_id, **{**blank, **values}))


_MAY_WORK = sa.and_(_connections.c.state == CONNECTED, _connections.c.enabled, sa.not_(_connections.c.paused))
_DUE = (
    sa.select(_connections.c.id, _table.c.due_at)
    .join(_table, _table.c.connection_id == _connections.c.id, isouter=True)
    .where(_MAY_WORK, _connections.c.sync_contacts)
    .where(sa.or_(_connections.c.blocked_until.is_(None), _connections.c.blocked_until <= sa.bindparam("now")))
    .where(sa.or_(_table.c.due_at.is_(None), _table.c.due_at <= sa.bindparam("now")))
    .order_by(_table.c.due_at)
    .limit(1)
)
_LINKED = (
    sa.select(_links.c.subject_id)
    .where(
        _links.c.connection_id == sa.bindparam("of"),
        _links.c.subject_type == CLIENT,
        _links.c.subject_id > sa.bindparam("behind"),
        _links.c.state == ACTIVE,
    )
    .order_by(_links.c.subject_id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
