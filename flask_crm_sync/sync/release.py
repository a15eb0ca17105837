"""Notes that waited for their client's record, or were skipped for want of one, go on when it is there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..models.operation import ADD_NOTE, PENDING, SKIPPED, UPDATE
from . import reasons
from .operations import new_operation, owe
from .operations import table as operations


def release_notes(
    connection: sa.Connection,
    to: sa.RowMapping,
    *,
    settled: Sequence[str],
    arrived: Collection[str],
    now: datetime,
) -> None:
    """Let the notes of clients look again, as far as one is concerned at all.

    `settled` clients have their record, or a reason why they will not: what waited for that goes on. Clients that
    `arrived` have only now become reachable: notes that were skipped for want of an e-mail or a phone are owed again.
    """
    if not settled:
        return
    notes = connection.execute(_CONCERNED, {"of": to["id"], "clients": settled}).all()
    waiting = [note.id for note in notes if note.status == PENDING]
    if waiting:
        connection.execute(_RELEASE, {"ids": waiting, "now": now})
    skipped = {
        (note.subject_type, note.subject_id): note.client_id
        for note in notes
        if note.status == SKIPPED and note.client_id in arrived
    }
    owe(connection, [_note(to, subject, client_id, now) for subject, client_id in skipped.items()])


_WAITS = sa.and_(operations.c.status == PENDING, operations.c.reason == reasons.WAITING_FOR_CLIENT)
_SKIPPED = sa.and_(operations.c.status == SKIPPED, operations.c.reason == reasons.NO_CONTACT_DETAILS)
_CONCERNED = sa.select(
    *(operations.c[name] for name in ("id", "status", "subject_type", "subject_id", "client_id"))
).where(
    operations.c.connection_id == sa.bindparam("of"),
    operations.c.client_id.in_(sa.bindparam("clients", expanding=True)),
    operations.c.status.in_((PENDING, SKIPPED)),
    operations.c.kind == ADD_NOTE,
    sa.or_(_WAITS, _SKIPPED),
)
_RELEASE = (
    operations.update()
    .where(operations.c.id.in_(sa.bindparam("ids", expanding=True)), _WAITS, operations.c.claim.is_(None))
    .values(due_at=sa.bindparam("now"), reason=sa.literal_column("''"))
)


def _note(to: sa.RowMapping, subject: tuple[str, str], client_id: str, now: datetime) -> dict[str, Any]:
    return new_operation(
        to,
        kind=ADD_NOTE,
        lane=UPDATE,
        subject_type=subject[0],
        subject_id=subject[1],
        client_id=client_id,
        due_at=now,
        now=now,
    )
