"""The drain: lease a connection, claim, push, settle, until nothing is due. No transaction is open during a call."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from ..errors import CRMError, ReconnectRequired, SecretUnreadable, UnsupportedFeature
from ..models import Connection
from ..models.change import CLIENT, CONVERSATION
from ..models.connection import CONNECTED, NEEDS_ATTENTION
from ..models.operation import CREATE_LEAD, LIVE, PENDING, SKIPPED, SUCCESS, UPDATE_CONTACT
from .budget import SharedMeter
from .claim import Claimed, abandoned, claim
from .contacts import ContactItem, push_contacts
from .context import Sync
from .deadlock import again_if_deadlocked
from .drain import CONTACT, NOTE, Drain, Settled, settled_view
from .lease import LeaseLost, acquire
from .links import load_links, save_links
from .notes import NoteItem, push_notes
from .operations import new_operation, owe
from .operations import table as operations
from .release import owe_skipped_notes, release_waiting_notes
from .retry import Verdict, connection_wait
from .settle import recovered, settle
from .steps import Step, reach
from .warm import Warm

log = logging.getLogger(__name__)

SHORT_WAIT = 12.0
"""Seconds that a drain waits by itself for a connection that rests, rather than giving it back."""

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_BY_ID = sa.select(_connections).where(_connections.c.id == sa.bindparam("wanted"))

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
        while batch:
            batch = _work(desk, batch, result, listener, claim_more=lambda: _has_time(sync, started, should_stop))
            if desk.trouble is not None and not batch:
                batch = _after_rest(desk, result, started, should_stop)
            if batch:
                between()
        _close(desk, result)
    except LeaseLost:
        log.warning("The connection %s was taken over by another worker; its work goes on there.", connection_id)
        result.busy = True
    return result


def _has_time(sync: Sync, started: float, should_stop: Callable[[], bool]) -> bool:
    return not should_stop() and sync.clock.monotonic() - started < sync.settings.slice_seconds


# Opening


def _open(sync: Sync, connection_id: UUID, result: Drained) -> tuple[Drain, list[Claimed]] | None:
    """Lease, take back what dead drains left, and claim a first batch, in one transaction."""
    row = _workable(sync, connection_id, result)
    if row is None:
        return None
    try:
        warm = sync.warm.get(sync, row)
    except (SecretUnreadable, ReconnectRequired, UnsupportedFeature) as error:
        _flag(sync, row, error.code, str(error))
        return None
    desk, batch = again_if_deadlocked(lambda: _lease(sync, row, warm), sync.clock)
    if desk is None:
        result.busy = True
        return None
    reach(Step.CLAIMED)
    return desk, batch


def _lease(sync: Sync, row: sa.RowMapping, warm: Warm) -> tuple[Drain | None, list[Claimed]]:
    with sync.database.write() as connection:
        lease = acquire(connection, row["id"], sync.settings.lease_seconds, sync.clock)
        if lease is None:
            return None, []
        meter = SharedMeter.make(sync, warm.token, lease, warm.adapter)
        desk = Drain(sync, lease, row, warm.adapter, meter)
        _take_back(desk, connection)
        batch = _claim(desk, connection)
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


def _flag(sync: Sync, row: sa.RowMapping, code: str, message: str) -> None:
    with sync.database.write() as connection:
        connection.execute(
            _connections.update()
            .where(_same_credentials(row))
            .values(state=NEEDS_ATTENTION, state_code=code, state_message=message, updated_at=sync.clock.now())
        )


def _same_credentials(row: sa.RowMapping) -> sa.ColumnElement[bool]:
    """A refusal says nothing about credentials that a person has given since."""
    return sa.and_(_connections.c.id == row["id"], _connections.c.credentials == row["credentials"])


def _take_back(desk: Drain, connection: sa.Connection) -> None:
    left = abandoned(connection, desk.lease)
    if not left:
        return
    sent = {}
    for subject_type in (CLIENT, CONVERSATION):
        ids = [operation.subject_id for operation in left if operation.subject_type == subject_type]
        for subject_id, link in load_links(connection, desk.connection_id, subject_type, ids).items():
            sent[subject_type, subject_id] = bool(link.intents)
    settings, now = desk.sync.settings, desk.now()
    pairs = recovered(left, sent, now=now, rest=settings.confirm_seconds, limit=settings.max_crashes)
    log.warning("%d operations were in the hands of a worker that died; they are taken up again.", len(pairs))
    settle(connection, pairs, now)


def _claim(desk: Drain, connection: sa.Connection) -> list[Claimed]:
    batch = claim(connection, desk.lease, desk.now(), desk.adapter.batch_size)
    if batch:
        desk.meter.lane = batch[0].lane
        desk.meter.prepare(connection)
    return batch


# Working


def _work(
    desk: Drain,
    batch: Sequence[Claimed],
    result: Drained,
    listener: Listener | None,
    *,
    claim_more: Callable[[], bool],
) -> list[Claimed]:
    """Push one batch and settle it; return the next batch, claimed in the settling transaction."""
    if batch[0].is_note:
        notes, verdicts = push_notes(desk, batch)
        contacts: list[ContactItem] = []
    else:
        contacts, verdicts = push_contacts(desk, batch)
        notes = []
    pairs = [(operation, verdicts[operation.id]) for operation in batch]
    following = again_if_deadlocked(lambda: _settle(desk, contacts, notes, pairs, claim_more), desk.sync.clock)
    reach(Step.SETTLED)
    _tell(pairs, result, listener)
    return following


def _settle(
    desk: Drain,
    contacts: Sequence[ContactItem],
    notes: Sequence[NoteItem],
    pairs: Sequence[tuple[Claimed, Verdict]],
    claim_more: Callable[[], bool],
) -> list[Claimed]:
    with desk.sync.database.write() as connection:
        desk.lease.renew(connection, desk.sync.clock)
        _save_links(desk, connection, contacts, notes)
        settle(connection, pairs, desk.now())
        _release_notes(desk, connection, pairs)
        _owe_missing_contacts(desk, connection, notes)
        _note_health(desk, connection, pairs)
        goes_on = desk.trouble is None and claim_more() and _takes_over(desk, _row(connection, desk.connection_id))
        following = _claim(desk, connection) if goes_on else []
        reach(Step.SETTLING)
    return following


def _save_links(
    desk: Drain, connection: sa.Connection, contacts: Sequence[ContactItem], notes: Sequence[NoteItem]
) -> None:
    now = desk.now()
    contact_links = [item.link for item in contacts if item.touches_link]
    save_links(connection, desk.connection_id, CLIENT, CONTACT, contact_links, now)
    note_links = [item.link for item in notes if item.touches_link]
    save_links(connection, desk.connection_id, CONVERSATION, NOTE, note_links, now)


def _takes_over(desk: Drain, row: sa.RowMapping | None) -> bool:
    """Take over what a person has changed meanwhile; return False where this drain must not go on.

    Other credentials need another adapter, which the next drain makes.
    """
    if row is None or not _may_work(row):
        return False
    same = all(row[name] == desk.connection[name] for name in ("credentials", "traits"))
    desk.connection = row
    return same


def _release_notes(desk: Drain, connection: sa.Connection, pairs: Sequence[tuple[Claimed, Verdict]]) -> None:
    """Notes that waited for their client look again: its record is there, or there is a reason why it will not be."""
    if pairs[0][0].is_note:
        return
    closed = [operation.client_id for operation, verdict in pairs if verdict.status in (SUCCESS, SKIPPED)]
    release_waiting_notes(connection, desk.connection, closed, desk.now())
    arrived = [op.client_id for op, verdict in pairs if verdict.status == SUCCESS and verdict.kind == CREATE_LEAD]
    owe_skipped_notes(connection, desk.connection, arrived, desk.now())


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


def _note_health(desk: Drain, connection: sa.Connection, pairs: Sequence[tuple[Claimed, Verdict]]) -> None:
    """A connection in trouble rests, or is flagged for a person; one that works is marked healthy."""
    now, values = desk.now(), {}
    if desk.trouble is not None:
        values = _trouble(desk, desk.trouble, now)
    elif any(verdict.status == SUCCESS for _, verdict in pairs):
        values = {"last_success_at": now}
        if desk.connection["blocked_count"]:
            values |= {"blocked_until": None, "blocked_code": "", "blocked_message": "", "blocked_count": 0}
    if values:
        connection.execute(_connections.update().where(_same_credentials(desk.connection)).values(values))


def _trouble(desk: Drain, error: CRMError, now: datetime) -> dict[str, object]:
    words = str(error) + (f" ({error.crm_message})" if error.crm_message else "")
    if isinstance(error, ReconnectRequired):
        return {"state": NEEDS_ATTENTION, "state_code": error.code, "state_message": words, "updated_at": now}
    times = desk.connection["blocked_count"] + 1
    until = now + timedelta(seconds=connection_wait(error, times))
    return {"blocked_until": until, "blocked_code": error.code, "blocked_message": words, "blocked_count": times}


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
        return _claim(desk, connection)


# Closing


def _close(desk: Drain, result: Drained) -> None:
    with desk.sync.database.write() as connection:
        desk.lease.release(connection)
        desk.meter.give_back(connection)
        result.next_due_at = connection.execute(
            sa.select(sa.func.min(operations.c.due_at)).where(
                operations.c.connection_id == desk.connection_id, operations.c.status == PENDING
            )
        ).scalar()
    reach(Step.RELEASED)
    now = desk.now()
    rests = result.blocked_until is not None and result.blocked_until > now
    result.more = not rests and result.next_due_at is not None and result.next_due_at <= now
