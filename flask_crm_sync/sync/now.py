"""Sync now: look for what no event has seen, and bring forward what waits for its round or its next try."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Connection
from ..models.connection import CONNECTED
from ..models.operation import LANES, PENDING, UPDATE_CONTACT
from . import reasons
from .context import Sync
from .fanout import fan_out
from .operations import table as operations
from .progress import NOW, RETRY, begin
from .scan import scan
from .status import COUNT_TO

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


def sync_now(sync: Sync, account_id: str | None = None, crm: str | None = None) -> int:
    """Make everything due that can be, for one account and CRM or for all; return how many operations are (of
    each connection counted up to `COUNT_TO`), and remember a run of them, so that pages can show how far it is.

    What rests for a read-back keeps its time: the CRM may not be done with it.
    """
    scan(sync, force=True)
    fan_out(sync)
    now = sync.clock.now()
    with sync.database.write() as database:
        chosen = database.execute(_workable(account_id, crm)).scalars().all()
        for connection_id in chosen:
            database.execute(_BRING_FORWARD, {**_keys_of(connection_id), "now": now})
            database.execute(_LOOK_NOW, {"at": connection_id, "now": now})
        due = {one: database.execute(_DUE, {"of": one, "now": now}).scalar_one() for one in chosen}
        for connection_id, number in due.items():
            if number:
                begin(database, connection_id, NOW, number, now)
        return sum(due.values())


def watch_retried(database: sa.Connection, account_id: str, crm: str, now: datetime) -> None:
    """Remember a run of what is due after many were tried again, so that pages can show how far its sending is.

    "" for `crm` stands for all of the account's.
    """
    for connection_id in database.execute(_workable(account_id, crm or None)).scalars().all():
        number = database.execute(_DUE, {"of": connection_id, "now": now}).scalar_one()
        if number:
            begin(database, connection_id, RETRY, number, now)


def _workable(account_id: str | None, crm: str | None) -> sa.Select[Any]:
    connections = sa.select(_connections.c.id).where(
        _connections.c.state == CONNECTED, _connections.c.enabled, sa.not_(_connections.c.paused)
    )
    if account_id is not None:
        connections = connections.where(_connections.c.account_id == account_id)
    return connections if crm is None else connections.where(_connections.c.crm == crm)


def _keys_of(connection_id: UUID) -> dict[str, str]:
    """Return the first and the last pending key that an operation of a connection can have, in any collation.

    What waits is found between them, however long the log is.
    """
    return {"least": f"{connection_id.hex}:contact:{'0' * 32}", "most": f"{connection_id.hex}:note:{'f' * 32}"}


_BRING_FORWARD = (
    operations.update()
    .where(
        operations.c.pending_key.between(sa.bindparam("least"), sa.bindparam("most")),
        operations.c.due_at > sa.bindparam("now"),
        sa.not_(operations.c.unknown),
        sa.or_(operations.c.kind == UPDATE_CONTACT, operations.c.reason == reasons.WAITING_FOR_RETRY),
    )
    .values(due_at=sa.bindparam("now"))
)
_LOOK_NOW = (
    _connections.update()
    .where(_connections.c.id == sa.bindparam("at"), _connections.c.two_way)
    .values(pull_at=sa.bindparam("now"), polled_at=sa.null())
)
"""A CRM of a two-way connection is asked for its changes too, from where the last look ended."""
_DUE = sa.select(sa.func.count()).select_from(
    sa.select(operations.c.id)
    .where(
        operations.c.connection_id == sa.bindparam("of"),
        operations.c.status == PENDING,
        operations.c.lane.in_(list(LANES)),
        operations.c.due_at <= sa.bindparam("now"),
    )
    .limit(COUNT_TO)
    .subquery()
)
