"""Notes that waited for their client's record, or were skipped for want of one, go on when it is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ..models.change import CONVERSATION
from ..models.operation import ADD_NOTE, PENDING, SKIPPED, UPDATE
from . import reasons
from .operations import new_operation, owe
from .operations import table as operations


def release_waiting_notes(
    connection: sa.Connection, to: sa.RowMapping, client_ids: Sequence[str], now: datetime
) -> None:
    """Let the notes of these clients look again: the record is there, or there is a reason why it will not be."""
    if client_ids:
        waiting = sa.and_(
            _of_clients(to, client_ids),
            operations.c.status == PENDING,
            operations.c.claim.is_(None),
            operations.c.reason == reasons.WAITING_FOR_CLIENT,
        )
        connection.execute(operations.update().where(waiting).values(due_at=now, reason=""))


def owe_skipped_notes(connection: sa.Connection, to: sa.RowMapping, client_ids: Sequence[str], now: datetime) -> None:
    """Owe the notes that were skipped while these clients had neither e-mail nor phone, now that they have a record."""
    if not client_ids:
        return
    skipped = sa.and_(
        _of_clients(to, client_ids),
        operations.c.status == SKIPPED,
        operations.c.kind == ADD_NOTE,
        operations.c.reason == reasons.NO_CONTACT_DETAILS,
    )
    query = sa.select(operations.c.subject_id, operations.c.client_id).where(skipped).distinct()
    rows = [
        new_operation(
            to,
            kind=ADD_NOTE,
            lane=UPDATE,
            subject_type=CONVERSATION,
            subject_id=row.subject_id,
            client_id=row.client_id,
            due_at=now,
            now=now,
        )
        for row in connection.execute(query)
    ]
    owe(connection, rows)


def _of_clients(to: sa.RowMapping, client_ids: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.and_(operations.c.connection_id == to["id"], operations.c.client_id.in_(client_ids))
