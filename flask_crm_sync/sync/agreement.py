"""Agreement: linked records are read back, a sample a day, and held to what the host has and what was agreed.

What differs though nobody decided so is drift: a few are sent again, more than that is for a person to look at. What a
person set in the CRM, or a rule leaves as it is, is no drift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
from ..models.operation import FULL_BATCH, PENDING, UPDATE, UPDATE_CONTACT
from . import reasons
from .claim import Claimed
from .contact_items import ContactItem
from .contacts import plan_contacts
from .context import Sync
from .drain import Drain
from .fanout import fan_out
from .holding import held
from .lease import LeaseLost
from .mapping.turning_away import filtered_out
from .news import note
from .operations import new_operation, owe
from .operations import table as operations
from .qualified import held_back

DAY = timedelta(days=1)
AGAIN = timedelta(hours=1)
"""When a CRM that let nothing be read is asked again."""
SLICE = 1_000

_table: sa.Table = sa.inspect(Agreement).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Compared:
    """What a read-back came to: records compared, those that drifted, those sent again, those gone in the CRM.

    `ran_at` is when. `whole` tells whether every record was reached that there is.
    """

    checked: int = 0
    drifted: int = 0
    repaired: int = 0
    gone: int = 0
    ran_at: datetime | None = None
    whole: bool = False

    @property
    def is_beyond_repair(self) -> bool:
        """Tell whether more drifted than was sent again: then a person should look."""
        return self.drifted + self.gone > self.repaired


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
    return compare(sync, row.id)


def compare(sync: Sync, connection_id: UUID, *, everything: bool = False) -> Compared | None:
    """Read back a sample, or everything, and owe an update to what drifted, within `CRM_SYNC_AGREEMENT_REPAIRS`.

    Returns None where the connection may not work now or somebody else holds it: then it is tried again soon.
    """
    fan_out(sync)  # an edit that waits to be sent is no drift
    try:
        with held(sync, connection_id) as desk:
            return None if desk is None else _settled(desk, _compared(desk, everything=everything))
    except LeaseLost:
        return None


def _compared(desk: Drain, *, everything: bool) -> Compared:
    found, most = Compared(), SLICE if everything else desk.sync.settings.agreement_sample
    cursor = "" if everything else _cursor(desk)
    while True:
        with desk.sync.database.read() as database:
            ids = database.execute(_LINKED, {"of": desk.connection_id, "behind": cursor, "most": most}).scalars().all()
        for some in pieces(list(ids), desk.adapter.batch_size):
            found = _with_batch(desk, found, some)
            if desk.trouble is not None:
                break
            cursor = some[-1]
            _place(desk, cursor)
        is_last = len(ids) < most
        if is_last and desk.trouble is None:
            _place(desk, "")
        if is_last or desk.trouble is not None or not everything:
            return replace(found, ran_at=desk.now(), whole=is_last and desk.trouble is None and everything)


def _with_batch(desk: Drain, found: Compared, client_ids: Sequence[str]) -> Compared:
    """Compare a batch of clients, owe what may be owed, and count it all."""
    batch = [_looked_at(desk, number, client_id) for number, client_id in enumerate(client_ids, 1)]
    items, _ = plan_contacts(desk, _taken(desk, batch))
    if desk.trouble is not None:
        return found
    drifted = [item for item in items if item.verdict is None and _has_drifted(item)]
    gone = [item for item in items if item.verdict is not None and _is_gone(item)]
    with desk.sync.database.write() as database:
        desk.lease.renew(database, desk.sync.clock)
        given = {"of": desk.connection_id, "clients": [item.client.id for item in (*drifted, *gone)]}
        under_way = set(database.execute(_UNDER_WAY, given).scalars()) if given["clients"] else set()
        drifted, gone = _without(drifted, under_way), _without(gone, under_way)
        room = max(0, desk.sync.settings.agreement_repairs - found.repaired)
        repaired = [*drifted, *gone][:room]
        owe(database, [_repair(desk, item.client.id) for item in repaired])
    checked = sum(item.verdict is None or _is_gone(item) for item in items)
    counted = (found.checked + checked, found.drifted + len(drifted), found.repaired + len(repaired))
    return Compared(*counted, gone=found.gone + len(gone))


def _taken(desk: Drain, batch: Sequence[Claimed]) -> list[Claimed]:
    """Leave out clients whom the connection does not take (any more): their records stay as they are."""
    away = held_back(desk, batch)
    away |= filtered_out(desk, [one for one in batch if one.id not in away])
    return [one for one in batch if one.id not in away]


def _has_drifted(item: ContactItem) -> bool:
    """Tell whether something would be written, on either side, or the record is another one by now."""
    moved = item.record is not None and item.record.id != item.link.remote_id
    return bool(item.plan.writes or item.plan.brings) or moved


def _is_gone(item: ContactItem) -> bool:
    return item.verdict is not None and item.verdict.reason == reasons.RECORD_DELETED_IN_CRM


def _without(items: Sequence[ContactItem], client_ids: set[str]) -> list[ContactItem]:
    return [item for item in items if item.client.id not in client_ids]


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


def _looked_at(desk: Drain, number: int, client_id: str) -> Claimed:
    """Return what stands for an operation that only looks; it is in no log, and its number is no entry's."""
    row: Mapping[Any, Any] = desk.connection
    subject = {"subject_type": CLIENT, "subject_id": client_id, "client_id": client_id}
    return Claimed(
        connection_id=desk.connection_id,
        id=-number,
        account_id=row["account_id"],
        crm=row["crm"],
        kind=UPDATE_CONTACT,
        lane=UPDATE,
        attempts=1,
        crashes=0,
        batch_limit=FULL_BATCH,
        unknown=False,
        retried_seconds=0.0,
        decision=None,
        details=None,
        created_at=desk.now(),
        **subject,
    )


def _repair(desk: Drain, client_id: str) -> dict[str, Any]:
    subject = {"subject_type": CLIENT, "subject_id": client_id, "client_id": client_id}
    now = desk.now()
    return new_operation(desk.connection, kind=UPDATE_CONTACT, lane=UPDATE, due_at=now, now=now, **subject)


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
_UNDER_WAY = sa.select(operations.c.client_id).where(
    operations.c.client_id.in_(sa.bindparam("clients", expanding=True)),
    operations.c.status == PENDING,
    operations.c.connection_id == sa.bindparam("of"),
)
