"""Owing operations: at most one waits per connection, subject and kind of work, whoever owes it, however often."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from ..models import Operation
from ..models.operation import ADD_NOTE, APPLY_REMOTE, ERASE, FULL_BATCH, PENDING, PUT_BACK

table: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]

CONTACT_KINDS = ("create_lead", "update_contact", APPLY_REMOTE)
NOTE_KINDS = (ADD_NOTE,)
ERASE_KINDS = (ERASE,)
PUT_BACK_KINDS = (PUT_BACK,)
WORK = (CONTACT_KINDS, NOTE_KINDS, ERASE_KINDS, PUT_BACK_KINDS)
"""Kinds that are worked on together, in one batch."""
RECORD = "record"
"""The subject of what is owed to a record of the CRM that stands for no client here."""


def pending_key(connection_id: UUID, kind: str, subject_id: str, subject_type: str = "") -> str:
    """Return what at most one waiting operation may hold: what a contact needs, both ways, is one kind of work."""
    works = {ADD_NOTE: "note", ERASE: "erase", PUT_BACK: "mend"}
    work = works.get(kind, "inbound" if subject_type == RECORD else "contact")
    subject = hashlib.blake2b(subject_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{connection_id.hex}:{work}:{subject}"


def new_operation(
    connection: Mapping[str, Any] | sa.RowMapping,
    *,
    kind: str,
    lane: int,
    subject_type: str,
    subject_id: str,
    client_id: str,
    due_at: datetime,
    now: datetime,
) -> dict[str, Any]:
    """Return the row of an operation owed to a connection (its id, account_id and crm)."""
    return {
        "connection_id": connection["id"],
        "account_id": connection["account_id"],
        "crm": connection["crm"],
        "kind": kind,
        "lane": lane,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "client_id": client_id,
        "pending_key": pending_key(connection["id"], kind, subject_id, subject_type),
        "due_at": due_at,
        "created_at": now,
    }


# Literals: what is the same for all rows is not sent with each of them.
_UNTOUCHED: Mapping[str, Any] = {
    "status": sa.literal_column(f"'{PENDING}'"),
    "attempts": sa.literal_column("0"),
    "crashes": sa.literal_column("0"),
    "batch_limit": sa.literal_column(str(FULL_BATCH)),
    "unknown": sa.false(),
    "retried_seconds": sa.literal_column("0"),
    "reason": sa.literal_column("''"),
    "message": sa.literal_column("''"),
    "crm_message": sa.literal_column("''"),
}


def owe(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert operations; one whose pending key is held folds into the waiting one.

    Rows go in by key, so that two fan-outs at once take their locks in the same order.
    """
    if rows:
        connection.execute(_owing(connection.dialect.name), sorted(rows, key=lambda row: row["pending_key"]))


_APPLY: sa.ColumnElement[str] = sa.literal_column(f"'{APPLY_REMOTE}'")


@cache
def _owing(dialect: str) -> sa.Insert:
    if dialect in {"mysql", "mariadb"}:
        into = mysql.insert(table).values(_UNTOUCHED)
        return into.on_duplicate_key_update(_folded(into.inserted))
    if dialect == "postgresql":
        pg = postgresql.insert(table).values(_UNTOUCHED)
        return pg.on_conflict_do_update(index_elements=[table.c.pending_key], set_=_folded(pg.excluded))
    lite = sqlite.insert(table).values(_UNTOUCHED)
    return lite.on_conflict_do_update(index_elements=[table.c.pending_key], set_=_folded(lite.excluded))


def _folded(new: Any) -> dict[str, Any]:
    """A folded operation goes in the faster lane at the earlier time; a note's time moves with the conversation.

    One whose outcome is unknown keeps its time: it must not be read back before the CRM is surely done with it. The
    client is the one whom the newest change names: a conversation may have moved to another. What is owed to the CRM
    names the work before what only looks there. When the CRM's side changed is what the newest look tells; what was
    noted of attempts stays.
    """
    waiting = table.c
    # Literals, because PyMySQL takes no parameters behind the rows of an INSERT of many.
    note: sa.ColumnElement[str] = sa.literal_column(f"'{ADD_NOTE}'")
    earlier = sa.or_(waiting.due_at.is_(None), new.due_at < waiting.due_at, waiting.kind == note)
    takes_new_time = sa.and_(sa.not_(waiting.unknown), earlier)
    is_told = sa.and_(waiting.attempts == sa.literal_column("0"), new.details.is_not(sa.null()))
    return {
        "due_at": sa.case((takes_new_time, new.due_at), else_=waiting.due_at),
        "lane": sa.case((new.lane < waiting.lane, new.lane), else_=waiting.lane),
        "client_id": new.client_id,
        "kind": sa.case((waiting.kind == _APPLY, new.kind), else_=waiting.kind),
        "details": sa.case((is_told, new.details), else_=waiting.details),
    }


def on_connection(connection_id: UUID) -> sa.ColumnElement[bool]:
    """Hold to a connection's entries in words that lead to no index of its own: a client's holds far fewer."""
    return sa.func.coalesce(table.c.connection_id, table.c.connection_id) == connection_id
