"""Forgetting old news with the old part of the log, a slice at a time."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from ..models import Notice, Notification, SeenNotice
from ..sync.context import Sync

SLICE = 1_000

_notices: sa.Table = sa.inspect(Notice).local_table  # type: ignore[assignment]
_notifications: sa.Table = sa.inspect(Notification).local_table  # type: ignore[assignment]
_seen: sa.Table = sa.inspect(SeenNotice).local_table  # type: ignore[assignment]


def purge_news(sync: Sync) -> int:
    """Delete notices, and all that hangs on them, that are older than `CRM_SYNC_LOG_DAYS`; return how many.

    0 days keep them for ever.
    """
    if not sync.settings.log_days:
        return 0
    before = sync.clock.now() - timedelta(days=sync.settings.log_days)
    oldest = sa.select(_notices.c.id, _notices.c.created_at).order_by(_notices.c.id).limit(SLICE)
    with sync.database.read() as database:
        old = [row.id for row in database.execute(oldest) if row.created_at < before]
    if not old:
        return 0
    with sync.database.write() as database:
        database.execute(_notifications.delete().where(_notifications.c.notice_id.in_(old)))
        database.execute(_seen.delete().where(_seen.c.notice_id.in_(old)))
        return database.execute(_notices.delete().where(_notices.c.id.in_(old))).rowcount
