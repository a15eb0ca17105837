"""The overview: what went out lately and how fast, the CRMs' allowances, and what needs somebody now.

Everything is read from the newest rows of an index, up to a bound, so that ten million operations cost what ten
thousand do: at most `NEWEST` rows for each outcome and `TIMED` for each connection. Where an account has more in a
day, the picture begins where the bound was reached, and says so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..crm import registry
from ..models import Operation
from ..models.base import Instant
from ..models.connection import NEEDS_ATTENTION
from ..models.heartbeat import WORKER
from ..models.operation import CREATE_LEAD, FAILED, LIVE, SKIPPED, SUCCESS
from .allowance import Used, used_of
from .connections import ConnectionView
from .context import Sync
from .log import by_number
from .paging import Place
from .status import COMMANDS, SHOWN_TO, ConnectionStatus, Status, status

NEWEST = 1_500
TIMED = 500
HOURS = 24
OUTCOMES = (SUCCESS, FAILED, SKIPPED)
STEPS = (5, 30, 120, 600, 3600)
"""Seconds at which the lengths of the way to the CRM are told apart."""

_operations: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Hour:
    """What was settled in one hour, by outcome."""

    begins: datetime
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return everything that was settled in it."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Ways:
    """How long new leads took from the commit here to the record in the CRM, the newest `TIMED` of a connection.

    `bins` counts them up to each of `STEPS` seconds, and beyond the last; times are in seconds.
    """

    number: int = 0
    median: float = 0.0
    slowest: float = 0.0
    bins: tuple[int, ...] = (0,) * (len(STEPS) + 1)


@dataclass(frozen=True, slots=True)
class Health:
    """One connection: how it stands, how fast it is, and what it used."""

    status: ConnectionStatus
    ways: Ways
    used: Used | None


@dataclass(frozen=True, slots=True)
class Overview:
    """An account's overview. `since` is when the picture of the hours begins, later than a day ago if much happened."""

    status: Status
    hours: tuple[Hour, ...]
    since: datetime
    healths: tuple[Health, ...]


def overview(sync: Sync, account_id: str) -> Overview:
    """Return an account's overview, at a cost that does not grow with its log."""
    stands = status(sync, account_id, count_to=SHOWN_TO, by_reason=False, lately=False)
    shown = list(registry.adapters())  # in the order of the cards
    connected = [one for crm in shown if (one := stands.of(crm)) is not None and one.connection.is_connected]
    with sync.database.read() as database:
        hours, since = _hours(database, account_id, stands.pulse.now)
        healths = tuple(
            Health(one, _ways(database, one.connection), used_of(sync, database, one.connection)) for one in connected
        )
    return Overview(stands, hours, since, healths)


def needs(stands: Status) -> tuple[str, ConnectionStatus | None]:
    """Return what needs somebody most: a word for it, and the connection that it concerns, if one does.

    The words: `not_connected`, `attention`, `worker`, `failed`, `scheduler`, `nothing`.
    """
    connected = [one for one in stands.connections if one.connection.is_connected]
    if not connected:
        return "not_connected", None
    for one in connected:
        if one.connection.state == NEEDS_ATTENTION:
            return "attention", one
    silent = [kind for kind in COMMANDS if kind in stands.pulse.silent()]
    if WORKER in silent:
        return WORKER, None
    worst = max(connected, key=lambda one: one.failed)
    if worst.failed:
        return "failed", worst
    return (silent[0], None) if silent else ("nothing", None)


def _hours(database: sa.Connection, account_id: str, now: datetime) -> tuple[tuple[Hour, ...], datetime]:
    """Count what was settled in each of the last hours, in the order of time."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    begins = [first + timedelta(hours=n) for n in range(HOURS)]
    counts: list[Counter[str]] = [Counter() for _ in begins]
    since, dialect = first, database.dialect.name
    for outcome in OUTCOMES:
        of = {"account": account_id, "status": outcome, "most": NEWEST}
        hours = {f"hour{n}": at for n, at in enumerate(begins)}
        for hour, number in database.execute(_BY_HOUR[dialect], of | hours):
            counts[hour][outcome] = number
        since = max(since, database.execute(_BOUND[dialect], of).scalar() or first)
    return tuple(Hour(at, counted) for at, counted in zip(begins, counts, strict=True)), since


def _ways(database: sa.Connection, view: ConnectionView) -> Ways:
    """Measure the newest leads of the fastest lane: clients from before, brought in behind all, tell nothing."""
    rows = database.execute(_LIVE, {"of": view.id})
    leads = ((created, settled) for kind, created, settled in rows if kind == CREATE_LEAD and settled is not None)
    lengths = [(settled - created).total_seconds() for created, settled in leads]
    return _measured(sorted(lengths))


def _measured(lengths: Sequence[float]) -> Ways:
    if not lengths:
        return Ways()
    bins = Counter(bisect_left(STEPS, length) for length in lengths)
    slowest = lengths[min(len(lengths) - 1, int(0.95 * len(lengths)))]
    counted = tuple(bins[n] for n in range(len(STEPS) + 1))
    return Ways(len(lengths), lengths[len(lengths) // 2], slowest, counted)


_MOST = sa.bindparam("most", type_=sa.Integer())


def _settled(dialect: str) -> sa.Select[Any]:
    equal: dict[str, Any] = {"account_id": sa.bindparam("account"), "status": sa.bindparam("status")}
    return by_number(dialect, equal, Place(), [_operations.c.settled_at])


def _by_hour(dialect: str) -> sa.Select[Any]:
    """Count the newest of an account and outcome by the hour in which they were settled, `hour0` being the first."""
    newest = _settled(dialect).limit(_MOST).subquery()
    begins = [sa.bindparam(f"hour{n}", type_=Instant()) for n in range(HOURS)]
    hour = sa.case(*((newest.c.settled_at >= begins[n], n) for n in reversed(range(HOURS)))).label("hour")
    told = sa.select(hour).where(newest.c.settled_at >= begins[0]).subquery()
    return sa.select(told.c.hour, sa.func.count()).group_by(told.c.hour)


_DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb")
_BY_HOUR = {dialect: _by_hour(dialect) for dialect in _DIALECTS}
_BOUND = {dialect: _settled(dialect).offset(_MOST - 1).limit(1) for dialect in _DIALECTS}
_LIVE = (
    sa.select(_operations.c.kind, _operations.c.created_at, _operations.c.settled_at)
    .where(
        _operations.c.connection_id == sa.bindparam("of"),
        _operations.c.status == SUCCESS,
        _operations.c.lane == LIVE,
        _operations.c.due_at.is_(None),
    )
    .order_by(_operations.c.due_at.desc(), _operations.c.id.desc())  # the index's own order, backwards
    .limit(TIMED)
)
