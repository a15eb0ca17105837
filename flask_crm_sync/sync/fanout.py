"""Fan-out: changes become operations, per connection, by its settings and by whether there is anything to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..host.reading import ConversationHead
from ..models import Change, Connection, CriterionRow, Link
from ..models.change import CLIENT, CONVERSATION, CREATED, DELETED, QUALIFICATION, REVIEWED
from ..models.connection import DISCONNECTED
from ..models.database import supports_skip_locked
from ..models.link import ACTIVE, TOMBSTONE
from ..models.operation import ADD_NOTE, CREATE_LEAD, ERASE, LIVE, PENDING, SKIPPED, UPDATE, UPDATE_CONTACT
from . import reasons
from .conflicts import forget_conflicts_of
from .context import Sync
from .deadlock import again_if_deadlocked
from .erased import HAS_ERASED
from .follow_up_notes import notes_that_follow
from .follow_ups import read_follow_ups
from .handed_on import hand_on_keys
from .links import forget_former
from .mapping.turning_away import follows_conversations
from .operations import new_operation, owe
from .operations import table as operations
from .qualified import Gate, gate_for, past_conversations
from .rounds import next_round
from .steps import JudgingStep, Step, reach
from .to_judge import (
    SetsByAccount,
    forget_former_standings,
    mark_clients,
    mark_conversations,
    sets_in_use,
    stop_judging,
)

CHUNK = 500

_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]
_criteria: sa.Table = sa.inspect(CriterionRow).local_table  # type: ignore[assignment]
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
    origins: dict[str, UUID | None] = field(default_factory=dict)
    """The connection from which all that happened to a client came home; None where anything else happened."""
    edited: set[str] = field(default_factory=set)
    """Clients of whom something changed in the host."""
    judged: set[str] = field(default_factory=set)
    """Clients of whom a conversation was judged anew."""
    reviewed: set[str] = field(default_factory=set)
    """Clients of whom a review or a person left a conversation as it was."""

    @property
    def only_reviewed(self) -> set[str]:
        """Return the clients to whom nothing else happened: they concern who has something follow from it."""
        return self.reviewed - self.judged - self.edited


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
    taken = connection.execute(_WAITING_UNLOCKED if supports_skip_locked(connection) else _WAITING).all()
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
        connection.execute(_DELETE, {"ids": ids})


_WAITING = sa.select(_changes).order_by(_changes.c.id).limit(CHUNK)
_WAITING_UNLOCKED = _WAITING.with_for_update(skip_locked=True)
_DELETE = _changes.delete().where(_changes.c.id.in_(sa.bindparam("ids", expanding=True)))
_KEY_BY_KEY = sa.text(
    "DELETE one FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id BIGINT PATH '$')) AS taken "
    "STRAIGHT_JOIN crm_sync_change AS one ON one.id = taken.id"
)


def _fold(changes: Iterable[Any]) -> _Happened:
    happened = _Happened()
    for _, subject_type, subject_id, account_id, kind, created_at, origin in changes:
        is_client = subject_type == CLIENT
        alive = happened.clients if is_client else happened.conversations
        gone = happened.gone_clients if is_client else happened.gone_conversations
        (gone if kind == DELETED else alive).add(subject_id)
        if kind == CREATED:
            gone.discard(subject_id)  # SQLite hands a deleted row's key to the next one
            happened.born[subject_type, subject_id] = created_at
        if is_client:
            sets = {QUALIFICATION: happened.judged, REVIEWED: happened.reviewed}
            sets.get(kind, happened.edited).add(subject_id)
        if is_client and account_id is not None:
            happened.accounts[subject_id] = account_id
        if is_client and happened.origins.setdefault(subject_id, origin) != origin:
            happened.origins[subject_id] = None
    return happened


def _close_deleted(connection: sa.Connection, happened: _Happened, now: datetime) -> None:
    """What waits for a deleted subject is skipped; what is being worked on finds out when it loads the record.

    Whoever is to be erased is, all the more so when the host has deleted the client.
    """
    waiting = sa.and_(operations.c.status == PENDING, operations.c.claim.is_(None))
    closing = operations.update().where(waiting)
    if happened.gone_clients:
        theirs = sa.and_(operations.c.client_id.in_(happened.gone_clients), operations.c.kind != ERASE)
        connection.execute(closing.where(theirs).values(_skipped(reasons.CLIENT_DELETED, now)))
        forget_conflicts_of(connection, sorted(happened.gone_clients))
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
    connections, there = _connections_of(connection, concerned)
    hand_on_keys(sync, connection, _made_where_some_were_erased(connections, accounts, happened))
    talking = _whose_channels_count(connections, heads.values())
    links = _links_of(connection, [to["id"] for to in connections], clients | talking, happened)
    _forget_former(connection, links, happened, now)
    sets = sets_in_use(concerned, there, connections, sync.code_sets)
    _let_judge(connection, happened, heads.values(), {c for c in clients if accounts.get(c) in sets}, sets, now)
    gate = gate_for(connection, connections, clients | {head.client_id for head in heads.values()})
    rows: list[dict[str, Any]] = []
    for to in filter(_is_owed, connections):
        concerning = clients if to["follow_ups"] else clients - happened.only_reviewed
        own = [c for c in concerning if accounts.get(c) == to["account_id"] and happened.origins.get(c) != to["id"]]
        its = [head for head in heads.values() if head.account_id == to["account_id"]]
        talked = {head.client_id for head in its} & talking - set(own) - happened.gone_clients
        theirs = [*gate.admitted(to, own, links), *_taken_by_channel(to, talked, links, gate)]
        past = past_conversations(sync, connection, to, gate, happened.judged.intersection(own))
        found = happened.judged | happened.reviewed
        written = theirs if read_follow_ups(to).fields else [c for c in theirs if c not in happened.only_reviewed]
        rows += _contacts_owed(to, written, links, found, now)
        rows += notes_that_follow(connection, to, found.intersection(theirs), now)
        rows += _notes_owed(sync, to, [head for head in its if gate.has_taken(to, head.client_id)] + past, now)
    owe(connection, rows)


def _made_where_some_were_erased(
    connections: Iterable[Row], accounts: Mapping[str, str], happened: _Happened
) -> dict[str, tuple[str, datetime]]:
    """Return the new clients of accounts that ever erased anybody, each with its account and when it was made."""
    concerned = {to["account_id"] for to in connections if to["has_erased"]}
    made = ((id, accounts.get(id, ""), at) for (kind, id), at in happened.born.items() if kind == CLIENT)
    return {id: (account, at) for id, account, at in made if account in concerned}


def _whose_channels_count(connections: Iterable[Row], heads: Iterable[ConversationHead]) -> set[str]:
    """Return the clients of conversations where a filter asks for channels: a new one may bring the client in."""
    accounts = {to["account_id"] for to in connections if follows_conversations(to)}
    return {head.client_id for head in heads if head.account_id in accounts and head.client_id and not head.test}


def _taken_by_channel(to: Row, clients: Iterable[str], links: Iterable[sa.Row[Any]], gate: Gate) -> list[str]:
    """Return those of the clients who are not linked yet and may be taken now; the claim asks the filter itself."""
    if not follows_conversations(to):
        return []
    linked = {link.subject_id for link in links if link.connection_id == to["id"] and link.state == ACTIVE}
    return [client_id for client_id in clients if client_id not in linked and gate.takes(to, client_id)]


def _let_judge(
    connection: sa.Connection,
    happened: _Happened,
    heads: Iterable[ConversationHead],
    clients: set[str],
    sets: SetsByAccount,
    now: datetime,
) -> None:
    """Mark what the rules have to look at, in accounts that have criteria; what is gone is not looked at again."""
    stop_judging(connection, CLIENT, sorted(happened.gone_clients))
    stop_judging(connection, CONVERSATION, sorted(happened.gone_conversations))
    if sets:
        forget_former_standings(connection, happened.born, now)
        mark_clients(connection, sorted(clients & happened.edited), now)
        mark_conversations(connection, heads, sets, now)
        reach(JudgingStep.TO_JUDGE)


def _links_of(
    connection: sa.Connection, connection_ids: Sequence[UUID], clients: set[str], happened: _Happened
) -> list[sa.Row[Any]]:
    """Read the links of clients, and of conversations that have only just been made."""
    born: dict[str, set[str]] = {CLIENT: set(), CONVERSATION: set()}
    for subject_type, subject_id in happened.born:
        born[subject_type].add(subject_id)
    links: list[sa.Row[Any]] = []
    for subject_type, ids in ((CLIENT, clients | born[CLIENT]), (CONVERSATION, born[CONVERSATION])):
        if connection_ids and ids:
            wanted = {"of": connection_ids, "kind": subject_type, "ids": list(ids)}
            links += connection.execute(_LINKS, wanted)
    return links


_LINK = ("id", "connection_id", "subject_type", "subject_id", "state", "created_at")
_LINKS = sa.select(*(_links.c[name] for name in _LINK)).where(
    _links.c.connection_id.in_(sa.bindparam("of", expanding=True)),
    _links.c.subject_type == sa.bindparam("kind"),
    _links.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
)


def _forget_former(connection: sa.Connection, links: list[sa.Row[Any]], happened: _Happened, now: datetime) -> None:
    """What is linked under the key of a subject from before its creation is another's who had that key."""
    for link in list(links):
        born = happened.born.get((link.subject_type, link.subject_id))
        if born is not None and link.created_at < born:
            forget_former(connection, link.id, now)
            links.remove(link)


def _connections_of(connection: sa.Connection, accounts: Iterable[str]) -> tuple[list[Row], list[tuple[str, str]]]:
    """Return the accounts' connections, and with the same question which of them have criteria in which sets."""
    wanted = list(accounts)
    rows = connection.execute(_CONNECTIONS, {"accounts": wanted}).mappings().all() if wanted else ()
    connections = [row for row in rows if row["id"] is not None]
    return connections, [(row["account_id"], row["criteria_set"]) for row in rows if row["id"] is None]


_NEEDED = ("id", "account_id", "crm", "enabled", "state", "sync_contacts", "sync_notes")
_TAKES = ("qualified_only", "criteria_set", "mapping", "follow_ups")
_ROUND = ("next_interval_at", "created_at", "interval_minutes")
_READ = (*_NEEDED, *_TAKES, *_ROUND)
_OF_SETS = {"account_id": _criteria.c.account_id, "criteria_set": _criteria.c.set_name}
_CONCERNED: sa.BindParameter[Any] = sa.bindparam("accounts", expanding=True)
_CONNECTIONS = sa.union_all(
    sa.select(*(_connections.c[name] for name in _READ), HAS_ERASED).where(_connections.c.account_id.in_(_CONCERNED)),
    sa.select(*(_OF_SETS.get(name, sa.null()).label(name) for name in _READ), sa.false()).where(
        _criteria.c.account_id.in_(_CONCERNED), _criteria.c.enabled
    ),
)


def _is_owed(to: Row) -> bool:
    """Disabled and disconnected connections are owed nothing; for paused and expired ones the work waits."""
    return bool(to["enabled"]) and to["state"] != DISCONNECTED


def _contacts_owed(
    to: Row, clients: Sequence[str], links: Iterable[sa.Row[Any]], judged: set[str], now: datetime
) -> list[dict[str, Any]]:
    """New leads go at once, and so does what a conversation was found to be; edits wait for their round."""
    if not clients or not to["sync_contacts"]:
        return []
    own = (link for link in links if link.connection_id == to["id"] and link.subject_type == CLIENT)
    states = {link.subject_id: link.state for link in own}
    round_at = next_round(to["next_interval_at"] or to["created_at"], to["interval_minutes"], now)
    rows = []
    for client_id in clients:
        state = states.get(client_id)
        if state == TOMBSTONE:
            continue  # deleted in the CRM: the log has said so, and nothing is recreated by itself
        known = state == ACTIVE
        waits = known and client_id not in judged
        rows.append(
            new_operation(
                to,
                kind=UPDATE_CONTACT if known else CREATE_LEAD,
                lane=UPDATE if waits else LIVE,
                subject_type=CLIENT,
                subject_id=client_id,
                client_id=client_id,
                due_at=round_at if waits else now,
                now=now,
            )
        )
    return rows


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
