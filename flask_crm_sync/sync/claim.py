"""Claiming: up to a batch of due operations of one connection, one lane after the other, every claim an attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models.operation import ADD_NOTE, FULL_BATCH, LANES, PENDING
from .lease import Lease
from .operations import CONTACT_KINDS, WORK
from .operations import table as operations


@dataclass(slots=True)
class Claimed:
    """An operation in hand. `attempts` counts this one."""

    connection_id: UUID
    id: int
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


@dataclass(frozen=True, slots=True)
class Head:
    """The first operation of a lane that waits for time."""

    lane: int
    due_at: datetime
    kind: str


def heads(connection: sa.Connection, connection_id: UUID) -> list[Head]:
    """Return the head of each lane, the most urgent lane first: whether there is something to claim, and when."""
    return [Head(*row) for row in connection.execute(_HEADS, {"drained": connection_id})]


def claim(
    connection: sa.Connection, lease: Lease, now: datetime, batch_size: int, ahead: Sequence[Head], slowest: int
) -> list[Claimed]:
    """Claim the next batch: operations of one kind of work, the most urgent first, no lane slower than `slowest`.

    `ahead` are the heads of the lanes. An operation that was in a batch that went down asks for a smaller one
    (`batch_limit`), and gets it.
    """
    kind = next((head.kind for head in ahead if head.due_at <= now and head.lane <= slowest), None)
    if kind is None:
        return []
    kinds = next((kinds for kinds in WORK if kind in kinds), CONTACT_KINDS)
    wanted = {"drained": lease.connection_id, "now": now, "kinds": kinds, "most": batch_size, "slowest": slowest}
    rows = connection.execute(_NEXT[connection.dialect.name], wanted)
    return _take(connection, lease, now, _fitting([Claimed(lease.connection_id, *row) for row in rows]))


# Built once: every drain runs them again and again. Each lane is looked up by itself, where the index goes straight to
# what is due: a look-up over all of them would step over everything that waits for its time in a faster lane.
_COLUMNS = [operations.c[name] for name in Claimed.__dataclass_fields__ if name != "connection_id"]
_OF_DRAINED = operations.c.connection_id == sa.bindparam("drained")
_WAITING = sa.and_(operations.c.status == PENDING, operations.c.claim.is_(None))
_IN_LANE = (operations.c.due_at, operations.c.id)


def _head_of(lane: int) -> sa.Select[Any]:
    waits = (_OF_DRAINED, _WAITING, operations.c.lane == lane, operations.c.due_at.is_not(None))
    head = sa.select(operations.c.lane, operations.c.due_at, operations.c.kind)
    return sa.select(head.where(*waits).order_by(*_IN_LANE).limit(1).subquery())


def _due_in(lane: int) -> sa.Select[Any]:
    due = (_OF_DRAINED, _WAITING, operations.c.lane == lane, operations.c.due_at <= sa.bindparam("now"))
    served = (operations.c.kind.in_(sa.bindparam("kinds", expanding=True)), sa.bindparam("slowest") >= lane)
    most = sa.bindparam("most", type_=sa.Integer())
    return sa.select(sa.select(operations.c.id).where(*due, *served).order_by(*_IN_LANE).limit(most).subquery())


def _next(lock: Mapping[str, Any] | None) -> sa.Select[Any]:
    due = sa.union_all(*map(_due_in, LANES)).subquery()
    most = sa.bindparam("most", type_=sa.Integer())
    query = sa.select(*_COLUMNS).join(due, due.c.id == operations.c.id).where(_WAITING)
    query = query.order_by(operations.c.lane, *_IN_LANE).limit(most)
    return query if lock is None else query.with_for_update(skip_locked=True, **lock)


_HEADS = sa.union_all(*map(_head_of, LANES)).order_by("lane")
_NEXT = {
    "sqlite": _next(None),
    "postgresql": _next({"of": operations}),
    "mysql": _next({}),
    "mariadb": _next({}),
}
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
    _OF_DRAINED, operations.c.status == PENDING, operations.c.claim < sa.bindparam("fence")
)


def _fitting(waiting: Sequence[Claimed]) -> list[Claimed]:
    """Take from the front as many as the most cautious of them allows; a full batch is as large as the CRM takes."""
    fitting: list[Claimed] = []
    room = len(waiting)
    for operation in waiting:
        room = min(room, operation.batch_limit) if operation.batch_limit < FULL_BATCH else room
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
    return [Claimed(lease.connection_id, *row) for row in left]
