"""Catching up, a backfill: clients that no event will tell of are owed slice by slice, the newest first, in the lane
that all others go before.

The place is the last client seen, kept with the run in the database: a worker that dies half way leaves a slice that
was owed whole or not at all. The next slice comes when little of the last ones is left, so that a million clients cost
what a thousand do, a thousand times, and stopping is quick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Connection, Link
from ..models.change import CLIENT
from ..models.connection import DISCONNECTED
from ..models.link import ACTIVE, TOMBSTONE
from ..models.operation import BULK, CREATE_LEAD, UPDATE_CONTACT
from .context import Sync
from .operations import new_operation, owe
from .past_notes import past_notes
from .progress import CATCH_UP, SLICE, Run, begin, keep, runs, waiting_in_bulk, withdraw
from .qualified import gate_for
from .reach import ClientKey, own_only, page_of_clients

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]


MOST_WAITING = 4 * SLICE
"""No slice is added while so much of the ones before it waits."""


def begin_to_catch_up(
    database: sa.Connection, connection_id: UUID, total: int, now: datetime, *, notes: bool = False
) -> None:
    """Set a connection catching up on all its clients, in the caller's transaction; `catch_up` does it."""
    begin(database, connection_id, CATCH_UP, total, now, through=False, notes=notes)


def catch_up(sync: Sync) -> bool:
    """Owe the next slice to each connection that catches up; return whether there is more to owe at once."""
    with sync.database.read() as database:
        waiting = runs(database)
    more = [_next_slice(sync, *run) for run in waiting]  # each of them, whatever the first has left
    return any(more)


def is_catching_up(sync: Sync) -> bool:
    """Tell whether any connection has clients yet to be owed."""
    with sync.database.read() as database:
        return any(not run.paused for _, _, run in runs(database))


def _next_slice(sync: Sync, connection_id: UUID, cursor: str, run: Run) -> bool:
    if run.cancelled:
        return _withdrawn(sync, connection_id, cursor, run)
    with sync.database.read() as database:
        if run.paused or waiting_in_bulk(database, connection_id, MOST_WAITING) >= MOST_WAITING:
            return False
        to = database.execute(sa.select(_connections).where(_connections.c.id == connection_id)).mappings().first()
        owed_to = to is not None and to["enabled"] and to["sync_contacts"] and to["state"] != DISCONNECTED
        page = page_of_clients(sync, database, to["account_id"], cursor, SLICE) if to and owed_to else []
        rows = _owed(sync, database, to, page, run) if to and page else []
    return _kept(sync, connection_id, cursor, run, page, rows)


def _kept(
    sync: Sync, connection_id: UUID, cursor: str, run: Run, page: Sequence[ClientKey], rows: Sequence[dict[str, Any]]
) -> bool:
    """Owe a slice and move on, both or neither; who comes second with the same slice does nothing."""
    moved = replace(run, seen=run.seen + len(page), owed=run.owed + len(rows), through=len(page) < SLICE)
    with sync.database.write() as database:
        if keep(database, connection_id, (cursor, run), moved, cursor=page[-1].place if page else cursor):
            owe(database, rows)
    return not moved.through


def _withdrawn(sync: Sync, connection_id: UUID, cursor: str, run: Run) -> bool:
    more = withdraw(sync, connection_id) == SLICE
    if not more:
        with sync.database.write() as database:
            keep(database, connection_id, (cursor, run), replace(run, through=True))
    return more


def _owed(
    sync: Sync, database: sa.Connection, to: Mapping[Any, Any], page: Sequence[ClientKey], run: Run
) -> list[dict[str, Any]]:
    """Return a lead for each client without a record, an update for each that was edited since it was last sent, and
    the notes that they lack, where the run takes them along.
    """
    links = {row.subject_id: row for row in database.execute(_LINKS, {"of": to["id"], "ids": [c.id for c in page]})}
    gate = gate_for(database, [to], [client.id for client in page])
    now = sync.clock.now()
    own, rows = own_only(sync, database, to["account_id"], page), []
    for client in own:
        if not gate.takes(to, client.id):
            continue
        kind = _kind(links.get(client.id), client.version)
        if kind:
            subject = {"subject_type": CLIENT, "subject_id": client.id, "client_id": client.id}
            rows.append(new_operation(to, kind=kind, lane=BULK, due_at=now, now=now, **subject))
    return rows + (past_notes(sync, database, to, own) if run.notes and to["sync_notes"] else [])


def _kind(link: Any, version: str) -> str:
    if link is None or link.state not in {ACTIVE, TOMBSTONE}:
        return CREATE_LEAD
    is_edited = link.state == ACTIVE and bool(version) and link.host_version != version
    return UPDATE_CONTACT if is_edited else ""


_LINKS = sa.select(_links.c.subject_id, _links.c.state, _links.c.host_version).where(
    _links.c.connection_id == sa.bindparam("of"),
    _links.c.subject_type == CLIENT,
    _links.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
)
