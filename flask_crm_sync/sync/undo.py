"""Putting back what was overwritten: one entry's, one client's, or a stretch of time's, as operations in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Connection, Operation
from ..models.change import CLIENT
from ..models.operation import BULK, PENDING, PUT_BACK
from ..models.undo import KEPT
from . import audit, reasons
from .connections import ConnectionView, find_connected, find_connection
from .context import Sync
from .operations import new_operation, owe, pending_key
from .overwritten import SLICE, table
from .page_marks import PageMark
from .status import COUNT_TO

PAGE_SIZE = 50
SLICES = 20
"""Slices in one call: 20,000 values."""

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_operations: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What to put back: what was written from `since` until `until`, of one client or one entry, of backfills only, or
    of some of the CRM's fields.

    None, "", False and () leave it open. A mapping change is the stretch of its own fields, from its saving until one
    of them was changed again (`mapping.changes`).
    """

    since: datetime | None = None
    until: datetime | None = None
    client_id: str = ""
    operation_id: int | None = None
    backfill_only: bool = False
    fields: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """Return it as the audit trail tells it."""
        given = {
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "entry": self.operation_id,
            "client_id": self.client_id or None,
            "backfill_only": self.backfill_only or None,
            "fields": ", ".join(self.fields) or None,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class KeptValue:
    """A field that was overwritten, without the value. `state` is kept, returned, or changed since."""

    id: UUID
    client_id: str
    operation_id: int
    field: str
    state: str
    is_owed: bool
    written_at: datetime


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page of overwritten fields, the newest first; `older` is where the next goes on, None at the end."""

    values: tuple[KeptValue, ...]
    older: PageMark | None


@dataclass(frozen=True, slots=True)
class PuttingBack:
    """What was set going: values, clients, and whether there are more than one call takes."""

    values: int
    clients: int
    more: bool


def kept_page(
    sync: Sync,
    account_id: str,
    crm: str,
    *,
    stretch: Stretch | None = None,
    before: PageMark | None = None,
    limit: int = PAGE_SIZE,
) -> KeptPage:
    """Return the fields that were overwritten in a CRM lately, all or those of a stretch, whatever became of them.

    Raises NotFound where there is no connection.
    """
    known = find_connection(sync, account_id, crm)
    query = sa.select(table, _IS_OWED.label("is_owed")).where(*_of(known, stretch or Stretch()))
    if before is not None:
        query = query.where(before.is_before(table.c.written_at, table.c.id))
    query = query.order_by(table.c.written_at.desc(), table.c.id.desc()).limit(limit + 1)
    with sync.database.read() as database:
        rows = database.execute(query).all()
    shown = [_shown(row) for row in rows[:limit]]
    return KeptPage(tuple(shown), PageMark(shown[-1].written_at, shown[-1].id) if len(rows) > limit else None)


def kept_of_entry(sync: Sync, account_id: str, operation_id: int) -> list[KeptValue]:
    """Return the fields that one entry of the log has overwritten, as far as their values are kept."""
    own = sa.and_(table.c.operation_id == operation_id, table.c.account_id == account_id)
    with sync.database.read() as database:
        query = sa.select(table, _IS_OWED.label("is_owed")).where(own).order_by(table.c.field)
        return [_shown(row) for row in database.execute(query)]


def count_kept(sync: Sync, account_id: str, crm: str, stretch: Stretch) -> int:
    """Return how many values a stretch could put back, counted up to `COUNT_TO`."""
    known = find_connection(sync, account_id, crm)
    bounded = sa.select(table.c.id).where(*_within(known, stretch)).limit(COUNT_TO).subquery()
    with sync.database.read() as database:
        return database.execute(sa.select(sa.func.count()).select_from(bounded)).scalar_one()


def put_back(sync: Sync, account_id: str, crm: str, stretch: Stretch, *, by: str = "") -> PuttingBack:
    """Owe a CRM its former values, a slice a transaction; what somebody changed since is left when it comes to it.

    Raises NotFound where there is no connection (any more).
    """
    known = find_connected(sync, account_id, crm)
    values, clients, more = 0, set[str](), True
    for number in range(SLICES):
        taken = _put_back_slice(sync, known, stretch, by if number == 0 else None)
        values, clients, more = values + len(taken), clients | set(taken), len(taken) == SLICE
        if not more:
            break
    return PuttingBack(values, len(clients), more)


def _put_back_slice(sync: Sync, known: ConnectionView, stretch: Stretch, by: str | None) -> Sequence[str]:
    """Owe the next values; return their clients. `by` is None in all slices but the first, which tells the trail."""
    now = sync.clock.now()
    chosen = sa.select(table.c.id, table.c.client_id).where(*_within(known, stretch)).order_by(table.c.written_at)
    with sync.database.write() as database:
        rows = database.execute(chosen.limit(SLICE)).all()
        if not rows:
            return ()
        clients = {row.client_id for row in rows}
        database.execute(_LET_GO, {"of": known.id, "clients": list(clients)})  # what somebody has left since stays
        numbers = _owe(database, known, clients, now)
        marked = [{"row": row.id, "number": numbers[row.client_id]} for row in rows]
        database.execute(_MARK, marked)
        if by is not None:
            told: dict[str, Any] = {"subject_id": known.id, "crm": known.crm, "after": stretch.told()}
            audit.record(database, known.account_id, audit.PUT_BACK, now=now, by=by, **told)
    return [row.client_id for row in rows]


def _owe(database: sa.Connection, known: ConnectionView, client_ids: set[str], now: datetime) -> dict[str, int]:
    """Owe a client's values in one operation; return its number by client."""
    to = {"id": known.id, "account_id": known.account_id, "crm": known.crm}
    owe(database, [_operation(to, client_id, now) for client_id in client_ids])
    keys = {pending_key(known.id, PUT_BACK, client_id): client_id for client_id in client_ids}
    waiting = sa.select(_operations.c.pending_key, _operations.c.id).where(_operations.c.pending_key.in_(keys))
    return {keys[row.pending_key]: row.id for row in database.execute(waiting)}


def _operation(to: dict[str, Any], client_id: str, now: datetime) -> dict[str, Any]:
    subject = {"subject_type": CLIENT, "subject_id": client_id, "client_id": client_id}
    return new_operation(to, kind=PUT_BACK, lane=BULK, due_at=now, now=now, **subject)


def _within(known: ConnectionView, stretch: Stretch) -> list[sa.ColumnElement[bool]]:
    """Hold a query to what of a stretch could be put back."""
    return [*_of(known, stretch), table.c.state == KEPT, ~_IS_OWED]


def _of(known: ConnectionView, stretch: Stretch) -> list[sa.ColumnElement[bool]]:
    where: list[sa.ColumnElement[bool]] = [table.c.connection_id == known.id]
    if stretch.since is not None:
        where.append(table.c.written_at >= stretch.since)
    if stretch.until is not None:
        where.append(table.c.written_at < stretch.until)
    if stretch.client_id:
        where.append(table.c.client_id == stretch.client_id)
    if stretch.operation_id is not None:
        where.append(table.c.operation_id == stretch.operation_id)
    if stretch.backfill_only:
        where.append(table.c.lane == BULK)
    if stretch.fields:
        where.append(table.c.field.in_(stretch.fields))
    return where


def _shown(row: sa.Row[Any]) -> KeptValue:
    owed = bool(row.is_owed) and row.state == KEPT
    return KeptValue(row.id, row.client_id, row.operation_id, row.field, row.state, owed, row.written_at)


_ASKED_WITH = _operations.c.id == table.c.put_back_by
_IS_OWED = sa.exists().where(_ASKED_WITH, _operations.c.status == PENDING)
_WAS_HANDED_ON = sa.exists().where(_ASKED_WITH, _operations.c.reason == reasons.SUPERSEDED)
_LET_GO = (
    table.update()
    .where(
        table.c.connection_id == sa.bindparam("of"),
        table.c.client_id.in_(sa.bindparam("clients", expanding=True)),
        table.c.state == KEPT,
        table.c.put_back_by.is_not(None),
        ~_IS_OWED,
        ~_WAS_HANDED_ON,
    )
    .values(put_back_by=sa.null())
)
_MARK = table.update().where(table.c.id == sa.bindparam("row")).values(put_back_by=sa.bindparam("number"))
