"""All entries that failed for one cause, tried again together: in bounded slices, so that a million are no burden."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..models.operation import FAILED
from .choices import may_be_retried, resume_on
from .context import Sync
from .log import crms_of, merged, of_cause
from .operations import table as _table
from .paging import Place
from .refusals import ChoiceNotPossible
from .status import SHOWN_TO

SLICE = 100
COUNT_TO = 10_000

_STANDING = ("id", "connection_id", "account_id", "kind", "subject_type", "subject_id", "status", "reason")


@dataclass(frozen=True, slots=True)
class Cause:
    """What entries have in common that are tried again together; "" for `crm` stands for all."""

    reason: str
    crm: str = ""


@dataclass(frozen=True, slots=True)
class Retried:
    """How far a retry of many has come: entries up to number `reached` were looked at, `done` of them wait again."""

    done: int
    reached: int
    finished: bool


@dataclass(frozen=True, slots=True)
class Extent:
    """What failed for a cause: the oldest and the newest number, and how many, counted up to 10,000; else zeros."""

    first: int = 0
    last: int = 0
    number: int = 0


def count_failed(sync: Sync, account_id: str, cause: Cause) -> int:
    """Return how many entries failed for a cause; the counting stops at `SHOWN_TO`."""
    with sync.database.read() as database:
        return _count(database, account_id, cause, SHOWN_TO)


def extent_of(database: sa.Connection, account_id: str, cause: Cause) -> Extent:
    """Return what a retry of all that failed for a cause goes from and up to.

    Raises ChoiceNotPossible for a cause that asks for a decision on each entry.
    """
    if not may_be_retried(cause.reason):
        raise ChoiceNotPossible("Each of these entries needs a decision of its own.")
    oldest, newest = (
        database.execute(_failed(database, account_id, cause, place, 1)).scalar() or 0 for place in (_OLDEST, Place())
    )
    return Extent(oldest, newest, _count(database, account_id, cause, COUNT_TO))


def retry_slice(
    database: sa.Connection,
    account_id: str,
    cause: Cause,
    now: datetime,
    *,
    after: int = 0,
    up_to: int,
    slice_size: int = SLICE,
) -> Retried:
    """Try the next slice of them again: those with numbers behind `after`, up to `up_to`, oldest first.

    Raises IntegrityError where something newer began to wait for one of them at this moment: it can be seen next time.
    """
    chosen = _failed(database, account_id, cause, Place(after=after), slice_size)
    rows = [row for row in database.execute(chosen) if row.id <= up_to]
    done = sum(_resumed(database, row, now) for row in rows)
    return Retried(done, rows[-1].id if rows else up_to, finished=len(rows) < slice_size)


def _count(database: sa.Connection, account_id: str, cause: Cause, count_to: int) -> int:
    """Count stream by stream, in no order, so that it ends with the first that has enough."""
    crms = crms_of(database, account_id, cause.crm)
    streams = (sa.select(_table.c.id).where(*stream, _FAILED) for stream in of_cause(account_id, cause.reason, crms))
    bounded = sa.union_all(*(sa.select(one.limit(count_to).subquery()) for one in streams)).limit(count_to).subquery()
    return database.execute(sa.select(sa.func.count()).select_from(bounded)).scalar_one()


def _resumed(database: sa.Connection, row: Any, now: datetime) -> bool:
    """One that moved on meanwhile, or whose work is in hand, is left where it is."""
    try:
        with database.begin_nested():
            resume_on(database, row, None, now)
    except ChoiceNotPossible:
        return False
    return True


_OLDEST = Place(after=0)
_FAILED = sa.func.coalesce(_table.c.status, "") == FAILED  # said so that no index of the status is taken


def _failed(database: sa.Connection, account_id: str, cause: Cause, place: Place, limit: int) -> sa.Select[Any]:
    streams = of_cause(account_id, cause.reason, crms_of(database, account_id, cause.crm))
    return merged(streams, [_FAILED], place, limit, [_table.c[name] for name in _STANDING])
