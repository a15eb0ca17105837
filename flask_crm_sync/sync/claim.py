"""Claiming: up to a batch of due operations of one connection, one lane after the other, every claim an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models.database import supports_skip_locked
from ..models.operation import ADD_NOTE, PENDING
from .lease import Lease
from .operations import CONTACT_KINDS, NOTE_KINDS
from .operations import table as operations


@dataclass(slots=True)
class Claimed:
    """An operation in hand. `attempts` counts this one."""

    id: int
    connection_id: UUID
    account_id: str
    crm: str
    kind: str
    lane: int
    subject_type: str
    subject_id: str
    client_id: str
    attempts: int
    crashes: int
    batch_limit: int
    unknown: bool
    retried_seconds: float
    decision: str | None
    details: dict[str, Any] | None
    created_at: datetime

    @property
    def is_note(self) -> bool:
        """Tell whether this is work on a note, rather than on a contact."""
        return self.kind == ADD_NOTE


_COLUMNS = [operations.c[name] for name in Claimed.__dataclass_fields__]


def claim(connection: sa.Connection, lease: Lease, now: datetime, batch_size: int) -> list[Claimed]:
    """Claim the next batch: operations of one kind of work, the most urgent first.

    An operation that was in a batch that went down asks for a smaller one (`batch_limit`), and gets it.
    """
    due = _due(lease.connection_id, now)
    first = connection.execute(
        sa.select(operations.c.kind, operations.c.lane).where(due).order_by(*_ORDER).limit(1)
    ).first()
    if first is None:
        return []
    kinds = NOTE_KINDS if first.kind in NOTE_KINDS else CONTACT_KINDS
    query = sa.select(*_COLUMNS).where(due, operations.c.kind.in_(kinds)).order_by(*_ORDER).limit(batch_size)
    if supports_skip_locked(connection):
        query = query.with_for_update(skip_locked=True)
    return _take(connection, lease, now, _fitting([Claimed(*row) for row in connection.execute(query)]))


_ORDER = (operations.c.lane, operations.c.due_at, operations.c.id)


def _due(connection_id: UUID, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        operations.c.connection_id == connection_id,
        operations.c.status == PENDING,
        operations.c.claim.is_(None),
        operations.c.due_at <= now,
    )


def _fitting(waiting: Sequence[Claimed]) -> list[Claimed]:
    """Take from the front as many as the most cautious of them allows."""
    fitting: list[Claimed] = []
    room = len(waiting)
    for operation in waiting:
        room = min(room, operation.batch_limit)
        if len(fitting) >= room:
            break
        fitting.append(operation)
    return fitting


def _take(connection: sa.Connection, lease: Lease, now: datetime, batch: list[Claimed]) -> list[Claimed]:
    ids = [operation.id for operation in batch]
    if not ids:
        return []
    unclaimed = sa.and_(operations.c.id.in_(ids), operations.c.status == PENDING, operations.c.claim.is_(None))
    taken = connection.execute(
        operations.update()
        .where(unclaimed)
        .values(claim=lease.fence, claimed_at=now, attempts=operations.c.attempts + 1, pending_key=None)
    )
    if taken.rowcount != len(ids):  # a person dismissed one in this very moment
        ours = sa.and_(operations.c.id.in_(ids), operations.c.claim == lease.fence)
        kept = set(connection.execute(sa.select(operations.c.id).where(ours)).scalars())
        batch = [operation for operation in batch if operation.id in kept]
    for operation in batch:
        operation.attempts += 1
    return batch


def abandoned(connection: sa.Connection, lease: Lease) -> list[Claimed]:
    """Return what dead drains left claimed: the lease is ours, so every older claim is nobody's."""
    left = sa.and_(
        operations.c.connection_id == lease.connection_id,
        operations.c.status == PENDING,
        operations.c.claim < lease.fence,
    )
    return [Claimed(*row) for row in connection.execute(sa.select(*_COLUMNS).where(left))]
