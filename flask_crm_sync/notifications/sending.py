"""Sending: what is due on each channel, by one sender a channel at a time, tried again until it is taken or given up.

A message is chosen and written down, sent with no transaction open, and settled. Whoever dies in between leaves it to
the next, who sends it under the same id: a receiver may see a message twice, and knows it by its id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import DatabaseClock
from ..models.notification import PENDING
from ..sync.context import Sync
from . import bundles
from .bundles import Bundle
from .channels import ChannelView, channel_table, view_of
from .messages import deliver
from .problems import REFUSED, CannotTell

SLICE_SECONDS = 20.0
"""How long one call goes on; what is left is the next one's."""
LEASE_SECONDS = 120.0
_FIRST_REST = timedelta(minutes=1)
_LONGEST_REST = timedelta(hours=1)

_log = logging.getLogger(__name__)

Deliver = Callable[[Sync, ChannelView, Bundle], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """What one call came to: messages that were taken, and attempts that failed."""

    taken: int = 0
    failed: int = 0


def send_due(sync: Sync, *, deliver: Deliver = deliver, seconds: float = SLICE_SECONDS) -> Sent:
    """Send what is due on every channel that nobody else is at; return what came of it."""
    end, taken, failed = sync.clock.monotonic() + seconds, 0, 0
    for channel_id, fence in _due_channels(sync):
        while sync.clock.monotonic() < end:
            came = _send_one(sync, channel_id, fence, deliver)
            if came is None:
                break
            fence, taken, failed = fence + 1, taken + came, failed + (not came)
            if not came:
                break
    return Sent(taken, failed)


def is_anything_due(sync: Sync) -> bool:
    """Tell whether there is a channel to send to now."""
    return bool(_due_channels(sync))


def _due_channels(sync: Sync) -> list[tuple[UUID, int]]:
    """Return the channels with something due that are on, rested and free, with the number of their last sender."""
    now = sync.clock.now()
    with sync.database.read() as database:
        by = {"now": now, "longest_rest": now + _LONGEST_REST, "farthest": now + bundles.FARTHEST}
        return [(row.id, row.fence) for row in database.execute(FREE, by)]


def _send_one(sync: Sync, channel_id: UUID, fence: int, deliver: Deliver) -> bool | None:
    """Send a channel's next message; None where there is none, or somebody else took the channel."""
    now = sync.clock.now()
    with sync.database.write() as database:
        if database.execute(TAKE, {"taken": channel_id, "last": fence, "seconds": LEASE_SECONDS}).rowcount != 1:
            return None
        row = database.execute(sa.select(channel_table).where(channel_table.c.id == channel_id)).one()
        channel = view_of(row)
        bundle = bundles.next_bundle(database, channel, now, sync.settings.notify_an_hour)
        if bundle is None:
            database.execute(_RELEASE, {"mine": channel_id, "held": fence + 1})
            return None
    try:
        deliver(sync, channel, bundle)
    except CannotTell as problem:
        _settle_failure(sync, row, bundle, problem.code)
        return False
    except Exception as error:  # one channel must not keep the others from being told; its words may quote an address
        _log.error("Channel %s could not be told (%s).", channel_id, type(error).__name__)
        _settle_failure(sync, row, bundle, REFUSED)
        return False
    _settle_success(sync, channel_id, fence + 1, bundle)
    return True


def _settle_success(sync: Sync, channel_id: UUID, fence: int, bundle: Bundle) -> None:
    now = sync.clock.now()
    well = {"sent_at": now, "failures": 0, "failing_since": None, "failing_code": "", "retry_at": None}
    with sync.database.write() as database:
        if _held(database, channel_id, fence, well):
            bundles.settle_sent(database, channel_id, bundle, now)


def _settle_failure(sync: Sync, channel: sa.Row[Any], bundle: Bundle, code: str) -> None:
    """Let the channel rest, twice as long each time; give the message up once its time is over."""
    now = sync.clock.now()
    rest = min(_FIRST_REST * 2 ** min(channel.failures, 10), _LONGEST_REST)
    ill = {
        "failures": channel.failures + 1,
        "failing_since": channel.failing_since or now,
        "failing_code": code,
        "retry_at": now + rest,
    }
    with sync.database.write() as database:
        if _held(database, channel.id, channel.fence, ill) and _is_over(sync, bundle, now):
            bundles.settle_failed(database, channel.id, bundle, now, code)


def _is_over(sync: Sync, bundle: Bundle, now: datetime) -> bool:
    return now >= bundle.since + timedelta(hours=sync.settings.notify_hours)


def _held(database: sa.Connection, channel_id: UUID, fence: int, values: dict[str, Any]) -> bool:
    """Write down how a channel does and give it back, if it is still held under this number."""
    mine = sa.and_(channel_table.c.id == channel_id, channel_table.c.fence == fence)
    return database.execute(channel_table.update().where(mine).values(lease_until=0.0, **values)).rowcount == 1


def free_by(clock: sa.ColumnElement[float]) -> sa.Select[Any]:
    """Return the query for the channels that can be sent to, by a clock for their leases."""
    now: sa.BindParameter[datetime] = sa.bindparam("now")
    waits = (bundles.table.c.channel_id == channel_table.c.id, bundles.table.c.status == PENDING)
    due = sa.exists().where(*waits, bundles.is_due(now, sa.bindparam("farthest")))
    retry_at = channel_table.c.retry_at
    # No rest is longer than the longest: what says so was written while a machine told a wrong time.
    rested = sa.or_(retry_at.is_(None), retry_at <= now, retry_at > sa.bindparam("longest_rest"))
    able = (channel_table.c.enabled, rested, channel_table.c.lease_until < clock, due)
    return sa.select(channel_table.c.id, channel_table.c.fence).where(*able).order_by(channel_table.c.sent_at)


def take_by(clock: sa.ColumnElement[float]) -> sa.Update:
    """Return what takes a channel under the next number, by a clock for the leases."""
    same = sa.and_(channel_table.c.id == sa.bindparam("taken"), channel_table.c.fence == sa.bindparam("last"))
    until = clock + sa.bindparam("seconds", type_=sa.Double())
    free = sa.and_(same, channel_table.c.enabled, channel_table.c.lease_until < clock)
    return channel_table.update().where(free).values(fence=channel_table.c.fence + 1, lease_until=until)


FREE = free_by(DatabaseClock())
TAKE = take_by(DatabaseClock())
_RELEASE = (
    channel_table.update()
    .where(channel_table.c.id == sa.bindparam("mine"), channel_table.c.fence == sa.bindparam("held"))
    .values(lease_until=0.0)
)
