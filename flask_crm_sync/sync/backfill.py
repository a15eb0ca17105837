"""Backfill as people handle it: what it would cost, begin, pause, resume; stopping it is `progress.cancel`.

It is the run that catches up (`catch_up`): each client goes the usual way of a new lead, so that a record that the CRM
has already is linked, not doubled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from ..crm.base import Adapter
from ..crm.registry import adapter_class
from ..models.operation import BULK, PENDING
from . import reasons
from .audit import SETTINGS, record
from .budget import RESERVE
from .catch_up import begin_to_catch_up
from .connections import find_connected
from .context import Sync
from .operations import CONTACT_KINDS, NOTE_KINDS
from .operations import table as operations
from .progress import CATCH_UP, Kept, current_run, keep, set_going_again
from .reach import count_reachable, reach
from .refusals import NotFound
from .status import COUNT_TO

SECONDS_A_CALL = 0.5
"""What a call to a CRM takes, about, where its limits do not make it wait longer."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a backfill would cost: clients without a record, calls at least, seconds at least.

    `is_bounded` tells that counting stopped at `COUNT_TO`, so that there are more.
    """

    clients: int
    calls: int
    seconds: float
    is_bounded: bool = False


def estimate(sync: Sync, account_id: str, crm: str, *, in_full: bool = False) -> Estimate:
    """Return what a backfill would cost; `in_full` counts every client of the host, which takes a while with many.

    Raises NotFound where there is no connection.
    """
    known = find_connected(sync, account_id, crm)
    settings = known.settings
    whom = reach(sync, account_id, known.id, set_name=settings.criteria_set, qualified_only=settings.qualified_only)
    clients = count_reachable(sync, account_id) - whom.linked if in_full and whom.linked < COUNT_TO else whom.missing
    clients = max(0, clients)
    adapter = adapter_class(crm)
    calls = _calls(adapter, clients)
    seconds = max(calls * SECONDS_A_CALL, calls / _rate(adapter))
    return Estimate(clients, calls, seconds, is_bounded=clients >= COUNT_TO and not in_full)


def _calls(adapter: type[Adapter], clients: int) -> int:
    """Return about how many calls clients take: each batch is looked up by key and by each kind of search, and sent."""
    batches = math.ceil(clients / (adapter.records_a_write or adapter.batch_size))
    return batches * (2 + len(adapter.kind_limits))


def _rate(adapter: type[Adapter]) -> float:
    """Return the calls a second that are left for the last lane, as far as the CRM's limits are known beforehand."""
    calls, seconds = adapter.burst_limit
    return max(0.01, calls * (1 - RESERVE) / seconds)


def begin_backfill(sync: Sync, account_id: str, crm: str, *, notes: bool = False, by: str = "") -> int:
    """Owe an account's clients to a CRM, the newest first, with `notes` their past conversations as well.

    Returns how many clients there are to look at. The workers do it, slice by slice. Raises NotFound where there is no
    connection, or it is off: it is owed nothing.
    """
    known = find_connected(sync, account_id, crm)
    if not known.settings.enabled or not known.settings.sync_contacts:
        raise NotFound("The connection is switched off, or its contacts are: there is nothing to catch up on.")
    total, now = count_reachable(sync, account_id), sync.clock.now()
    told: dict[str, Any] = {CATCH_UP: total, **({"notes": True} if notes else {})}
    with sync.database.write() as database:
        set_going_again(database, known.id, now)  # a run that was paused gives way to this one
        begin_to_catch_up(database, known.id, total, now, notes=notes)
        record(database, account_id, SETTINGS, now=now, by=by, subject_id=known.id, crm=crm, after=told)
    return total


def pause_backfill(sync: Sync, account_id: str, crm: str, *, by: str = "") -> bool:
    """Let a run rest, and what it owed and nobody has begun; tell whether there was one to pause."""
    return _switch(sync, account_id, crm, by, paused=True)


def resume_backfill(sync: Sync, account_id: str, crm: str, *, by: str = "") -> bool:
    """Go on with a run that rests; tell whether there was one."""
    return _switch(sync, account_id, crm, by, paused=False)


def _switch(sync: Sync, account_id: str, crm: str, by: str, *, paused: bool) -> bool:
    known, now = find_connected(sync, account_id, crm), sync.clock.now()
    with sync.database.write() as database:
        stored = current_run(database, known.id, hold=True)
        if stored is None or not _may_switch(stored, paused=paused):
            return False
        keep(database, known.id, stored, replace(stored[1], paused=paused))
        if paused:
            database.execute(_REST, {"of": known.id})
        else:
            set_going_again(database, known.id, now)
        told = {"catch_up": "paused" if paused else "resumed"}
        record(database, account_id, SETTINGS, now=now, by=by, subject_id=known.id, crm=crm, after=told)
    return True


def _may_switch(stored: Kept, *, paused: bool) -> bool:
    run = stored[1]
    return run.what == CATCH_UP and not run.cancelled and run.paused != paused


_OWED = sa.and_(
    operations.c.connection_id == sa.bindparam("of"), operations.c.status == PENDING, operations.c.lane == BULK
)
_KINDS = operations.c.kind.in_((*CONTACT_KINDS, *NOTE_KINDS))
_REST = (
    operations.update()
    .where(_OWED, _KINDS, operations.c.claim.is_(None), operations.c.due_at.is_not(None), sa.not_(operations.c.unknown))
    .values(due_at=sa.null(), reason=reasons.BACKFILL_PAUSED)
)
