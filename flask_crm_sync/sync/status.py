"""How things stand: what waits, what failed, who works. Counting is bounded, so that no log is too long for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..models import Change, Heartbeat, Operation
from ..models.heartbeat import BELL, SCHEDULER, WORKER
from ..models.operation import FAILED, PENDING, SUCCESS
from .connections import ConnectionView, connections
from .context import Sync
from .log import KINDS, merged
from .paging import Place

COUNT_TO = 10_000
SHOWN_TO = 1_000
"""How far pages count: nobody reads more from a number on a card, and it is counted at each look."""
ALIVE_FOR = timedelta(seconds=120)
"""Workers beat every 30 s; four missed beats mean that nobody works."""
LATELY = timedelta(hours=24)

COMMANDS: Mapping[str, str] = {WORKER: "flask crm worker", SCHEDULER: "flask crm scheduler"}

_operations: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]
_heartbeats: sa.Table = sa.inspect(Heartbeat).local_table  # type: ignore[assignment]
_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection in numbers; each stops at the bound that was asked for.

    `waiting` counts pending operations by the reason they wait for ("" for none in particular), `sent_lately`
    successes of the last 24 hours, `failed_lately` what failed in them and still stands so.
    """

    connection: ConnectionView
    pending: int
    waiting: Mapping[str, int]
    oldest_pending_at: datetime | None
    failed: int
    sent_lately: int
    failed_lately: int = 0


@dataclass(frozen=True, slots=True)
class Pulse:
    """When a worker, a scheduler and the bell were last heard of, None for never."""

    now: datetime
    beats: Mapping[str, datetime] = field(default_factory=dict)

    def last(self, kind: str) -> datetime | None:
        """Return when one of this kind was last heard of."""
        return self.beats.get(kind)

    def is_alive(self, kind: str) -> bool:
        """Tell whether one of this kind works now."""
        last = self.last(kind)
        return last is not None and self.now - last <= ALIVE_FOR

    def silent(self) -> tuple[str, ...]:
        """Return the kinds that should work and do not: what `COMMANDS` starts."""
        return tuple(kind for kind in COMMANDS if not self.is_alive(kind))


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand for an account, or for all of them.

    `changes` counts what the fan-out has not looked at yet; it is told to operators only, being everybody's.
    """

    connections: tuple[ConnectionStatus, ...]
    pulse: Pulse
    changes: int | None

    @property
    def pending(self) -> int:
        """Return how many operations wait in all."""
        return sum(connection.pending for connection in self.connections)

    @property
    def failed(self) -> int:
        """Return how many operations failed in all."""
        return sum(connection.failed for connection in self.connections)

    def of(self, crm: str) -> ConnectionStatus | None:
        """Return the status of the connection to one CRM, if there is one; of one account's status only."""
        return next((one for one in self.connections if one.connection.crm == crm), None)


def status(
    sync: Sync,
    account_id: str | None = None,
    *,
    count_to: int = COUNT_TO,
    by_reason: bool = True,
    lately: bool = True,
) -> Status:
    """Return how things stand for an account (for all, to operators), counting each thing up to `count_to`.

    Pages, which tell no reasons, leave them out: to read them costs more than to count. So does what happened `lately`
    and since when the oldest waits, where a page does not tell of it.
    """
    views = connections(sync, account_id)
    with sync.database.read() as database:
        pulse = _pulse(sync, database)
        counted = tuple(_connection_status(database, view, pulse.now, count_to, by_reason, lately) for view in views)
        changes = _count(database, sa.select(_changes.c.id), count_to) if account_id is None else None
    return Status(counted, pulse, changes)


def pulse(sync: Sync) -> Pulse:
    """Return when workers, scheduler and bell were last heard of."""
    with sync.database.read() as database:
        return _pulse(sync, database)


def _pulse(sync: Sync, database: sa.Connection) -> Pulse:
    latest = sa.select(_heartbeats.c.kind, sa.func.max(_heartbeats.c.beat_at)).group_by(_heartbeats.c.kind)
    beats = {kind: at for kind, at in database.execute(latest) if kind in {WORKER, SCHEDULER, BELL}}
    return Pulse(sync.clock.now(), beats)


def _connection_status(
    database: sa.Connection, view: ConnectionView, now: datetime, count_to: int, by_reason: bool, lately: bool
) -> ConnectionStatus:
    failed = _count(database, _standing(view, FAILED), count_to)
    return ConnectionStatus(
        connection=view,
        pending=_count(database, _standing(view, PENDING), count_to),
        waiting=_waiting(database, view, count_to) if by_reason else {},
        oldest_pending_at=_oldest_pending(database, view) if lately else None,
        failed=failed,
        sent_lately=_settled_lately(database, view, SUCCESS, now - LATELY, count_to) if lately else 0,
        failed_lately=_settled_lately(database, view, FAILED, now - LATELY, count_to) if lately and failed else 0,
    )


def _standing(view: ConnectionView, status_: str) -> sa.Select[Any]:
    """Select by what the index of the log's filters holds: of an account and a CRM there is one connection."""
    equal = {"account_id": view.account_id, "status": status_, "crm": view.crm}
    return sa.select(_operations.c.id).where(*(_operations.c[name] == value for name, value in equal.items()))


def _count(database: sa.Connection, query: sa.Select[Any], count_to: int) -> int:
    bounded = query.limit(count_to).subquery()
    return database.execute(sa.select(sa.func.count()).select_from(bounded)).scalar_one()


def _waiting(database: sa.Connection, view: ConnectionView, count_to: int) -> dict[str, int]:
    bounded = _standing(view, PENDING).with_only_columns(_operations.c.reason).limit(count_to).subquery()
    counted = sa.select(bounded.c.reason, sa.func.count().label("number")).group_by(bounded.c.reason)
    return {row.reason: row.number for row in database.execute(counted)}


def _oldest_pending(database: sa.Connection, view: ConnectionView) -> datetime | None:
    at: datetime | None = database.execute(_OLDEST, {"account": view.account_id, "crm": view.crm}).scalar()
    return at


def _settled_lately(database: sa.Connection, view: ConnectionView, status_: str, since: datetime, count_to: int) -> int:
    given = {"account": view.account_id, "crm": view.crm, "most": count_to, "since": since}
    return database.execute(_SETTLED_LATELY[status_], given).scalar_one()


def _in_order(status_: str, place: Place, limit: Any, column: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select from the ends of each kind of work: an idle connection must not read through the others' entries."""
    own = [_operations.c.account_id == sa.bindparam("account"), _operations.c.crm == sa.bindparam("crm")]
    streams = ([*own, _operations.c.status == status_, _operations.c.kind == kind] for kind in KINDS)
    return merged(streams, (), place, limit, [column])


_OLDEST = _in_order(PENDING, Place(after=0), 1, _operations.c.created_at)
_MOST = sa.bindparam("most", type_=sa.Integer())
_NEWEST = {one: _in_order(one, Place(), _MOST, _operations.c.settled_at).subquery() for one in (SUCCESS, FAILED)}
_SETTLED_LATELY = {
    one: sa.select(sa.func.count()).select_from(newest).where(newest.c.settled_at >= sa.bindparam("since"))
    for one, newest in _NEWEST.items()
}
