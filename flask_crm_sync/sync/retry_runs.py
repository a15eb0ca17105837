"""Retrying all that failed for one cause: owed in the database, done by the workers slice by slice, cancelled there.

Whoever asked may leave the page. A slice and how far the run has come are one transaction: a worker that dies leaves
a slice that was done whole or not at all, and of two that take the same one the second does nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..models import RetryRun
from . import audit
from .causes import COUNT_TO, SLICE, Cause, extent_of, retry_slice
from .context import Sync
from .deadlock import again_if_deadlocked
from .now import watch_retried
from .progress import RETRY, Progress
from .refusals import NotFound

SLICES = 5
"""Slices of one run in one go."""
_KEPT = timedelta(days=30)
"""How long a run is remembered after its end."""

_TRIES = 3

log = logging.getLogger(__name__)

_runs: sa.Table = sa.inspect(RetryRun).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Retrying:
    """A run and how far it has come: entries up to number `reached` were looked at, `done` of them wait again."""

    id: int
    account_id: str
    cause: Cause
    first: int
    last: int
    reached: int
    done: int
    total: int
    cancelled: bool
    began: datetime
    ended: datetime | None

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of it is left to do."""
        return self.ended is not None

    def progress(self, now: datetime) -> Progress:
        """Return how far it is; where more failed than was counted, the numbers of the log tell about how many."""
        is_estimate = self.total >= COUNT_TO and not self.is_over
        seconds = ((self.ended or now) - self.began).total_seconds()
        total = self.done if self.is_over else max(self._estimate() if is_estimate else self.total, self.done + 1)
        return Progress(RETRY, total, self.done, seconds, self.cancelled, is_estimate)

    def _estimate(self) -> int:
        share = (self.reached - self.first + 1) / max(1, self.last - self.first + 1)
        return max(self.total, round(self.done / share)) if share > 0 else self.total


def begin_retrying(sync: Sync, account_id: str, cause: Cause, *, by: str = "") -> Retrying:
    """Owe a retry of all that failed for a cause until now; one of the same cause that is under way is returned.

    Raises ChoiceNotPossible for a cause that asks for a decision on each entry.
    """
    now = sync.clock.now()
    with sync.database.write() as database:
        same = sa.and_(_runs.c.reason == cause.reason, _runs.c.crm == cause.crm, _OPEN)
        known = database.execute(_own(account_id).where(same)).first()
        if known is not None:
            return _retrying(known)
        extent = extent_of(database, account_id, cause)
        told = {"reason": cause.reason, "up_to": extent.last}
        _record(database, account_id, cause, by, now, told)
        database.execute(_runs.delete().where(_runs.c.account_id == account_id, _runs.c.ended_at < now - _KEPT))
        row: dict[str, Any] = {"account_id": account_id, "user_id": by[:191], "reason": cause.reason, "crm": cause.crm}
        row |= {"first_id": extent.first, "last_id": extent.last, "reached_id": max(0, extent.first - 1)}
        row |= {"done": 0, "total": extent.number, "created_at": now, "ended_at": None if extent.number else now}
        made = database.execute(_runs.insert().values(row)).inserted_primary_key
        return _retrying(database.execute(_own(account_id).where(_runs.c.id == (made or [0])[0])).one())


def find_retrying(sync: Sync, account_id: str, run_id: int) -> Retrying:
    """Return a run of an account; raise NotFound where the account has no such run."""
    with sync.database.read() as database:
        row = database.execute(_own(account_id).where(_runs.c.id == run_id)).first()
    if row is None:
        raise NotFound("There is no such retry of many entries.")
    return _retrying(row)


def open_runs(sync: Sync, account_id: str) -> tuple[Retrying, ...]:
    """Return the runs of an account that are under way, oldest first."""
    with sync.database.read() as database:
        return tuple(map(_retrying, database.execute(_own(account_id).where(_OPEN).order_by(_runs.c.id))))


def stop_retrying(sync: Sync, account_id: str, run_id: int, *, by: str = "") -> Retrying:
    """End a run where it is: what waits again is sent, the others stay as they are.

    Raises NotFound where the account has no such run.
    """
    known, now = find_retrying(sync, account_id, run_id), sync.clock.now()
    with sync.database.write() as database:
        still = sa.and_(_runs.c.id == known.id, _OPEN)
        if database.execute(_runs.update().where(still).values(cancelled=True, ended_at=now)).rowcount:
            _record(database, account_id, known.cause, by, now, {"reason": known.cause.reason, "cancelled": True})
            watch_retried(database, account_id, known.cause.crm, now)
    return find_retrying(sync, account_id, run_id)


def go_on(sync: Sync, run: Retrying) -> Retrying:
    """Try the next slices of a run again; return how far it has come."""
    for _ in range(SLICES):
        if run.is_over or not _next_slice(sync, run):
            break
        run = find_retrying(sync, run.account_id, run.id)
    return run


def go_on_with_all(sync: Sync) -> bool:
    """Go on with every run that is under way; return whether there is more to do."""
    with sync.database.read() as database:
        waiting = [_retrying(row) for row in database.execute(sa.select(_runs).where(_OPEN).order_by(_runs.c.id))]
    reached = [go_on(sync, run) for run in waiting]  # each of them, whatever the first has left
    return not all(run.is_over for run in reached)


def _next_slice(sync: Sync, run: Retrying) -> bool:
    """Do a slice; return False where another worker has it, or somebody has ended the run."""
    for _ in range(_TRIES):
        try:
            return again_if_deadlocked(lambda: _do_slice(sync, run), sync.clock)
        except IntegrityError:
            log.info("Something newer began to wait for an entry that is tried again: now it can be seen.")
    return False  # the next wake goes on


def _do_slice(sync: Sync, run: Retrying) -> bool:
    now = sync.clock.now()
    still = sa.and_(_runs.c.id == run.id, _runs.c.reached_id == run.reached, _OPEN)
    with sync.database.write() as database:
        if not database.execute(_runs.update().where(still).values(done=_runs.c.done)).rowcount:
            return False  # a write all the same: whoever takes the slice holds the row until it is done
        step = retry_slice(
            database, run.account_id, run.cause, now, after=run.reached, up_to=run.last, slice_size=SLICE
        )
        moved = {"reached_id": step.reached, "done": run.done + step.done, "ended_at": now if step.finished else None}
        database.execute(_runs.update().where(_runs.c.id == run.id).values(moved))
        if step.finished:
            watch_retried(database, run.account_id, run.cause.crm, now)
    return True


def _record(
    database: sa.Connection, account_id: str, cause: Cause, by: str, now: datetime, told: dict[str, Any]
) -> None:
    deed: dict[str, Any] = {"by": by, "subject_type": audit.LOG, "crm": cause.crm, "after": told}
    audit.record(database, account_id, audit.RETRY_ALL, now=now, **deed)


def _own(account_id: str) -> sa.Select[Any]:
    return sa.select(_runs).where(_runs.c.account_id == account_id)


def _retrying(row: sa.Row[Any]) -> Retrying:
    return Retrying(
        id=row.id,
        account_id=row.account_id,
        cause=Cause(row.reason, row.crm),
        first=row.first_id,
        last=row.last_id,
        reached=row.reached_id,
        done=row.done,
        total=row.total,
        cancelled=row.cancelled,
        began=row.created_at,
        ended=row.ended_at,
    )


_OPEN = _runs.c.ended_at.is_(None)
