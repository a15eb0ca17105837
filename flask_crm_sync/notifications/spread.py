"""From what happened to whom it is told: each notice becomes one notification for each channel that asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from ..models import Notice, Notification
from ..models.channel import IN_APP
from ..models.database import supports_skip_locked
from ..models.notification import PENDING
from ..sync.context import Sync
from ..sync.deadlock import again_if_deadlocked
from .channels import ChannelView, channel_table, view_of
from .interest import concerns

BATCH = 200
_MOST_BATCHES = 50

_notices: sa.Table = sa.inspect(Notice).local_table  # type: ignore[assignment]
_table: sa.Table = sa.inspect(Notification).local_table  # type: ignore[assignment]


def spread(sync: Sync) -> int:
    """Owe fresh notices to the channels that asked for them; return how many notices were looked at."""
    looked_at = 0
    for _ in range(_MOST_BATCHES):
        number = again_if_deadlocked(lambda: _spread_batch(sync), sync.clock)
        looked_at += number
        if number < BATCH:
            break
    return looked_at


def _spread_batch(sync: Sync) -> int:
    """Spread some notices in one transaction; others that spread at the same time take other ones."""
    if not _is_anything_fresh(sync):
        return 0
    now = sync.clock.now()
    with sync.database.write() as database:
        fresh = _fresh(database)
        channels = _channels_of(database, {notice.account_id for notice in fresh})
        rows = [*_owed(fresh, channels, now)]
        if rows:
            database.execute(_owing(database.dialect.name), rows)
        told = _notices.c.id.in_([notice.id for notice in fresh])
        database.execute(_notices.update().where(told).values(spread_at=now))
    return len(fresh)


def _is_anything_fresh(sync: Sync) -> bool:
    """Look without a lock first: mostly there is nothing."""
    with sync.database.read() as database:
        query = sa.select(_notices.c.id).where(_notices.c.spread_at.is_(None)).limit(1)
        return database.execute(query).first() is not None


def _fresh(database: sa.Connection) -> list[sa.Row[Any]]:
    query = sa.select(_notices).where(_notices.c.spread_at.is_(None)).order_by(_notices.c.id).limit(BATCH)
    if supports_skip_locked(database):
        query = query.with_for_update(skip_locked=True)
    return list(database.execute(query))


def _channels_of(database: sa.Connection, accounts: Iterable[str]) -> list[ChannelView]:
    wanted = sa.and_(channel_table.c.account_id.in_(list(accounts)), channel_table.c.enabled)
    query = sa.select(channel_table).where(wanted, channel_table.c.kind != IN_APP)
    return [view_of(row) for row in database.execute(query)]


def _owed(fresh: Iterable[sa.Row[Any]], channels: Iterable[ChannelView], now: datetime) -> Iterator[dict[str, Any]]:
    due = {channel.id: channel.wishes.hours.due(now) for channel in channels}
    for notice in fresh:
        for channel in channels:
            if channel.account_id == notice.account_id and concerns(notice, channel.wishes.events):
                yield {
                    "account_id": notice.account_id,
                    "channel_id": channel.id,
                    "notice_id": notice.id,
                    "status": PENDING,
                    "reason": "",
                    "due_at": due[channel.id],
                    "created_at": now,
                }


@cache
def _owing(dialect: str) -> sa.Insert:
    """Return the INSERT that passes over what is owed already."""
    if dialect in {"mysql", "mariadb"}:
        into = mysql.insert(_table)
        return into.on_duplicate_key_update(notice_id=into.inserted.notice_id)
    if dialect == "postgresql":
        return postgresql.insert(_table).on_conflict_do_nothing()
    return sqlite.insert(_table).on_conflict_do_nothing()
