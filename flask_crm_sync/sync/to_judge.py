"""Which conversations the rules have to look at: marked by the fan-out, in the transaction that hears of them.

The mark is the row's `judge_at`; whoever judges takes it away in the transaction that says what came of it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from ..host.reading import ConversationHead
from ..models.change import CLIENT, CONVERSATION
from ..models.criterion import DEFAULT_SET
from ..models.qualification import PERSON, WAITING
from .qualified import Row, table

PAST = "past"
"""Stands for the version of a conversation that is judged though nobody has written in it."""

SetsByAccount = Mapping[str, frozenset[str]]


def sets_in_use(
    accounts: Iterable[str], there: Iterable[tuple[str, str]], connections: Iterable[Row], in_code: frozenset[str]
) -> SetsByAccount:
    """Return by account the sets by which its conversations are judged: the default one and those that its
    connections name, as far as there are criteria in them. Accounts without any are left out.

    `there` are accounts and the sets in which each has stored criteria; those `in_code` are everybody's.
    """
    known = {account: set(in_code) for account in accounts}
    for account, name in there:
        known[account].add(name)
    named: dict[str, set[str]] = defaultdict(lambda: {DEFAULT_SET})
    for to in connections:
        named[to["account_id"]].add(to["criteria_set"])
    used = {account: frozenset(sets & named[account]) for account, sets in known.items()}
    return {account: sets for account, sets in used.items() if sets}


def mark_conversations(
    connection: sa.Connection,
    heads: Iterable[ConversationHead],
    sets: SetsByAccount,
    now: datetime,
    *,
    past: bool = False,
) -> None:
    """Let the rules look at conversations, under each set of their account. Tests are judged by nobody.

    `past` ones are from before anybody asked, as long as nobody writes in them.
    """
    rows = [
        {
            "id": uuid.uuid4(),
            "account_id": head.account_id,
            "conversation_id": head.id,
            "client_id": head.client_id,
            "set_name": name,
            "judged_version": PAST if past else "",
            "judge_at": now,
            "created_at": now,
            "updated_at": now,
        }
        for head in heads
        if not head.test
        for name in sorted(sets.get(head.account_id, ()))
    ]
    if rows:  # by key, so that two fan-outs at once take their locks in the same order
        rows.sort(key=lambda row: (row["conversation_id"], row["set_name"]))
        connection.execute(_marking(connection.dialect.name, past), rows)


def mark_clients(connection: sa.Connection, client_ids: Sequence[str], now: datetime) -> None:
    """Let the rules look at the conversations of clients anew: criteria may ask for an e-mail address or a company."""
    if client_ids:
        connection.execute(_OF_CLIENTS, {"clients": client_ids, "now": now})


def stop_judging(connection: sa.Connection, subject_type: str, gone: Sequence[str]) -> None:
    """Nothing that is deleted in the host is judged or reviewed any more; what it was found to be stays."""
    if gone:
        connection.execute(_STOP[subject_type], {"gone": gone})


def forget_former_standings(connection: sa.Connection, born: Mapping[tuple[str, str], datetime], now: datetime) -> None:
    """What was found under the key of a conversation or client from before its creation is another's.

    Whose a conversation is now, the next judging sees in the host.
    """
    for subject_type in (CONVERSATION, CLIENT):
        instants = {id: at for (kind, id), at in born.items() if kind == subject_type}
        if not instants:
            continue
        rows = connection.execute(_FORMER[subject_type], {"born": list(instants)})
        former = [row.id for row in rows if row.created_at < instants[row.subject_id]]
        if former:
            connection.execute(_FORGET[subject_type], {"ids": former, "now": now})


# Literals: what is the same for all rows is not sent with each of them.
_NEW: Mapping[str, Any] = {
    "status": sa.literal_column(f"'{WAITING}'"),
    "final": sa.false(),
    "score": sa.literal_column("0"),
    "criterion_version": sa.literal_column("0"),
    "review_until": sa.literal_column("0"),
    "review_attempts": sa.literal_column("0"),
    **{
        name: sa.literal_column("''")
        for name in (
            "decided_by",
            "criterion_name",
            "reason",
            "review_claim",
            "outcome",
            "review_reason",
            "model",
        )
    },
}


@cache
def _marking(dialect: str, past: bool) -> sa.Insert:
    key = [table.c.conversation_id, table.c.set_name]
    if dialect in {"mysql", "mariadb"}:
        into = mysql.insert(table).values(_NEW)
        return into.on_duplicate_key_update(_marked(into.inserted, past))
    if dialect == "postgresql":
        pg = postgresql.insert(table).values(_NEW)
        return pg.on_conflict_do_update(index_elements=key, set_=_marked(pg.excluded, past))
    lite = sqlite.insert(table).values(_NEW)
    return lite.on_conflict_do_update(index_elements=key, set_=_marked(lite.excluded, past))


def _marked(new: Any, past: bool) -> dict[str, Any]:
    """Return what changes in a row that is there: in a past one that waits yet, somebody has written now."""
    known, is_past = table.c.judged_version, table.c.judged_version == sa.literal_column(f"'{PAST}'")
    version = known if past else sa.case((is_past, sa.literal_column("''")), else_=known)
    return {"judge_at": new.judge_at, "judged_version": version}


_OF_CLIENTS = (
    table.update()
    .where(table.c.client_id.in_(sa.bindparam("clients", expanding=True)), table.c.decided_by != PERSON)
    .values(judge_at=sa.bindparam("now"))
)
_OF = {CONVERSATION: table.c.conversation_id, CLIENT: table.c.client_id}
_STOPPED = {"judge_at": sa.null(), "review_at": sa.null(), "review_claim": sa.literal_column("''")}
_STOP = {
    kind: table.update().where(column.in_(sa.bindparam("gone", expanding=True))).values(_STOPPED)
    for kind, column in _OF.items()
}
_FORMER = {
    kind: sa.select(table.c.id, column.label("subject_id"), table.c.created_at).where(
        column.in_(sa.bindparam("born", expanding=True))
    )
    for kind, column in _OF.items()
}
_BY_IDS = table.c.id.in_(sa.bindparam("ids", expanding=True))
_FORGET: Mapping[str, sa.Delete | sa.Update] = {
    CONVERSATION: table.delete().where(_BY_IDS),
    CLIENT: table.update().where(_BY_IDS).values(client_id=sa.literal_column("''"), judge_at=sa.bindparam("now")),
}
