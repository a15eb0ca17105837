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
    due = {"drained": lease.connection_id, "now": now}
    kind = connection.execute(_FIRST, due).scalar()
    if kind is None:
        return []
    kinds = NOTE_KINDS if kind in NOTE_KINDS else CONTACT_KINDS
    query = _NEXT_UNLOCKED if supports_skip_locked(connection) else _NEXT
    rows = connection.execute(query, {**due, "kinds": kinds, "most": batch_size})
    return _take(connection, lease, now, _fitting([Claimed(*row) for row in rows]))


# Built once: every drain runs them again and again.
_WAITING = sa.and_(operations.c.status == PENDING, operations.c.claim.is_(None))
_DUE = sa.and_(
    operations.c.connection_id == sa.bindparam("drained"), _WAITING, operations.c.due_at <= sa.bindparam("now")
)
_ORDER = (operations.c.lane, operations.c.due_at, operations.c.id)
_FIRST = sa.select(operations.c.kind).where(_DUE).order_by(*_ORDER).limit(1)
_NEXT = (
    sa.select(*_COLUMNS)
    .where(_DUE, operations.c.kind.in_(sa.bindparam("kinds", expanding=True)))
    .order_by(*_ORDER)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_NEXT_UNLOCKED = _NEXT.with_for_update(skip_locked=True)
_TAKE = (
    operations.update()
    .where(operations.c.id.in_(sa.bindparam("ids", expanding=True)), _WAITING)
    .values(
        claim=sa.bindparam("fence"),
        claimed_at=sa.bindparam("now"),
        attempts=operations.c.attempts + 1,
        pending_key=sa.null(),
    )
)
_ABANDONED = sa.select(*_COLUMNS).where(
    operations.c.connection_id == sa.bindparam("drained"),
    operations.c.status == PENDING,
    operations.c.claim < sa.bindparam("fence"),
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
    taken = connection.execute(_TAKE, {"ids": ids, "fence": lease.fence, "now": now})
    if taken.rowcount != len(ids):  # a person dismissed one in this very moment
        ours = sa.and_(operations.c.id.in_(ids), operations.c.claim == lease.fence)
        kept = set(connection.execute(sa.select(operations.c.id).where(ours)).scalars())
        batch = [operation for operation in batch if operation.id in kept]
    for operation in batch:
        operation.attempts += 1
    return batch


def abandoned(connection: sa.Connection, lease: Lease) -> list[Claimed]:
    """Return what dead drains left claimed: the lease is ours, so every older claim is nobody's."""
    left = connection.execute(_ABANDONED, {"drained": lease.connection_id, "fence": lease.fence})
    return [Claimed(*row) for row in left]
