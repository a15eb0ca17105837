"""Forgetting a person in our own tables: what names them, quotes them, or says what was found of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import (
    AuditEntry,
    Conflict,
    Connection,
    Delivery,
    Judgement,
    Link,
    Notice,
    Notification,
    Operation,
    Overwritten,
    Qualification,
    SeenNotice,
)
from ..models.change import CLIENT, CONVERSATION
from ..models.operation import ADD_NOTE, ERASE, FAILED, PENDING, SKIPPED
from . import reasons
from .operations import RECORD, on_connection

operations: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]
links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]
_audit: sa.Table = sa.inspect(AuditEntry).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_deliveries: sa.Table = sa.inspect(Delivery).local_table  # type: ignore[assignment]
_conflicts: sa.Table = sa.inspect(Conflict).local_table  # type: ignore[assignment]
_overwritten: sa.Table = sa.inspect(Overwritten).local_table  # type: ignore[assignment]
_qualifications: sa.Table = sa.inspect(Qualification).local_table  # type: ignore[assignment]
_judgements: sa.Table = sa.inspect(Judgement).local_table  # type: ignore[assignment]
_notifications: sa.Table = sa.inspect(Notification).local_table  # type: ignore[assignment]
_seen: sa.Table = sa.inspect(SeenNotice).local_table  # type: ignore[assignment]
_notices: sa.Table = sa.inspect(Notice).local_table  # type: ignore[assignment]


def forget_person(database: sa.Connection, account_id: str, client_id: str, now: datetime) -> None:
    """Stop what is owed to a client, and clear what we hold of it but the links, in the caller's transaction."""
    _stop(database, account_id, client_id, now)
    clear_log(database, account_id, client_id)
    own = sa.select(_connections.c.id).where(_connections.c.account_id == account_id)
    for table in (_conflicts, _overwritten):
        database.execute(table.delete().where(table.c.connection_id.in_(own), table.c.client_id == client_id))
    _forget_words(database, account_id, client_id)
    for table in (_qualifications, _judgements):
        database.execute(table.delete().where(table.c.account_id == account_id, table.c.client_id == client_id))
    _forget_notices(database, account_id, client_id)


def _stop(database: sa.Connection, account_id: str, client_id: str, now: datetime) -> None:
    """Skip what waits, failed, or offers to create the record again; what is in hand comes to it by itself."""
    waits = sa.and_(operations.c.status == PENDING, operations.c.claim.is_(None))
    gone = sa.and_(operations.c.status == SKIPPED, operations.c.reason == reasons.RECORD_DELETED_IN_CRM)
    open_ = sa.or_(waits, operations.c.status == FAILED, gone)
    stopped = {"status": SKIPPED, "reason": reasons.ERASED, "pending_key": None, "due_at": None, "unknown": False}
    settled = {
        "settled_at": sa.func.coalesce(operations.c.settled_at, sa.bindparam("at", now, operations.c.settled_at.type))
    }
    database.execute(_of(account_id, client_id).where(open_).values(stopped | settled))


def clear_log(database: sa.Connection, account_id: str, client_id: str) -> None:
    """Take texts, details and records out of the log's entries about a client."""
    database.execute(_of(account_id, client_id).where(operations.c.claim.is_(None)).values(_BLANK))


def clear_erasures(database: sa.Connection, connection_id: UUID, account_id: str, client_id: str) -> None:
    """Take the CRM's words out of earlier erasures of a client that failed on a connection, once one is done there."""
    failed = sa.and_(on_connection(connection_id), operations.c.kind == ERASE, operations.c.status == FAILED)
    database.execute(operations.update().where(entries_of(account_id, client_id), failed).values(_WORDLESS))


_WORDLESS: dict[str, Any] = {"message": "", "crm_message": "", "details": sa.null()}
_BLANK: dict[str, Any] = {
    **_WORDLESS,
    "remote_id": None,
    "remote_url": None,
    "decision": None,
}


def _of(account_id: str, client_id: str) -> sa.Update:
    return operations.update().where(entries_of(account_id, client_id), operations.c.kind != ERASE)


def entries_of(account_id: str, client_id: str) -> sa.ColumnElement[bool]:
    """Hold to the log's entries about a client, in words that lead to the index of clients and none of the account."""
    return sa.and_(operations.c.client_id == client_id, sa.func.coalesce(operations.c.account_id, "") == account_id)


def _forget_words(database: sa.Connection, account_id: str, client_id: str) -> None:
    """Take out of the trail why somebody decided on the person's conversations; who decided what stays."""
    own = sa.and_(_qualifications.c.account_id == account_id, _qualifications.c.client_id == client_id)
    theirs = _audit.c.subject_id.in_(sa.select(_qualifications.c.conversation_id).where(own))
    decided = sa.and_(_audit.c.account_id == account_id, _audit.c.subject_type == CONVERSATION, theirs)
    for row in database.execute(sa.select(_audit.c.id, _audit.c.after).where(decided)).all():
        kept = {name: value for name, value in (row.after or {}).items() if name != "why"}
        database.execute(_audit.update().where(_audit.c.id == row.id).values(after=kept))


def _forget_notices(database: sa.Connection, account_id: str, client_id: str) -> None:
    about = sa.select(_notices.c.id).where(_notices.c.account_id == account_id, _notices.c.client_id == client_id)
    ids = database.execute(about).scalars().all()
    if not ids:
        return
    for table in (_notifications, _seen):
        database.execute(table.delete().where(table.c.notice_id.in_(ids)))
    database.execute(_notices.delete().where(_notices.c.id.in_(ids)))


def note_links(
    database: sa.Connection, connection_id: UUID, client_id: str, conversation_ids: Sequence[str]
) -> dict[UUID, str]:
    """Return the links of a client's notes with the notes' ids in the CRM ("" where none is known): of these
    conversations, and of whatever the log knows of.
    """
    subjects: dict[str, set[str]] = {CONVERSATION: set(conversation_ids)}
    logged = (operations.c.client_id == client_id, on_connection(connection_id))
    query = sa.select(operations.c.subject_type, operations.c.subject_id).where(*logged, operations.c.kind == ADD_NOTE)
    for kind, id in database.execute(query.distinct()):
        subjects.setdefault(kind, set()).add(id)
    found: dict[UUID, str] = {}
    for kind, ids in subjects.items():
        wanted = {"of": connection_id, "kind": kind, "ids": sorted(ids)}
        found |= {row.id: row.remote_id or "" for row in database.execute(_NOTE_LINKS, wanted)} if ids else {}
    return found


_NOTE_LINKS = sa.select(links.c.id, links.c.remote_id).where(
    links.c.connection_id == sa.bindparam("of"),
    links.c.subject_type == sa.bindparam("kind"),
    links.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
)


def forget_links(
    database: sa.Connection, connection_id: UUID, client_id: str, note_link_ids: Sequence[UUID], records: Sequence[str]
) -> None:
    """Drop the links of a client and its notes, what hints and the log say of its records, and what was written since
    the person was forgotten by work that was in hand then, in the caller's transaction.
    """
    for table in (_conflicts, _overwritten):
        database.execute(table.delete().where(table.c.connection_id == connection_id, table.c.client_id == client_id))
    own = sa.and_(links.c.subject_type == CLIENT, links.c.subject_id == client_id)
    database.execute(links.delete().where(links.c.connection_id == connection_id, own))
    if note_link_ids:
        database.execute(links.delete().where(links.c.id.in_(note_link_ids)))
    if records:
        theirs = sa.and_(_deliveries.c.connection_id == connection_id, _deliveries.c.remote_id.in_(records))
        database.execute(_deliveries.delete().where(theirs))
        own = sa.and_(operations.c.subject_type == RECORD, operations.c.subject_id.in_(records))
        of = sa.and_(operations.c.connection_id == connection_id, operations.c.claim.is_(None))
        database.execute(operations.update().where(own, of).values(_BLANK))
