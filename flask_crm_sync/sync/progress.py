"""Progress of what takes long: one run at a time for each connection, kept in the database, cancelled from there.

A run remembers when it began and how much there was to do; how much is left is asked of the operations that wait, in
index look-ups that end at a bound.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Operation, Scan
from ..models.operation import ADD_NOTE, BULK, LANES, PENDING, UPDATE_CONTACT
from . import reasons
from .audit import SETTINGS, record
from .connections import find_connection
from .context import Sync
from .operations import CONTACT_KINDS, NOTE_KINDS
from .rounds import next_round
from .status import COUNT_TO

CATCH_UP, NOW, RETRY = "catch_up", "now", "retry"
SHOWN_FOR = timedelta(hours=1)
"""How long what is done is still told of."""
SLICE = 1000

_scans: sa.Table = sa.inspect(Scan).local_table  # type: ignore[assignment]
_operations: sa.Table = sa.inspect(Operation).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is kept. `first` is the highest number in the log when it began.

    A run that catches up has looked at `seen` clients and owed `owed` operations, and is `through` at the last one;
    with `notes`, past conversations are owed their notes as well. While it is `paused`, nothing of it is sent.
    """

    what: str
    total: int
    began: str
    first: int
    seen: int = 0
    owed: int = 0
    through: bool = True
    cancelled: bool = False
    paused: bool = False
    notes: bool = False


Kept = tuple[str, Run]
"""A run and the key of the last client that it has seen."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come. `is_estimate` where too much waits to be counted."""

    what: str
    total: int
    done: int
    seconds: float
    cancelled: bool
    is_estimate: bool = False
    paused: bool = False

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of the run is left."""
        return self.done >= self.total

    @property
    def percent(self) -> int:
        """Return the share that is done, 100 only at the end."""
        return 100 if self.is_over else min(99, 100 * self.done // self.total)

    @property
    def per_minute(self) -> float:
        """Return the rate since the run began."""
        return self.done / max(self.seconds, 1.0) * 60

    @property
    def seconds_left(self) -> float | None:
        """Return the time left at that rate; None before anything is done."""
        return (self.total - self.done) / self.done * self.seconds if self.done else None


def begin(
    database: sa.Connection,
    connection_id: UUID,
    what: str,
    total: int,
    now: datetime,
    *,
    through: bool = True,
    notes: bool = False,
) -> None:
    """Remember a run in the transaction that sets it going. One that still catches up is not replaced by another."""
    known = _stored(database, connection_id, hold=True)
    if known is not None and what != CATCH_UP and _still_catches_up(database, connection_id, known[1], now):
        return
    first = database.execute(sa.select(sa.func.max(_operations.c.id))).scalar() or 0
    run = Run(what, total, now.isoformat(), first, through=through, notes=notes)
    database.execute(_scans.delete().where(_scans.c.name == connection_id.hex))
    database.execute(_scans.insert().values(name=connection_id.hex, cursor="", ran_at=now, note=_text(run)))


def progress(sync: Sync, connection_id: UUID) -> Progress | None:
    """Return how far a connection's run has come; None where none was begun, or it has been over for a while."""
    now = sync.clock.now()
    with sync.database.read() as database:
        known = _stored(database, connection_id)
        if known is None:
            return None
        run = known[1]
        left, is_estimate = _left(database, connection_id, run, now)
    done = (run.seen if run.what == CATCH_UP else run.total) - left
    total = run.seen if run.through and run.what == CATCH_UP else max(run.total, done + 1 - run.through)
    began = datetime.fromisoformat(run.began)
    seconds = (now - began).total_seconds()
    found = Progress(run.what, total, max(0, done), seconds, run.cancelled, is_estimate, run.paused)
    return None if found.is_over and now - began > SHOWN_FOR else found


def cancel(sync: Sync, account_id: str, crm: str, *, by: str = "") -> int:
    """Stop an account's run: what it brought forward waits for its round again, what it owed is owed no more.

    Returns how many operations that concerned so far; of a very long run the workers withdraw the rest.
    """
    view = find_connection(sync, account_id, crm)
    now = sync.clock.now()
    with sync.database.write() as database:
        known = _stored(database, view.id, hold=True)
        if known is None:
            return 0
        run = replace(known[1], cancelled=True, through=known[1].what != CATCH_UP)
        keep(database, view.id, known, run)
        set_going_again(database, view.id, now)
        told: dict[str, Any] = {"by": by, "subject_id": view.id, "crm": crm, "after": {"cancelled": run.what}}
        record(database, account_id, SETTINGS, now=now, **told)
        if run.what != CATCH_UP:
            round_at = next_round(view.next_interval_at or now, view.settings.interval_minutes, now)
            return database.execute(_BACK, {"of": view.id, "last": run.first, "now": now, "round": round_at}).rowcount
    return sum(withdraw(sync, view.id) for _ in range(10))


def withdraw(sync: Sync, connection_id: UUID) -> int:
    """Take back a slice of what catching up owed and nobody has begun; return how much it was.

    What else goes in that lane, such as former values on their way back, is not the run's.
    """
    with sync.database.write() as database:
        some = database.execute(_OWED_IN_BULK, {"of": connection_id, "most": SLICE}).scalars().all()
        if some:
            database.execute(_operations.delete().where(_operations.c.id.in_(some), _operations.c.claim.is_(None)))
        return len(some)


def set_going_again(database: sa.Connection, connection_id: UUID, now: datetime) -> None:
    """Let go on what rests because its run was paused, in the caller's transaction."""
    database.execute(_GO_ON, {"of": connection_id, "now": now})


def current_run(database: sa.Connection, connection_id: UUID, *, hold: bool = False) -> Kept | None:
    """Return a connection's run and its place, None where there never was one; `hold` locks it for a change."""
    return _stored(database, connection_id, hold=hold)


def runs(database: sa.Connection) -> list[tuple[UUID, str, Run]]:
    """Return every run that still catches up: the connection, the key of the last client seen, the run."""
    rows = database.execute(sa.select(_scans).where(_scans.c.note.startswith(_CATCHING_UP)))
    found = [(UUID(row.name), row.cursor, _run(row.note)) for row in rows]
    return [(id, cursor, run) for id, cursor, run in found if not run.through]


def keep(database: sa.Connection, connection_id: UUID, known: Kept, run: Run, *, cursor: str | None = None) -> bool:
    """Write a run down if nobody has meanwhile changed it from how it was known; tell whether that was so."""
    place, was = known
    same = sa.and_(_scans.c.name == connection_id.hex, _scans.c.cursor == place, _scans.c.note == _text(was))
    values = {"note": _text(run), "cursor": place if cursor is None else cursor}
    return database.execute(_scans.update().where(same).values(values)).rowcount == 1


def _still_catches_up(database: sa.Connection, connection_id: UUID, run: Run, now: datetime) -> bool:
    if run.what != CATCH_UP or run.cancelled:
        return False
    return not run.through or _left(database, connection_id, run, now)[0] > 0


def _left(database: sa.Connection, connection_id: UUID, run: Run, now: datetime) -> tuple[int, bool]:
    if run.what != CATCH_UP:
        bounded = _WAITS.where(_operations.c.id <= sa.bindparam("last"), _operations.c.due_at <= sa.bindparam("now"))
        given = {"of": connection_id, "lanes": list(LANES), "last": run.first, "now": now, "most": run.total}
        return _counted(database, bounded, given), False
    given = {"of": connection_id, "lanes": [BULK], "most": COUNT_TO}
    left = min(run.seen, _counted(database, _WAITS.where(_operations.c.kind != ADD_NOTE), given))
    if left < COUNT_TO:
        return left, False
    head, tail = database.execute(_ENDS, {"of": connection_id}).one()
    return max(left, round(run.owed * (tail - head + 1) / max(1, tail - run.first))), True


def waiting_in_bulk(database: sa.Connection, connection_id: UUID, most: int) -> int:
    """Return how much waits in a connection's last lane, counted up to a bound."""
    return _counted(database, _WAITS, {"of": connection_id, "lanes": [BULK], "most": most})


def _counted(database: sa.Connection, query: sa.Select[Any], given: dict[str, Any]) -> int:
    bounded = query.limit(sa.bindparam("most", type_=sa.Integer())).subquery()
    return database.execute(sa.select(sa.func.count()).select_from(bounded), given).scalar_one()


def _stored(database: sa.Connection, connection_id: UUID, *, hold: bool = False) -> Kept | None:
    query = sa.select(_scans).where(_scans.c.name == connection_id.hex)
    row = database.execute(query.with_for_update() if hold else query).first()
    return None if row is None else (row.cursor, _run(row.note))


def _run(note: str) -> Run:
    return Run(**json.loads(note))


def _text(run: Run) -> str:
    return json.dumps(asdict(run), separators=(",", ":"))


_CATCHING_UP = f'{{"what":"{CATCH_UP}",'
_PENDING = sa.and_(_operations.c.connection_id == sa.bindparam("of"), _operations.c.status == PENDING)
_WAITS = sa.select(_operations.c.id).where(_PENDING, _operations.c.lane.in_(sa.bindparam("lanes", expanding=True)))
_IN_BULK = sa.and_(_PENDING, _operations.c.lane == BULK)
_OF_RUNS = _operations.c.kind.in_((*CONTACT_KINDS, *NOTE_KINDS))
_GO_ON = (
    _operations.update()
    .where(_IN_BULK, _operations.c.due_at.is_(None), _operations.c.reason == reasons.BACKFILL_PAUSED)
    .values(due_at=sa.bindparam("now"), reason="")
)
_ORDER = (_operations.c.due_at, _operations.c.id)  # the index's own, so that both ends are one look-up each
_ENDS = sa.select(
    sa.select(_operations.c.id).where(_IN_BULK).order_by(*_ORDER).limit(1).scalar_subquery(),
    sa.select(_operations.c.id)
    .where(_IN_BULK)
    .order_by(*(column.desc() for column in _ORDER))
    .limit(1)
    .scalar_subquery(),
)
_OWED_IN_BULK = (
    sa.select(_operations.c.id)
    .where(_IN_BULK, _OF_RUNS, _operations.c.claim.is_(None), _operations.c.attempts == 0)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_BACK = (
    _operations.update()
    .where(
        _PENDING,
        _operations.c.lane.in_(list(LANES)),
        _operations.c.kind == UPDATE_CONTACT,
        _operations.c.claim.is_(None),
        _operations.c.attempts == 0,
        _operations.c.due_at <= sa.bindparam("now"),
        _operations.c.id <= sa.bindparam("last"),
    )
    .values(due_at=sa.bindparam("round"))
)
