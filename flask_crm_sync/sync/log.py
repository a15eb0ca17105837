"""The sync log as people read it: pages of operations, newest first, and one operation with all that is known of it.

Pages go by the operation's number (keyset), so that ten million rows cost what ten do. Names of clients are read from
the host for the page that is shown: the log holds no copy of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..host.records import ClientRecord
from ..models import Operation
from ..models.operation import ADD_NOTE, FAILED, PENDING, SKIPPED, SUCCESS, UPDATE_CONTACT
from . import reasons
from .context import Sync
from .refusals import NotFound

STATUSES = (PENDING, SUCCESS, FAILED, SKIPPED)
PAGE_SIZE = 50

_table: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation as the log shows it.

    `client_name` is None where the host has no such client (any more). `details` holds what the engine noted:
    `written` (fields), `left` (field: why not), `candidates` (records to choose from) and `history` (attempts).
    """

    id: int
    connection_id: UUID
    account_id: str
    crm: str
    kind: str
    lane: int
    subject_type: str
    subject_id: str
    client_id: str
    client_name: str | None
    status: str
    reason: str
    message: str
    crm_message: str
    attempts: int
    decision: str | None
    claimed: bool
    due_at: datetime | None
    created_at: datetime
    settled_at: datetime | None
    remote_id: str | None
    remote_url: str | None
    details: Mapping[str, Any]

    def candidates(self) -> list[Mapping[str, Any]]:
        """Return the CRM records that could be this client, as far as they can be read."""
        found = self.details.get("candidates")
        return [one for one in found if isinstance(one, dict) and one.get("id")] if isinstance(found, list) else []

    def shown_reason(self, now: datetime) -> str:
        """Return the reason's code, also for what waits simply because its time has not come."""
        if self.reason or self.status != PENDING or self.claimed or self.due_at is None or self.due_at <= now:
            return self.reason
        return {UPDATE_CONTACT: reasons.WAITING_FOR_INTERVAL, ADD_NOTE: reasons.WAITING_FOR_SILENCE}.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What part of the log is asked for; "" stands for all."""

    status: str = ""
    crm: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log. `older` and `newer` are the numbers to go on from, None at either end."""

    entries: tuple[Entry, ...]
    older: int | None
    newer: int | None


def log_page(
    sync: Sync,
    account_id: str,
    wanted: LogFilter | None = None,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE_SIZE,
) -> LogPage:
    """Return the newest operations of an account, those older than `before`, or the next newer than `after`."""
    query = _filtered(account_id, wanted or LogFilter())
    if after is not None and before is None:
        query = query.where(_table.c.id > after).order_by(_table.c.id.asc())
    else:
        query = query.order_by(_table.c.id.desc())
    if before is not None:
        query = query.where(_table.c.id < before)
    with sync.database.read() as database:
        rows = list(database.execute(query.limit(limit + 1)))
        more, rows = len(rows) > limit, rows[:limit]
        forwards = after is not None and before is None
        entries = _entries(sync, database, account_id, reversed(rows) if forwards else rows)
    has_older = bool(entries) and (forwards or more)
    has_newer = bool(entries) and (more if forwards else before is not None)
    return LogPage(entries, entries[-1].id if has_older else None, entries[0].id if has_newer else None)


def find_entry(sync: Sync, account_id: str, operation_id: int) -> Entry:
    """Return one operation of an account; raise NotFound where the account has no such operation."""
    query = sa.select(_table).where(_table.c.account_id == account_id, _table.c.id == operation_id)
    with sync.database.read() as database:
        for entry in _entries(sync, database, account_id, database.execute(query)):
            return entry
    raise NotFound("There is no such entry in the log.")


def _filtered(account_id: str, wanted: LogFilter) -> sa.Select[Any]:
    query = sa.select(_table).where(_table.c.account_id == account_id)
    for column, value in ((_table.c.crm, wanted.crm), (_table.c.kind, wanted.kind)):
        if value:
            query = query.where(column == value)
    if not wanted.status:
        return query
    # Almost everything has succeeded: the index of another filter leads to fewer entries than that of the status.
    narrower = wanted.status == SUCCESS and (wanted.crm or wanted.kind)
    status = sa.func.coalesce(_table.c.status, "") if narrower else _table.c.status
    return query.where(status == wanted.status)


def _entries(sync: Sync, database: sa.Connection, account_id: str, rows: Iterable[sa.Row[Any]]) -> tuple[Entry, ...]:
    found = list(rows)
    names = _client_names(sync, database, account_id, {row.client_id for row in found})
    return tuple(_entry(row, names.get(row.client_id)) for row in found)


def _client_names(sync: Sync, database: sa.Connection, account_id: str, client_ids: set[str]) -> dict[str, str]:
    """Ask the host once for the whole page; a client of another account has no name here."""
    if not client_ids:
        return {}
    loaded = sync.host.load_clients(database, client_ids)
    return {
        client_id: record.name
        for client_id, record in loaded.items()
        if isinstance(record, ClientRecord) and record.account_id == account_id
    }


def _entry(row: sa.Row[Any], client_name: str | None) -> Entry:
    own = {field.name: getattr(row, field.name) for field in fields(Entry) if field.name in row._fields}
    details = row.details if isinstance(row.details, dict) else {}
    return Entry(**own | {"details": details}, client_name=client_name, claimed=row.claim is not None)
