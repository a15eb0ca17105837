"""Which clients qualify, as far as the engine has to know it: whom a connection takes that takes qualified ones only.

A client qualifies under a set of criteria while one of its conversations does. One that did and does no more is told
to the CRM once, and then left alone there until it qualifies again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..host.bound import CHUNK, chunks
from ..host.reading import ConversationHead
from ..models import Link, Qualification
from ..models.change import CLIENT, CONVERSATION, QUALIFICATION
from ..models.link import ACTIVE
from ..models.operation import ADD_NOTE, PENDING, SKIPPED, SUCCESS
from ..models.qualification import QUALIFIED
from . import reasons
from .claim import Claimed
from .context import Sync
from .drain import Drain
from .operations import CONTACT_KINDS, RECORD
from .operations import table as operations
from .retry import Verdict, skipped

PAST = 10_000
"""How many conversations are looked at in one go, the newest first: of a client no more than these."""

table: sa.Table = sa.inspect(Qualification).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]

Row = Mapping[Any, Any]
"""A connection's row, as far as it was read: column name -> value."""


@dataclass(frozen=True, slots=True)
class ClientStanding:
    """Whether a client qualifies now; else it once did, until `since`."""

    is_qualified: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Gate:
    """Whom connections take, by account, set and client; a client that never qualified there is not in it."""

    standings: Mapping[tuple[str, str, str], ClientStanding] = field(default_factory=dict)

    def takes(self, to: Row, client_id: str) -> bool:
        """Tell whether a connection takes a client now."""
        if not to["qualified_only"]:
            return True
        found = self.standings.get((to["account_id"], to["criteria_set"], client_id))
        return found is not None and found.is_qualified

    def has_taken(self, to: Row, client_id: str) -> bool:
        """Tell whether a connection takes a client, or did once."""
        found = (to["account_id"], to["criteria_set"], client_id) in self.standings
        return found or not to["qualified_only"]

    def admitted(self, to: Row, client_ids: Sequence[str], links: Iterable[sa.Row[Any]]) -> Sequence[str]:
        """Return the clients for whom a connection is owed something: whom it takes, and whom it has taken before.

        `links` are read as far as they concern these clients; one without a record yet was just being made.
        """
        if not to["qualified_only"]:
            return client_ids
        known = {link.subject_id for link in links if link.connection_id == to["id"] and link.subject_type == CLIENT}
        return [id for id in client_ids if self.takes(to, id) or (id in known and self.has_taken(to, id))]


def gate_for(connection: sa.Connection, connections: Collection[Row], client_ids: Iterable[str]) -> Gate:
    """Return whom these connections take; asks nothing where none of them takes qualified clients only."""
    sets = {to["criteria_set"] for to in connections if to["qualified_only"]}
    ids = [client_id for client_id in client_ids if client_id]
    if not sets or not ids:
        return Gate()
    accounts = sorted({to["account_id"] for to in connections if to["qualified_only"]})
    rows = connection.execute(_STANDINGS, {"accounts": accounts, "sets": sorted(sets), "clients": ids}).all()
    standings = [ClientStanding(bool(row.now), row.since) for row in rows]
    return Gate({(row.account_id, row.set_name, row.client_id): one for row, one in zip(rows, standings, strict=True)})


_IS_QUALIFIED = sa.case((table.c.status == QUALIFIED, 1), else_=0)
_STANDINGS = (
    sa.select(
        table.c.account_id,
        table.c.set_name,
        table.c.client_id,
        sa.func.max(_IS_QUALIFIED).label("now"),
        sa.func.max(table.c.updated_at).label("since"),
    )
    .where(
        table.c.client_id.in_(sa.bindparam("clients", expanding=True)),
        table.c.set_name.in_(sa.bindparam("sets", expanding=True)),
        table.c.account_id.in_(sa.bindparam("accounts", expanding=True)),
        table.c.ever_qualified_at.is_not(None),
    )
    .group_by(table.c.account_id, table.c.set_name, table.c.client_id)
)


def past_conversations(
    sync: Sync, connection: sa.Connection, to: Row, gate: Gate, judged: Iterable[str]
) -> list[ConversationHead]:
    """Return the conversations without a note of clients who qualify now: all notes of a qualified client go.

    None where the connection takes every client: then each note was owed when its time came.
    """
    if not (to["qualified_only"] and to["sync_notes"]):
        return []
    qualified = [client_id for client_id in judged if gate.takes(to, client_id)]
    ids = conversations_of(sync, connection, qualified)
    heads = sync.host.conversation_heads(connection, without_note(connection, to, ids)) if ids else {}
    return [head for head in heads.values() if head.account_id == to["account_id"]]


def conversations_of(sync: Sync, connection: sa.Connection, client_ids: Sequence[str]) -> list[str]:
    """Return the conversations of clients, of each the newest `PAST` at most, however many the others have."""
    if not client_ids:
        return []
    ids = sync.host.conversations_of(connection, client_ids, PAST)
    if len(ids) < PAST or len(client_ids) == 1:
        return ids
    halves = client_ids[: len(client_ids) // 2], client_ids[len(client_ids) // 2 :]
    return [id for half in halves for id in conversations_of(sync, connection, half)]


def without_note(connection: sa.Connection, to: Row, ids: Sequence[str]) -> list[str]:
    """Return those of the conversations that have no note in a connection's CRM yet."""
    some = [connection.execute(_NOTED, {"of": to["id"], "ids": part}).scalars() for part in chunks(ids, CHUNK)]
    noted = {id for part in some for id in part}
    return [id for id in ids if id not in noted]


_NOTED = sa.select(_links.c.subject_id).where(
    _links.c.connection_id == sa.bindparam("of"),
    _links.c.subject_type == CONVERSATION,
    _links.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
    _links.c.state == ACTIVE,
)


def held_back(drain: Drain, batch: Sequence[Claimed]) -> dict[int, Verdict]:
    """Return the verdicts of claimed operations whose clients the connection does not take, by the operation's id.

    Of a client that qualifies no more, the first update after that still goes. A write without an answer is brought to
    its end, whoever it concerns. A record of the CRM that stands for nobody here is no client yet.
    """
    if not drain.connection["qualified_only"]:
        return {}
    kinds = (*CONTACT_KINDS, ADD_NOTE)
    chosen = [op for op in batch if op.kind in kinds and op.subject_type != RECORD and not op.unknown]
    with drain.sync.database.read() as connection:
        gate = gate_for(connection, [drain.connection], {operation.client_id for operation in chosen})
        turned_away = [op for op in chosen if not gate.takes(drain.connection, op.client_id)]
        told = _told_since(connection, drain.connection_id, gate, {op.client_id for op in turned_away})
    verdicts = {}
    for operation in turned_away:
        if not gate.has_taken(drain.connection, operation.client_id):
            verdicts[operation.id] = skipped(reasons.NOT_QUALIFIED)
        elif operation.subject_type == QUALIFICATION:
            continue  # the note that says so
        elif operation.is_note or operation.client_id in told:
            verdicts[operation.id] = skipped(reasons.NO_LONGER_QUALIFIED)
    return verdicts


def turn_away(connection: sa.Connection, connection_id: UUID, set_name: str, now: datetime) -> None:
    """Skip what waits for clients who never qualified, in the caller's transaction: the connection takes them no more.

    What is in hand, or may have been written without an answer, is left to the drain.
    """
    connection.execute(_TURN_AWAY, {"of": connection_id, "set": set_name, "now": now})


_TURN_AWAY = (
    operations.update()
    .where(
        operations.c.connection_id == sa.bindparam("of"),
        operations.c.status == PENDING,
        operations.c.claim.is_(None),
        sa.not_(operations.c.unknown),
        operations.c.kind.in_((*CONTACT_KINDS, ADD_NOTE)),
        operations.c.subject_type != RECORD,
        operations.c.client_id.not_in(
            sa.select(table.c.client_id).where(
                table.c.set_name == sa.bindparam("set"), table.c.ever_qualified_at.is_not(None)
            )
        ),
    )
    .values(
        status=SKIPPED,
        reason=reasons.NOT_QUALIFIED,
        pending_key=sa.null(),
        due_at=sa.null(),
        settled_at=sa.bindparam("now"),
    )
)


def _told_since(connection: sa.Connection, connection_id: UUID, gate: Gate, client_ids: Iterable[str]) -> set[str]:
    """Return the clients whose record was written or compared since they ceased to qualify."""
    since = {client_id: standing.since for (_, _, client_id), standing in gate.standings.items()}
    wanted = [client_id for client_id in client_ids if client_id in since]
    if not wanted:
        return set()
    rows = connection.execute(_LAST_TOLD, {"of": connection_id, "clients": wanted})
    return {row.client_id for row in rows if row.last >= since[row.client_id]}


_LAST_TOLD = (
    sa.select(operations.c.client_id, sa.func.max(operations.c.settled_at).label("last"))
    .where(
        operations.c.client_id.in_(sa.bindparam("clients", expanding=True)),
        operations.c.status == SUCCESS,
        operations.c.connection_id == sa.bindparam("of"),
        operations.c.kind.in_(CONTACT_KINDS),
    )
    .group_by(operations.c.client_id)
)
