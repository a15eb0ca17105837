"""Fan-out: changes become operations, per connection, by its settings and by whether there is anything to do."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..models import Change, Connection, Link
from ..models.change import CLIENT, CONVERSATION, CREATED, DELETED
from ..models.connection import DISCONNECTED
from ..models.database import supports_skip_locked
from ..models.link import ACTIVE, TOMBSTONE
from ..models.operation import ADD_NOTE, CREATE_LEAD, LIVE, PENDING, SKIPPED, UPDATE, UPDATE_CONTACT
from . import reasons
from .context import Sync
from .deadlock import again_if_deadlocked
from .links import forget_former
from .operations import new_operation, owe
from .operations import table as operations
from .rounds import next_round
from .steps import Step, reach

CHUNK = 500

_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]

Row = sa.RowMapping


@dataclass
class _Happened:
    """A chunk of changes, folded per subject."""

    accounts: dict[str, str] = field(default_factory=dict)
    clients: set[str] = field(default_factory=set)
    conversations: set[str] = field(default_factory=set)
    gone_clients: set[str] = field(default_factory=set)
    gone_conversations: set[str] = field(default_factory=set)
    born: dict[tuple[str, str], datetime] = field(default_factory=dict)


def fan_out(sync: Sync) -> int:
    """Turn every waiting change into operations, a chunk a transaction; return how many changes there were."""
    total = 0
    while taken := again_if_deadlocked(lambda: _fan_out_chunk(sync), sync.clock):
        reach(Step.FANNED_OUT)
        total += taken
        if taken < CHUNK:
            break
    return total


def _fan_out_chunk(sync: Sync) -> int:
    with sync.database.write() as connection:
        changes = _take(connection)
        if not changes:
            return 0
        reach(Step.CHANGES_TAKEN)
        happened = _fold(changes)
        now = sync.clock.now()
        _close_deleted(connection, happened, now)
        _owe_for(sync, connection, happened, now)
        reach(Step.OPERATIONS_OWED)
    return len(changes)


def _take(connection: sa.Connection) -> Sequence[Any]:
    """Claim by delete, never by a highest id: a slower transaction may commit a lower one later."""
    waiting = sa.select(_changes).order_by(_changes.c.id).limit(CHUNK)
    if supports_skip_locked(connection):
        waiting = waiting.with_for_update(skip_locked=True)
    taken = connection.execute(waiting).all()
    if taken:
        _delete(connection, [change.id for change in taken])
    return taken


def _delete(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Delete changes without looking at any other row: MariaDB may read a whole table for a list of keys, and would
    wait there for what another fan-out holds, which waits for us.
    """
    if connection.dialect.name in {"mysql", "mariadb"}:
        connection.execute(_KEY_BY_KEY, {"ids": json.dumps(ids)})
    else:
        connection.execute(_changes.delete().where(_changes.c.id.in_(ids)))


_KEY_BY_KEY = sa.text(
    "DELETE one FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id BIGINT PATH '$')) AS taken "
    "STRAIGHT_JOIN crm_sync_change AS one ON one.id = taken.id"
)


def _fold(changes: Iterable[Any]) -> _Happened:
    happened = _Happened()
    for change in changes:
        is_client = change.subject_type == CLIENT
        alive = happened.clients if is_client else happened.conversations
        gone = happened.gone_clients if is_client else happened.gone_conversations
        (gone if change.kind == DELETED else alive).add(change.subject_id)
        if change.kind == CREATED:
            gone.discard(change.subject_id)  # SQLite hands a deleted row's key to the next one
            happened.born[change.subject_type, change.subject_id] = change.created_at
        if is_client and change.account_id is not None:
            happened.accounts[change.subject_id] = change.account_id
    return happened


def _close_deleted(connection: sa.Connection, happened: _Happened, now: datetime) -> None:
    """What waits for a deleted subject is skipped; what is being worked on finds out when it loads the record."""
    waiting = sa.and_(operations.c.status == PENDING, operations.c.claim.is_(None))
    closing = operations.update().where(waiting)
    if happened.gone_clients:
        theirs = operations.c.client_id.in_(happened.gone_clients)
        connection.execute(closing.where(theirs).values(_skipped(reasons.CLIENT_DELETED, now)))
    if happened.gone_conversations:
        its = sa.and_(
            operations.c.subject_type == CONVERSATION, operations.c.subject_id.in_(happened.gone_conversations)
        )
        connection.execute(closing.where(its).values(_skipped(reasons.CONVERSATION_DELETED, now)))


def _skipped(reason: str, now: datetime) -> dict[str, Any]:
    return {"status": SKIPPED, "reason": reason, "pending_key": None, "due_at": None, "settled_at": now}


def _owe_for(sync: Sync, connection: sa.Connection, happened: _Happened, now: datetime) -> None:
    clients = happened.clients - happened.gone_clients
    unknown = [client_id for client_id in clients if client_id not in happened.accounts]
    accounts = {**happened.accounts, **sync.host.client_accounts(connection, unknown)} if unknown else happened.accounts
    conversations = happened.conversations - happened.gone_conversations
    heads = sync.host.conversation_heads(connection, conversations) if conversations else {}
    concerned = {accounts[c] for c in clients if c in accounts} | {head.account_id for head in heads.values()}
    _forget_former(connection, happened, concerned, now)
    connections = _connections_of(connection, concerned)
    rows: list[dict[str, Any]] = []
    for account_id, owed_to in connections.items():
        theirs = [c for c in clients if accounts.get(c) == account_id]
        its = [head for head in heads.values() if head.account_id == account_id]
        for to in owed_to:
            rows += _contacts_owed(connection, to, theirs, now)
            rows += _notes_owed(sync, to, its, now)
    owe(connection, rows)


def _forget_former(connection: sa.Connection, happened: _Happened, accounts: Iterable[str], now: datetime) -> None:
    """What is linked under the key of a subject from before its creation is another's who had that key."""
    theirs = sa.select(_connections.c.id).where(_connections.c.account_id.in_(list(accounts)))
    for subject_type in (CLIENT, CONVERSATION):
        born = [id for kind, id in happened.born if kind == subject_type]
        query = sa.select(_links.c.id, _links.c.subject_id, _links.c.created_at).where(
            _links.c.connection_id.in_(theirs), _links.c.subject_type == subject_type, _links.c.subject_id.in_(born)
        )
        for link in connection.execute(query).all() if born else ():
            if link.created_at < happened.born[subject_type, link.subject_id]:
                forget_former(connection, link.id, now)


def _connections_of(connection: sa.Connection, accounts: Iterable[str]) -> dict[str, list[Row]]:
    """Disabled and disconnected owe nothing; paused and expired let the work wait."""
    found: dict[str, list[Row]] = defaultdict(list)
    wanted = list(accounts)
    if wanted:
        query = sa.select(_connections).where(
            _connections.c.account_id.in_(wanted), _connections.c.enabled, _connections.c.state != DISCONNECTED
        )
        for row in connection.execute(query).mappings():
            found[row["account_id"]].append(row)
    return found


def _contacts_owed(connection: sa.Connection, to: Row, clients: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    if not clients or not to["sync_contacts"]:
        return []
    states = _link_states(connection, to, clients)
    round_at = next_round(to["next_interval_at"] or to["created_at"], to["interval_minutes"], now)
    rows = []
    for client_id in clients:
        state = states.get(client_id)
        if state == TOMBSTONE:
            continue  # deleted in the CRM: the log has said so, and nothing is recreated by itself
        known = state == ACTIVE
        rows.append(
            new_operation(
                to,
                kind=UPDATE_CONTACT if known else CREATE_LEAD,
                lane=UPDATE if known else LIVE,
                subject_type=CLIENT,
                subject_id=client_id,
                client_id=client_id,
                due_at=round_at if known else now,
                now=now,
            )
        )
    return rows


def _link_states(connection: sa.Connection, to: Row, clients: Sequence[str]) -> dict[str, str]:
    query = sa.select(_links.c.subject_id, _links.c.state).where(
        _links.c.connection_id == to["id"], _links.c.subject_type == CLIENT, _links.c.subject_id.in_(clients)
    )
    return {row.subject_id: row.state for row in connection.execute(query)}


def _notes_owed(sync: Sync, to: Row, heads: Iterable[Any], now: datetime) -> list[dict[str, Any]]:
    if not to["sync_notes"]:
        return []
    silence = timedelta(minutes=sync.settings.note_after_minutes)
    return [
        new_operation(
            to,
            kind=ADD_NOTE,
            lane=UPDATE,
            subject_type=CONVERSATION,
            subject_id=head.id,
            client_id=head.client_id,
            due_at=now if head.closed else (head.last_message_at or now) + silence,
            now=now,
        )
        for head in heads
        if not head.test and head.client_id
    ]
