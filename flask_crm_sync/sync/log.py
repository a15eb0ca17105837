"""The sync log as people read it: pages of operations, newest first, and one operation with all that is known of it.

Pages go by the operation's number (keyset), so that ten million rows cost what ten do, and every filter is an index's
own order. Names of clients are read from the host for the page that is shown: the log holds no copy of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..host.bound import BindingFailure
from ..host.records import ClientRecord
from ..models import Connection, Operation
from ..models.operation import (
    ADD_NOTE,
    APPLY_REMOTE,
    CREATE_LEAD,
    ERASE,
    FAILED,
    PENDING,
    PUT_BACK,
    SKIPPED,
    SUCCESS,
    UPDATE_CONTACT,
)
from . import reasons
from .context import Sync
from .log_days import span_of, spanned
from .paging import Place, cut
from .refusals import NotFound
from .search import has_older_clients, matching_clients

STATUSES = (PENDING, SUCCESS, FAILED, SKIPPED)
KINDS = (CREATE_LEAD, UPDATE_CONTACT, ADD_NOTE, APPLY_REMOTE, ERASE, PUT_BACK)
PAGE_SIZE = 50
NEWEST_CLIENTS = 25_000
"""Among how many clients of an account a name is looked for, unless all are asked for: no page waits longer."""

_table: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


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
    """What part of the log is asked for; "" stands for all. `client` is what was typed: an id, an e-mail, a name.

    A name is looked for among the account's `NEWEST_CLIENTS`, and among all of them where `wide` is "1". `since` and
    `until` are the first and the last day on which entries were queued, as YYYY-MM-DD in a time zone.
    """

    status: str = ""
    crm: str = ""
    kind: str = ""
    reason: str = ""
    client: str = ""
    since: str = ""
    until: str = ""
    zone: str = ""
    wide: str = ""

    @property
    def has_days(self) -> bool:
        """Tell whether only some days are asked for."""
        return bool(self.since or self.until)


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log. `older` and `newer` are the numbers to go on from, None at either end.

    `left_out` tells that a name was looked for among some of the account's clients only.
    """

    entries: tuple[Entry, ...]
    older: int | None
    newer: int | None
    left_out: bool = False


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
    place, wanted = Place(before, after), wanted or LogFilter()
    with sync.database.read() as database:
        query = _asked_for(sync, database, account_id, wanted, place, limit + 1)
        page = cut(database.execute(query).all(), place, limit)
        entries = _entries(sync, database, account_id, page.rows)
        searched = wanted.client and not wanted.wide
        left_out = searched and has_older_clients(sync.host, database, account_id, wanted.client, NEWEST_CLIENTS)
    return LogPage(entries, page.older, page.newer, bool(left_out))


def every_entry(sync: Sync, account_id: str, wanted: LogFilter, *, page_size: int = 500) -> Iterator[Entry]:
    """Yield all entries of a filter, newest first, a page in hand at a time and no transaction open in between."""
    before: int | None = None
    while True:
        page = log_page(sync, account_id, wanted, before=before, limit=page_size)
        yield from page.entries
        if page.older is None:
            return
        before = page.older


def latest_entries(sync: Sync, account_id: str, client_id: str, *, limit: int) -> tuple[Entry, ...]:
    """Return the newest entries about one client and its conversations."""
    with sync.database.read() as database:
        query = _of_clients(account_id, [client_id], LogFilter(), Place(), limit)
        return _entries(sync, database, account_id, database.execute(query))


def find_entry(sync: Sync, account_id: str, operation_id: int) -> Entry:
    """Return one operation of an account; raise NotFound where the account has no such operation."""
    query = sa.select(_table).where(_table.c.account_id == account_id, _table.c.id == operation_id)
    with sync.database.read() as database:
        for entry in _entries(sync, database, account_id, database.execute(query)):
            return entry
    raise NotFound("There is no such entry in the log.")


def _asked_for(
    sync: Sync, database: sa.Connection, account_id: str, wanted: LogFilter, place: Place, limit: int
) -> sa.Select[Any]:
    """Return the query for a filter, worded so that each database takes the index that fits it, and no other."""
    span = span_of(wanted.since, wanted.until, wanted.zone)
    place, within = spanned(database, span, place), span.holds()
    if wanted.client:
        newest = None if wanted.wide else NEWEST_CLIENTS
        clients = matching_clients(sync.host, database, account_id, wanted.client, newest=newest)
        return _of_clients(account_id, clients, wanted, place, limit).where(*within)
    if wanted.reason:
        chosen = (_by_value(wanted), *_compared(wanted, "kind"), *within)
        return merged(
            of_cause(account_id, wanted.reason, crms_of(database, account_id, wanted.crm)), chosen, place, limit
        )
    if wanted.crm or wanted.kind:
        crms = crms_of(database, account_id, wanted.crm)
        return merged(_streams(account_id, wanted, crms), within, place, limit)
    equal = {"account_id": account_id} | ({"status": wanted.status} if wanted.status else {})
    return by_number(database.dialect.name, equal, place).where(*within).limit(limit)


def by_number(
    dialect: str, equal: Mapping[str, Any], place: Place, columns: Sequence[Any] = (_table,)
) -> sa.Select[Any]:
    """Read by account, or account and status, in the order of their index.

    PostgreSQL is asked for a range of that index: told of an account that has most of the table, it would go through
    the table by number, past whatever the other accounts have had since.
    """
    query, number = sa.select(*columns), _table.c.id
    if dialect != "postgresql":
        held = query.where(*(_table.c[name] == value for name, value in equal.items()))
        return place.narrowed(held, number).order_by(place.order(number))
    order = [*(_table.c[name] for name in equal), number]
    least, most = place.bounds()
    begins = sa.tuple_(*order) > sa.tuple_(*equal.values(), -1 if least is None else least)
    ends = sa.tuple_(*order) < sa.tuple_(*equal.values(), 2**63 - 1 if most is None else most)
    return query.where(begins, ends).order_by(*map(place.order, order))


def _in_order(query: sa.Select[Any], place: Place, limit: int) -> sa.Select[Any]:
    return place.narrowed(query, _table.c.id).order_by(place.order(_table.c.id)).limit(limit)


def _of_clients(account_id: str, clients: Sequence[str], wanted: LogFilter, place: Place, limit: int) -> sa.Select[Any]:
    """Read a few clients' entries by the clients' index and sort them: the log's order would lead through all of it."""
    number: sa.ColumnElement[int] = _table.c.id + 0
    own = sa.func.coalesce(_table.c.account_id, "") == account_id
    theirs = sa.select(_table).where(_table.c.client_id.in_(clients), own)
    query = theirs.where(*_compared(wanted, "status", "crm", "kind", "reason"))
    return place.narrowed(query, number).order_by(place.order(number)).limit(limit)


def _compared(wanted: LogFilter, *names: str) -> Iterator[sa.ColumnElement[bool]]:
    """Compare columns in a way that no index can serve, since another one leads to fewer entries."""
    for name in names:
        if value := getattr(wanted, name):
            yield sa.func.coalesce(_table.c[name], "") == value


Stream = Sequence[sa.ColumnElement[bool]]
"""What is equal for all entries of a range of an index, in which they lie by their number."""


def _streams(account_id: str, wanted: LogFilter, crms: Sequence[str]) -> Iterator[Stream]:
    """Yield a stream for each status, CRM and kind that is asked for."""
    statuses = (wanted.status,) if wanted.status else STATUSES
    columns = (_table.c.account_id, _table.c.status, _table.c.crm, _table.c.kind)
    for values in product((account_id,), statuses, crms, _kinds(wanted)):
        yield [column == value for column, value in zip(columns, values, strict=True)]


def of_cause(account_id: str, reason: str, crms: Sequence[str], kinds: Sequence[str] = KINDS) -> Iterator[Stream]:
    """Yield a stream for each CRM and kind of entries with one reason."""
    own = [_table.c.account_id == account_id, _table.c.reason == reason]
    for crm, kind in product(crms, kinds):
        yield [*own, _table.c.crm == crm, _table.c.kind == kind]


def _kinds(wanted: LogFilter) -> Sequence[str]:
    return (wanted.kind,) if wanted.kind else KINDS


def merged(
    streams: Iterable[Stream], chosen: Stream, place: Place, limit: int, columns: Sequence[Any] = (_table,)
) -> sa.Select[Any]:
    """Merge the heads of streams in the order of the log; `chosen` holds each to a part that no index knows."""
    heads = (sa.select(_table.c.id).where(*stream, *chosen) for stream in streams)
    union = sa.union_all(*(sa.select(_in_order(head, place, limit).subquery().c.id) for head in heads)).subquery()
    first = sa.select(union.c.id).order_by(place.order(union.c.id)).limit(limit).subquery()
    return sa.select(*columns).join(first, first.c.id == _table.c.id).order_by(place.order(_table.c.id))


def _by_value(wanted: LogFilter) -> sa.ColumnElement[bool]:
    """Hold to a status in words that lead to no index of the status, yet tell a database how many entries to expect."""
    others = (status for status in STATUSES if wanted.status and status != wanted.status)
    return sa.and_(sa.true(), *(_table.c.status != other for other in others))


def crms_of(database: sa.Connection, account_id: str, crm: str = "") -> Sequence[str]:
    """Return the CRMs in whose entries to look: the one that is asked for, or all that the account ever had."""
    if crm:
        return (crm,)
    connected = sa.select(_connections.c.crm).where(_connections.c.account_id == account_id)
    return database.execute(connected).scalars().all() or ("",)


def _entries(sync: Sync, database: sa.Connection, account_id: str, rows: Iterable[sa.Row[Any]]) -> tuple[Entry, ...]:
    found = list(rows)
    names = _client_names(sync, database, account_id, {row.client_id for row in found})
    return tuple(_entry(row, names.get(row.client_id)) for row in found)


def _client_names(sync: Sync, database: sa.Connection, account_id: str, client_ids: set[str]) -> dict[str, str]:
    """Ask the host once for the whole page; a client of another account has no name here."""
    if not client_ids:
        return {}
    loaded = sync.host.load_clients(database, client_ids)
    unread = [client_id for client_id, record in loaded.items() if isinstance(record, BindingFailure)]
    accounts = sync.host.client_accounts(database, unread) if unread else {}
    names = {id: id for id in unread if accounts.get(id) == account_id}  # it is there, whatever it is called
    return names | {
        client_id: record.name
        for client_id, record in loaded.items()
        if isinstance(record, ClientRecord) and record.account_id == account_id
    }


def _entry(row: sa.Row[Any], client_name: str | None) -> Entry:
    own = {field.name: getattr(row, field.name) for field in fields(Entry) if field.name in row._fields}
    details = row.details if isinstance(row.details, dict) else {}
    return Entry(**own | {"details": details}, client_name=client_name, claimed=row.claim is not None)
