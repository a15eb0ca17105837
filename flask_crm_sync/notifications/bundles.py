"""Bundles: the notifications of one channel that travel in one message, chosen once and the same on every attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from ..models import Notification
from ..models.channel import AT_ONCE
from ..models.notification import FAILED, PENDING, SENT
from .channels import ChannelView

HOUR = timedelta(hours=1)
FARTHEST = timedelta(days=3)
"""Nothing is put off for longer: what is due later was written while a machine told a wrong time, and is due now."""
LARGEST = 1_000
"""Notifications in one message, at most; what is more waits for the next."""

table: sa.Table = sa.inspect(Notification).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Bundle:
    """One message to be sent: its id, when it was first tried, and the notices in it, in their order."""

    id: UUID
    since: datetime
    notice_ids: tuple[int, ...]


def next_bundle(database: sa.Connection, channel: ChannelView, now: datetime, an_hour: int) -> Bundle | None:
    """Return what a channel is told next, None for nothing; the caller holds the channel's lease.

    What was tried before comes first. In quiet hours, and after `an_hour` messages within an hour, the rest is put off;
    where more is due than the hour allows, it becomes one summary.
    """
    awake = channel.wishes.hours.awake(now)
    if awake > now:
        _put_off(database, channel.id, now, awake)
        return None
    begun = _begun(database, channel.id)
    if begun is not None:
        return begun
    recent, due = _recent(database, channel.id, now, an_hour), _due(database, channel.id, now)
    if due and len(recent) >= an_hour:
        _put_off(database, channel.id, now, recent[-1] + HOUR)
        return None
    alone = channel.wishes.rhythm == AT_ONCE and len(due) <= an_hour - len(recent)
    return _begin(database, due[:1] if alone else due, now) if due else None


def is_due(now: Any, farthest: Any) -> sa.ColumnElement[bool]:
    """Return the condition for what is due now; `farthest` is the latest instant that anything can be put off to."""
    return sa.or_(table.c.due_at <= now, table.c.due_at > farthest)


def settle_sent(database: sa.Connection, channel_id: UUID, bundle: Bundle, now: datetime) -> None:
    """Write down that a message was taken."""
    _settle(database, channel_id, bundle, {"status": SENT, "settled_at": now, "due_at": None})


def settle_failed(database: sa.Connection, channel_id: UUID, bundle: Bundle, now: datetime, code: str) -> None:
    """Write down that a message was given up, and why."""
    _settle(database, channel_id, bundle, {"status": FAILED, "settled_at": now, "due_at": None, "reason": code})


def _settle(database: sa.Connection, channel_id: UUID, bundle: Bundle, values: dict[str, Any]) -> None:
    waits = sa.and_(table.c.channel_id == channel_id, table.c.status == PENDING, table.c.bundle == bundle.id)
    database.execute(table.update().where(waits).values(values))


def _begun(database: sa.Connection, channel_id: UUID) -> Bundle | None:
    """Return the message that was tried, or was about to be, and is not settled."""
    waits = sa.and_(table.c.channel_id == channel_id, table.c.status == PENDING, table.c.bundle.is_not(None))
    query = sa.select(table.c.bundle, table.c.bundled_at, table.c.notice_id).where(waits)
    rows = database.execute(query.order_by(table.c.bundled_at, table.c.bundle, table.c.notice_id)).all()
    same = [row for row in rows if row.bundle == rows[0].bundle]
    return Bundle(same[0].bundle, same[0].bundled_at, tuple(row.notice_id for row in same)) if same else None


def _due(database: sa.Connection, channel_id: UUID, now: datetime) -> list[sa.Row[Any]]:
    due = sa.and_(table.c.channel_id == channel_id, table.c.status == PENDING, is_due(now, now + FARTHEST))
    query = sa.select(table.c.id, table.c.notice_id).where(due, table.c.bundle.is_(None))
    return list(database.execute(query.order_by(table.c.notice_id).limit(LARGEST)))


def _recent(database: sa.Connection, channel_id: UUID, now: datetime, most: int) -> list[datetime]:
    """Return when the last messages of this hour were begun, the newest first, at most so many."""
    lately = sa.and_(table.c.bundled_at > now - HOUR, table.c.bundled_at <= now)
    of_hour = sa.and_(table.c.channel_id == channel_id, lately)
    query = sa.select(table.c.bundle, sa.func.max(table.c.bundled_at).label("at")).where(of_hour)
    rows = database.execute(query.group_by(table.c.bundle).order_by(sa.desc("at")).limit(most))
    return [row.at for row in rows]


def _put_off(database: sa.Connection, channel_id: UUID, now: datetime, until: datetime) -> None:
    due = sa.and_(table.c.channel_id == channel_id, table.c.status == PENDING, is_due(now, now + FARTHEST))
    database.execute(table.update().where(due).values(due_at=until))


def _begin(database: sa.Connection, rows: list[sa.Row[Any]], now: datetime) -> Bundle:
    bundle = Bundle(uuid4(), now, tuple(row.notice_id for row in rows))
    chosen = table.c.id.in_([row.id for row in rows])
    database.execute(table.update().where(chosen).values(bundle=bundle.id, bundled_at=now))
    return bundle
