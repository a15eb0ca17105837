"""Erasing a person: asked for once, owed to each connection, with a receipt for each; and letting them come back.

What we hold of the person goes at once, in the transaction of the request: nothing more is sent, the log keeps neither
texts nor records, and digests stop whoever would bring the person back. The links go when the CRM has done its part,
since they say which record and which notes that concerns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from ..host.records import ClientRecord
from ..models import Connection, Erased, Erasure, Link, Operation, Receipt
from ..models.change import CLIENT
from ..models.connection import DISCONNECTED, NEEDS_ATTENTION
from ..models.link import MERGED
from ..models.operation import ERASE, LIVE, PENDING, SKIPPED
from . import audit, reasons
from .client_merges import forget_merged, merged_into
from .context import Sync
from .erased import address_digests, id_digest
from .forgetting import entries_of, forget_links, forget_person
from .operations import new_operation, owe, pending_key
from .page_marks import PageMark
from .refusals import NotFound

PAGE_SIZE = 50
DELETED, ANONYMISED, BY_HAND, NOTHING = "deleted", "anonymised", "by_hand", "nothing"

_erasures: sa.Table = sa.inspect(Erasure).local_table  # type: ignore[assignment]
_receipts: sa.Table = sa.inspect(Receipt).local_table  # type: ignore[assignment]
_erased: sa.Table = sa.inspect(Erased).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]
_operations: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]

NOT_CONNECTED = "The CRM is not connected (any more), so nothing was done there. Remove the record there by hand."
MOVED = "The connection moved to another account in the CRM before this was done. Remove the record there by hand."


@dataclass(frozen=True, slots=True)
class CRMReceipt:
    """What an erasure came to in one CRM.

    `how` is deleted, anonymised, by_hand, nothing (the CRM had no record from us), or "" while it is owed; then
    `status` and `reason` are the log entry's, `operation_id` its number; while it waits, the reason is what holds its
    connection, where anything does. `records` name what is to be removed by hand: id and address.
    """

    crm: str
    how: str
    says: str
    notes: int
    records: tuple[tuple[str, str], ...]
    settled_at: datetime | None
    operation_id: int | None
    status: str = ""
    reason: str = ""

    @property
    def outlook(self) -> reasons.Explanation:
        """Return what it waits for, or why it failed, with what to do; nothing once it is done."""
        if self.how:
            return reasons.Explanation("")
        return reasons.explain(self.reason) if self.reason else _ITS_TURN


_ITS_TURN = reasons.Explanation("It waits for its turn.")


@dataclass(frozen=True, slots=True)
class ErasureView:
    """An erasure with its receipts, one for each connection of the account."""

    id: UUID
    client_id: str
    user_id: str
    requested_at: datetime
    lifted_at: datetime | None
    receipts: tuple[CRMReceipt, ...]

    @property
    def is_done(self) -> bool:
        """Tell whether every CRM has done what it can."""
        return all(receipt.how for receipt in self.receipts)


@dataclass(frozen=True, slots=True)
class ErasuresPage:
    """A page of erasures, the newest first; `older` is where the next goes on, None at the end."""

    erasures: tuple[ErasureView, ...]
    older: PageMark | None


def erase_client(sync: Sync, account_id: str, client_id: str, *, by: str = "") -> ErasureView:
    """Erase a client: owe it to each connection, clear our tables, and keep the person from coming back.

    Clients who were merged into this one, and are gone, are erased with it, each with receipts of its own. The host's
    own row is the host's to delete; ask before that, so that e-mail and phone are known to us. Raises NotFound where
    neither the host nor we know such a client in this account.
    """
    with sync.database.read() as database:
        others = merged_into(database, account_id, client_id)
        here = sync.host.client_accounts(database, others) if others else {}
    for other in others:
        if other not in here:  # the host may have given its key to somebody else
            _erase(sync, account_id, other, by)
    return _erase(sync, account_id, client_id, by)


def _erase(sync: Sync, account_id: str, client_id: str, by: str) -> ErasureView:
    now, id = sync.clock.now(), uuid4()
    digests = _digests(sync, account_id, client_id)
    with sync.database.write() as database:
        asked = {"id": id, "account_id": account_id, "client_id": client_id, "user_id": by[:191], "lifted_by": ""}
        database.execute(_erasures.insert().values(requested_at=now, **asked))
        same = {"erasure_id": id, "account_id": account_id}
        database.execute(_erased.insert(), [{**same, "digest": digest} for digest in digests])
        forget_person(database, account_id, client_id, now)
        forget_merged(database, account_id, client_id)
        _owe(database, id, account_id, client_id, now)
        told: dict[str, Any] = {"subject_type": CLIENT, "subject_id": client_id}
        audit.record(database, account_id, audit.ERASE, now=now, by=by, **told)
    return find_erasure(sync, account_id, id)


def leave_to_a_hand(database: sa.Connection, to: sa.Row[Any], now: datetime) -> None:
    """End what is owed on a connection that leaves its account in the CRM, in the caller's transaction: nobody but
    people gets there again. Call it while the links still say which records that concerns.
    """
    asked = sa.select(_receipts.c.id, _receipts.c.erasure_id, _erasures.c.client_id).join(_erasures)
    for row in database.execute(asked.where(_receipts.c.connection_id == to.id, _receipts.c.how == "")).all():
        told = _by_hand(database, row.erasure_id, to._mapping, row.client_id, now, MOVED)
        database.execute(_receipts.update().where(_receipts.c.id == row.id).values(told))
    owed = sa.and_(_operations.c.connection_id == to.id, _operations.c.kind == ERASE, _operations.c.status == PENDING)
    ended = {"status": SKIPPED, "reason": reasons.ERASE_BY_HAND, "claim": None, "pending_key": None, "due_at": None}
    database.execute(_operations.update().where(owed).values(ended | {"settled_at": now}))


def account_of(sync: Sync, client_id: str) -> str:
    """Return the account of a client in the host; raise NotFound where the host has no such client (any more)."""
    with sync.database.read() as database:
        found = sync.host.client_accounts(database, [client_id]).get(client_id)
    if found is None:
        raise NotFound("There is no such client here; name its account where it is deleted already.")
    return found


def lift_erasure(sync: Sync, account_id: str, erasure_id: UUID, *, by: str = "") -> ErasureView:
    """Let a person be synced again, as a new client; raise NotFound where the account has no such erasure.

    Other erasures of the same person are lifted with it.
    """
    view, now = find_erasure(sync, account_id, erasure_id), sync.clock.now()
    with sync.database.write() as database:
        digests = database.execute(sa.select(_erased.c.digest).where(_erased.c.erasure_id == erasure_id)).scalars()
        same = sa.and_(_erased.c.account_id == account_id, _erased.c.digest.in_(list(digests)))
        database.execute(_erased.delete().where(same))
        lifted = _erasures.update().where(_erasures.c.id == erasure_id, _erasures.c.lifted_at.is_(None))
        if database.execute(lifted.values(lifted_at=now, lifted_by=by[:191])).rowcount:
            told: dict[str, Any] = {"subject_type": CLIENT, "subject_id": view.client_id}
            audit.record(database, account_id, audit.LIFT, now=now, by=by, **told)
    return find_erasure(sync, account_id, erasure_id)


def find_erasure(sync: Sync, account_id: str, erasure_id: UUID) -> ErasureView:
    """Return an erasure with its receipts; raise NotFound where the account has no such erasure."""
    wanted = sa.and_(_erasures.c.account_id == account_id, _erasures.c.id == erasure_id)
    with sync.database.read() as database:
        for view in _views(database, database.execute(sa.select(_erasures).where(wanted)).all(), sync.clock.now()):
            return view
    raise NotFound("There is no such erasure.")


def erasures(
    sync: Sync, account_id: str, *, client_id: str = "", before: PageMark | None = None, limit: int = PAGE_SIZE
) -> ErasuresPage:
    """Return an account's erasures (of one client, where that is asked), the newest first."""
    query = sa.select(_erasures).where(_erasures.c.account_id == account_id)
    if client_id:
        query = query.where(_erasures.c.client_id == client_id)
    if before is not None:
        query = query.where(before.is_before(_erasures.c.requested_at, _erasures.c.id))
    query = query.order_by(_erasures.c.requested_at.desc(), _erasures.c.id.desc()).limit(limit + 1)
    with sync.database.read() as database:
        rows = database.execute(query).all()
        views = _views(database, rows[:limit], sync.clock.now())
    return ErasuresPage(tuple(views), PageMark(views[-1].requested_at, views[-1].id) if len(rows) > limit else None)


def _digests(sync: Sync, account_id: str, client_id: str) -> list[str]:
    """Return what stops a client from coming back; raise NotFound for one whom nobody knows."""
    with sync.database.read() as database:
        client = _client(sync, database, account_id, client_id)
        if client is None and not _is_known(database, account_id, client_id):
            raise NotFound("There is no such client.")
    own = [id_digest(sync, account_id, client_id)]
    return own if client is None else [*own, *address_digests(sync, account_id, client.email, client.phone)]


def _client(sync: Sync, database: sa.Connection, account_id: str, client_id: str) -> ClientRecord | None:
    found = sync.host.load_clients(database, [client_id]).get(client_id)
    return found if isinstance(found, ClientRecord) and found.account_id == account_id else None


def _is_known(database: sa.Connection, account_id: str, client_id: str) -> bool:
    """Tell whether we know a client whom the host has no more: by a link, an entry of the log, or an erasure."""
    own = sa.select(_connections.c.id).where(_connections.c.account_id == account_id)
    kinds = _links.c.subject_type.in_((CLIENT, MERGED))
    linked = sa.and_(_links.c.connection_id.in_(own), kinds, _links.c.subject_id == client_id)
    logged = entries_of(account_id, client_id)
    asked = sa.and_(_erasures.c.account_id == account_id, _erasures.c.client_id == client_id)
    places = ((_links, linked), (_operations, logged), (_erasures, asked))
    return any(database.execute(sa.select(t.c.id).where(where).limit(1)).first() for t, where in places)


def _owe(database: sa.Connection, id: UUID, account_id: str, client_id: str, now: datetime) -> None:
    """Owe the erasure to each connection; where none is, say at once what is left to do there by hand."""
    query = sa.select(_connections).where(_connections.c.account_id == account_id)
    known = database.execute(query).mappings().all()
    live = [to for to in known if to["state"] != DISCONNECTED]
    subject = {"subject_type": CLIENT, "subject_id": client_id, "client_id": client_id}
    owe(database, [new_operation(to, kind=ERASE, lane=LIVE, due_at=now, now=now, **subject) for to in live])
    keys = {pending_key(to["id"], ERASE, client_id): to for to in live}
    waiting = sa.select(_operations.c.pending_key, _operations.c.id).where(_operations.c.pending_key.in_(keys))
    rows = [_receipt(id, keys[row.pending_key], operation_id=row.id) for row in database.execute(waiting)]
    rows += [_by_hand(database, id, to, client_id, now, NOT_CONNECTED) for to in known if to["state"] == DISCONNECTED]
    if rows:
        database.execute(_receipts.insert(), rows)


def _receipt(id: UUID, to: sa.RowMapping, **more: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {"operation_id": None, "how": "", "says": "", "notes": 0, "records": None}
    return {**blank, "erasure_id": id, "connection_id": to["id"], "crm": to["crm"], "settled_at": None, **more}


def _by_hand(
    database: sa.Connection, id: UUID, to: sa.RowMapping, client_id: str, now: datetime, says: str
) -> dict[str, Any]:
    own = sa.and_(_links.c.connection_id == to["id"], _links.c.subject_type == CLIENT, _links.c.subject_id == client_id)
    link = database.execute(sa.select(_links.c.remote_id, _links.c.remote_url).where(own)).first()
    forget_links(database, to["id"], client_id, (), ())
    if link is None or link.remote_id is None:
        return _receipt(id, to, how=NOTHING, settled_at=now)
    records = [[link.remote_id, link.remote_url or ""]]
    return _receipt(id, to, how=BY_HAND, says=says, records=records, settled_at=now)


def _views(database: sa.Connection, rows: Sequence[sa.Row[Any]], now: datetime) -> list[ErasureView]:
    """Return erasures with their receipts, in one query more however many they are."""
    if not rows:
        return []
    query = (
        sa.select(_receipts, _operations.c.status, _operations.c.reason, *_STATE)
        .join(_connections, _connections.c.id == _receipts.c.connection_id)
        .join(_operations, _operations.c.id == _receipts.c.operation_id, isouter=True)
        .where(_receipts.c.erasure_id.in_([row.id for row in rows]))
        .order_by(_receipts.c.id)
    )
    found: dict[UUID, list[CRMReceipt]] = {}
    for row in database.execute(query):
        found.setdefault(row.erasure_id, []).append(_shown(row, now))
    return [
        ErasureView(row.id, row.client_id, row.user_id, row.requested_at, row.lifted_at, tuple(found.get(row.id, ())))
        for row in rows
    ]


_STATE = [
    _connections.c[name] for name in ("state", "state_code", "enabled", "paused", "blocked_until", "blocked_code")
]


def _shown(row: sa.Row[Any], now: datetime) -> CRMReceipt:
    records = tuple((str(id), str(url)) for id, url in row.records or ())
    told = (row.crm, row.how, row.says, row.notes, records, row.settled_at, row.operation_id)
    waits = not row.how and row.status == PENDING
    reason = (waits and _held_by(row, now)) or row.reason or ""
    return CRMReceipt(*told, status=row.status or "", reason=reason)


def _held_by(row: sa.Row[Any], now: datetime) -> str:
    """Return the code of what keeps a connection from working at all, "" where nothing does."""
    if row.state == DISCONNECTED:
        return reasons.NOT_CONNECTED
    if row.state == NEEDS_ATTENTION:
        return str(row.state_code)
    if not row.enabled:
        return reasons.CONNECTION_DISABLED
    if row.paused:
        return reasons.CONNECTION_PAUSED
    return str(row.blocked_code) if row.blocked_until is not None and row.blocked_until > now else ""
