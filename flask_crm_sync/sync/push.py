"""The drain: lease a connection, claim, push, settle, until nothing is due. No transaction is open during a call."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from ..errors import ReconnectRequired, SecretUnreadable, TransientCRMError, UnsupportedFeature
from ..models import Connection
from ..models.change import CLIENT, CONVERSATION, QUALIFICATION
from ..models.connection import CONNECTED
from ..models.operation import CREATE_LEAD, LANES, LIVE, PENDING, SKIPPED, SUCCESS, UPDATE_CONTACT
from .budget import SharedMeter
from .claim import Claimed, Head, abandoned, claim, heads
from .context import Sync
from .deadlock import again_if_deadlocked
from .drain import SHORT_WAIT, Drain, Settled, settled_view
from .erased import HAS_ERASED
from .health import flag, note_health, rest
from .lease import LeaseLost, acquire
from .links import load_links
from .mapping.taken_again import owe_left_out
from .mapping.turning_away import filtered_out
from .notes import NoteItem
from .operations import new_operation, owe
from .outgoing import further_of
from .pull import is_time_to_look, look
from .qualified import held_back
from .release import release_notes
from .retry import Verdict
from .settle import recovered, settle
from .steps import Step, reach
from .trouble import tell_of_failures
from .warm import Warm
from .worked import Worked, save_worked, work_on_batch

log = logging.getLogger(__name__)

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_BY_ID = sa.select(_connections, HAS_ERASED).where(_connections.c.id == sa.bindparam("wanted"))

Listener = Callable[[Sequence[Settled]], None]


@dataclass
class Drained:
    """What a drain came to: outcomes by status, whether more is due at once, and when the next thing is."""

    settled: Counter[str] = field(default_factory=Counter)
    more: bool = False
    next_due_at: datetime | None = None
    blocked_until: datetime | None = None
    busy: bool = False
    """Another worker holds the connection."""


def drain(
    sync: Sync,
    connection_id: UUID,
    *,
    listener: Listener | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    between: Callable[[], object] = lambda: None,
) -> Drained:
    """Work on one connection until nothing is due, its time slice is over, or the CRM wants a rest.

    `between` is called after each batch that another one follows: a worker that is alone looks there for fresh changes.
    """
    result = Drained()
    opened = _open(sync, connection_id, result)
    if opened is None:
        return result
    desk, batch = opened
    started = sync.clock.monotonic()
    try:
        batch = _look_first(desk, batch)
        while batch:
            batch = _work(desk, batch, result, listener, goes_on=lambda: _has_time(sync, started, should_stop))
            if desk.trouble is not None and not batch:
                batch = _after_rest(desk, result, started, should_stop)
            if batch:
                between()
        if not desk.released:
            _close(desk, result)
        reach(Step.RELEASED)
    except LeaseLost:
        log.warning("The connection %s was taken over by another worker; its work goes on there.", connection_id)
        result.busy = True
    return result


def _look_first(desk: Drain, batch: list[Claimed]) -> list[Claimed]:
    """Look at the CRM of a two-way connection where that is due. Only then is anything claimed: a worker that dies
    over what the CRM told has nobody's operation in hand.
    """
    if batch or not is_time_to_look(desk):
        return batch
    look(desk)
    with desk.sync.database.write() as connection:
        desk.lease.renew(connection, desk.sync.clock)
        if desk.trouble is not None:
            note_health(desk, connection, [])
        else:
            batch = _claim(desk, connection, heads(connection, desk.connection_id))
    desk.trouble = None
    return batch


def _has_time(sync: Sync, started: float, should_stop: Callable[[], bool]) -> bool:
    return not should_stop() and sync.clock.monotonic() - started < sync.settings.slice_seconds


# Opening


def _open(sync: Sync, connection_id: UUID, result: Drained) -> tuple[Drain, list[Claimed]] | None:
    """Lease, take back what dead drains left, and claim a first batch where no look goes before, in one transaction."""
    row = _workable(sync, connection_id, result)
    if row is None:
        return None
    try:
        warm = sync.warm.get(sync, row)
    except (SecretUnreadable, ReconnectRequired, UnsupportedFeature) as error:
        flag(sync, row, error)
        return None
    except TransientCRMError as error:
        result.blocked_until = rest(sync, row, error)
        return None
    desk, batch = again_if_deadlocked(lambda: _lease(sync, row, warm), sync.clock)
    if desk is None:
        result.busy = True
        return None
    reach(Step.CLAIMED)
    return desk, batch


def _lease(sync: Sync, row: sa.RowMapping, warm: Warm) -> tuple[Drain | None, list[Claimed]]:
    with sync.database.write() as connection:
        lease = acquire(connection, row["id"], row["fence"], sync.settings.lease_seconds, sync.clock)
        if lease is None:
            return None, []
        meter = SharedMeter.make(sync, warm.token, lease, warm.adapter)
        desk = Drain(sync, lease, row, warm.adapter, meter)
        if row["lease_until"] > 0:  # nobody gave it back
            _take_back(desk, connection)
        ahead = [] if is_time_to_look(desk) else heads(connection, desk.connection_id)
        batch = _claim(desk, connection, ahead)
        reach(Step.LEASED)
    return desk, batch


def _workable(sync: Sync, connection_id: UUID, result: Drained) -> sa.RowMapping | None:
    """Return the connection's row, or None while it must rest."""
    with sync.database.read() as connection:
        row = _row(connection, connection_id)
    if row is None or not _may_work(row):
        return None
    if row["blocked_until"] is not None and row["blocked_until"] > sync.clock.now():
        result.blocked_until = row["blocked_until"]
        return None
    return row


def _row(connection: sa.Connection, connection_id: UUID) -> sa.RowMapping | None:
    return connection.execute(_BY_ID, {"wanted": connection_id}).mappings().first()


def _may_work(row: sa.RowMapping) -> bool:
    return row["enabled"] and not row["paused"] and row["state"] == CONNECTED


def _take_back(desk: Drain, connection: sa.Connection) -> None:
    left = abandoned(connection, desk.lease)
    if not left:
        return
    sent = {}
    for subject_type in (CLIENT, CONVERSATION, QUALIFICATION):
        ids = [operation.subject_id for operation in left if operation.subject_type == subject_type]
        for subject_id, link in (load_links(connection, desk.connection_id, subject_type, ids) if ids else {}).items():
            sent[subject_type, subject_id] = bool(link.intents)
    settings, now = desk.sync.settings, desk.now()
    pairs = recovered(left, sent, now=now, rest=desk.rest, limit=settings.max_crashes)
    log.warning("%d operations were in the hands of a worker that died; they are taken up again.", len(pairs))
    settle(connection, pairs, now)


def _claim(desk: Drain, connection: sa.Connection, ahead: list[Head]) -> list[Claimed]:
    now = desk.now()
    if not any(head.due_at <= now for head in ahead):
        return []
    ledger = desk.meter.look(connection)
    desk.day_rests = desk.meter.day_rests(ledger)
    rest = desk.meter.share_rests(ledger)
    desk.share_rests = rest if rest > SHORT_WAIT else 0.0
    slowest = LIVE if desk.day_rests or desk.share_rests else max(LANES)
    batch = claim(connection, desk.lease, now, desk.adapter.batch_size, ahead, slowest)
    if batch:
        desk.meter.lane = batch[0].lane
        desk.meter.prepare(connection, ledger, searching=not batch[0].is_note)
    return batch


# Working


def _work(
    desk: Drain,
    batch: Sequence[Claimed],
    result: Drained,
    listener: Listener | None,
    *,
    goes_on: Callable[[], bool],
) -> list[Claimed]:
    """Push one batch and settle it; return the next batch, claimed in the settling transaction.

    Where nothing follows, that transaction gives the connection back as well.
    """
    verdicts = held_back(desk, batch)
    verdicts |= filtered_out(desk, [operation for operation in batch if operation.id not in verdicts])
    owe_left_out(desk, batch, verdicts)
    worked = work_on_batch(desk, [operation for operation in batch if operation.id not in verdicts])
    verdicts |= worked.verdicts
    pairs = [(operation, verdicts[operation.id]) for operation in batch]
    following = again_if_deadlocked(lambda: _settle(desk, worked, pairs, result, goes_on), desk.sync.clock)
    reach(Step.SETTLED)
    _tell(pairs, result, listener)
    return following


def _settle(
    desk: Drain,
    worked: Worked,
    pairs: Sequence[tuple[Claimed, Verdict]],
    result: Drained,
    goes_on: Callable[[], bool],
) -> list[Claimed]:
    desk.released = False
    with desk.sync.database.write() as connection:
        desk.lease.renew(connection, desk.sync.clock)
        save_worked(desk, connection, worked)
        settle(connection, pairs, desk.now())
        _release_notes(desk, connection, pairs)
        _owe_missing_contacts(desk, connection, worked.notes)
        verdicts = [verdict for _, verdict in pairs]
        tell_of_failures(desk, connection, verdicts)
        note_health(desk, connection, verdicts)
        following = [] if desk.trouble is not None else _follow(desk, connection, result, goes_on)
        reach(Step.SETTLING)
    return following


def _follow(desk: Drain, connection: sa.Connection, result: Drained, goes_on: Callable[[], bool]) -> list[Claimed]:
    """Claim the next batch, or give the connection back where none is due or this drain must not go on."""
    ahead, now = heads(connection, desk.connection_id), desk.now()
    may = any(head.due_at <= now for head in ahead) and goes_on()
    if may and _takes_over(desk, _row(connection, desk.connection_id)):
        following = _claim(desk, connection, ahead)
        if following:
            return following
    _release(desk, connection, result, ahead)
    return []


def _takes_over(desk: Drain, row: sa.RowMapping | None) -> bool:
    """Take over what a person has changed meanwhile; return False where this drain must not go on.

    Another sign-in needs another adapter, which the next drain makes.
    """
    if row is None or not _may_work(row):
        return False
    same = all(row[name] == desk.connection[name] for name in ("sign_in", "traits"))
    desk.connection = row
    desk.adapter.write_also(further_of(row))
    return same


def _release_notes(desk: Drain, connection: sa.Connection, pairs: Sequence[tuple[Claimed, Verdict]]) -> None:
    """Notes that waited for their client look again: its record is there, or there is a reason why it will not be."""
    if pairs[0][0].is_note:
        return
    settled = [operation.client_id for operation, verdict in pairs if verdict.status in (SUCCESS, SKIPPED)]
    arrived = {op.client_id for op, verdict in pairs if verdict.status == SUCCESS and verdict.kind == CREATE_LEAD}
    release_notes(connection, desk.connection, settled=settled, arrived=arrived, now=desk.now())


def _owe_missing_contacts(desk: Drain, connection: sa.Connection, notes: Sequence[NoteItem]) -> None:
    """A note met no contact in the CRM: the contact's own operation finds out whether it was merged or deleted."""
    now = desk.now()
    missing = {item.operation.client_id for item in notes if item.contact_is_missing}
    rows = [
        new_operation(
            desk.connection,
            kind=UPDATE_CONTACT,
            lane=LIVE,
            subject_type=CLIENT,
            subject_id=client_id,
            client_id=client_id,
            due_at=now,
            now=now,
        )
        for client_id in sorted(missing)
    ]
    owe(connection, rows)


def _tell(pairs: Sequence[tuple[Claimed, Verdict]], result: Drained, listener: Listener | None) -> None:
    result.settled.update(verdict.status for _, verdict in pairs if verdict.status != PENDING)
    if listener is not None:
        listener([settled_view(operation, verdict) for operation, verdict in pairs if verdict.status != PENDING])


def _after_rest(desk: Drain, result: Drained, started: float, should_stop: Callable[[], bool]) -> list[Claimed]:
    """Wait out a short rest and go on; give the connection back for a long one."""
    row = _workable(desk.sync, desk.connection_id, result)
    clock = desk.sync.clock
    if row is None and result.blocked_until is not None:
        wait = (result.blocked_until - clock.now()).total_seconds()
        left = desk.sync.settings.slice_seconds - (clock.monotonic() - started)
        if wait <= min(SHORT_WAIT, left) and not should_stop():
            clock.sleep(wait)
            result.blocked_until = None
            row = _workable(desk.sync, desk.connection_id, result)
    if not _takes_over(desk, row):
        return []
    desk.trouble = None
    with desk.sync.database.write() as connection:
        desk.lease.renew(connection, clock)
        return _claim(desk, connection, heads(connection, desk.connection_id))


# Closing


def _close(desk: Drain, result: Drained) -> None:
    with desk.sync.database.write() as connection:
        _release(desk, connection, result, heads(connection, desk.connection_id))


def _release(desk: Drain, connection: sa.Connection, result: Drained, ahead: Sequence[Head]) -> None:
    """Give back the connection and the calls that were granted and not made; tell what is due next."""
    desk.lease.release(connection)
    desk.meter.give_back(connection)
    desk.released, now = True, desk.now()
    rested = now + timedelta(seconds=max(desk.day_rests, desk.share_rests))
    times = (head.due_at if head.lane == LIVE else max(head.due_at, rested) for head in ahead)
    rests = result.blocked_until is not None and result.blocked_until > now
    result.next_due_at = min(times, default=None)
    is_due = result.next_due_at is not None and result.next_due_at <= now
    result.more = not rests and (is_due or desk.looks_again)
    if desk.share_rests and not rests and not result.more:
        result.blocked_until = now + timedelta(seconds=desk.share_rests)
