"""What people read on the pages: an account's notices, which of them somebody has not read, and which they want."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..models import Notice, SeenNotice
from ..models.channel import IN_APP
from ..models.notice import EVENTS
from ..sync.context import Sync
from .channels import channel_table
from .interest import of_interest
from .wording import Told, client_names, told

LOOKED_AT = 100
"""The newest notices among which unread ones are counted: more unread news than that is simply much."""
PAGE_SIZE = 25
_NAMESPACE = UUID("6b1f7ad2-8a52-4c0a-9d8e-0f6f0c8a1c55")

_notices: sa.Table = sa.inspect(Notice).local_table  # type: ignore[assignment]
_seen: sa.Table = sa.inspect(SeenNotice).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class News:
    """One notice as somebody's page shows it."""

    id: int
    event: str
    crm: str
    at: datetime
    unread: bool
    told: Told


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of news, newest first; `older` is the number to go on from, None at the end."""

    news: tuple[News, ...]
    older: int | None


def inbox(sync: Sync, account_id: str, user_id: str, *, before: int | None = None, limit: int = PAGE_SIZE) -> Inbox:
    """Return the news that somebody wants to see, in the language that is written in."""
    query = _wanted(account_id, wanted_events(sync, account_id, user_id))
    if before is not None:
        query = query.where(_notices.c.id < before)
    with sync.database.read() as database:
        rows = list(database.execute(query.order_by(_notices.c.id.desc()).limit(limit + 1)))
        seen = _seen_of(database, account_id, user_id, [row.id for row in rows])
    shown, names = rows[:limit], client_names(sync, rows[:limit])
    news = tuple(
        News(row.id, row.event, row.crm, row.created_at, row.id not in seen, told(row, names, sync.settings, str))
        for row in shown
    )
    return Inbox(news, shown[-1].id if len(rows) > limit else None)


def unread(sync: Sync, account_id: str, user_id: str) -> int:
    """Return how many of the account's newest 100 notices somebody wants to see and has not read."""
    newest = _wanted(account_id, wanted_events(sync, account_id, user_id)).with_only_columns(_notices.c.id)
    recent = newest.order_by(_notices.c.id.desc()).limit(LOOKED_AT).subquery()
    mine = sa.and_(_seen.c.account_id == account_id, _seen.c.user_id == user_id, _seen.c.notice_id == recent.c.id)
    query = sa.select(sa.func.count()).select_from(recent.outerjoin(_seen, mine)).where(_seen.c.notice_id.is_(None))
    with sync.database.read() as database:
        return int(database.execute(query).scalar() or 0)


def mark_read(sync: Sync, account_id: str, user_id: str, notice_ids: Collection[int]) -> None:
    """Mark an account's notices as read by somebody; those of other accounts are left out."""
    with sync.database.write() as database:
        own = sa.and_(_notices.c.account_id == account_id, _notices.c.id.in_(list(notice_ids)))
        there = list(database.execute(sa.select(_notices.c.id).where(own)).scalars())
        fresh = set(there) - _seen_of(database, account_id, user_id, there)
        now = sync.clock.now()
        for notice_id in sorted(fresh):
            row = {"account_id": account_id, "user_id": user_id, "notice_id": notice_id, "at": now}
            with suppress(IntegrityError), database.begin_nested():  # another window was quicker
                database.execute(_seen.insert().values(row))


def mark_all_read(sync: Sync, account_id: str, user_id: str, up_to: int) -> None:
    """Mark as read what somebody has had before them: the newest 100 notices up to a number."""
    query = sa.select(_notices.c.id).where(_notices.c.account_id == account_id, _notices.c.id <= up_to)
    with sync.database.read() as database:
        ids = list(database.execute(query.order_by(_notices.c.id.desc()).limit(LOOKED_AT)).scalars())
    mark_read(sync, account_id, user_id, ids)


def wanted_events(sync: Sync, account_id: str, user_id: str) -> tuple[str, ...]:
    """Return which events somebody wants to see on the pages; all of them until they chose."""
    query = sa.select(channel_table.c.events).where(channel_table.c.id == _own_id(account_id, user_id))
    with sync.database.read() as database:
        chosen = database.execute(query).scalar()
    return EVENTS if chosen is None else tuple(chosen)


def choose_events(sync: Sync, account_id: str, user_id: str, events: Sequence[str]) -> None:
    """Keep which events somebody wants to see on the pages."""
    now, own = sync.clock.now(), _own_id(account_id, user_id)
    values: dict[str, Any] = {"events": list(events), "updated_at": now}
    row = dict(_IN_APP, id=own, account_id=account_id, user_id=user_id, created_at=now, **values)
    with sync.database.write() as database:
        if not database.execute(channel_table.update().where(channel_table.c.id == own).values(values)).rowcount:
            with suppress(IntegrityError), database.begin_nested():  # the same person's other window
                database.execute(channel_table.insert().values(row))


_IN_APP: dict[str, Any] = {
    "kind": IN_APP,
    "label": "",
    "address": "",
    "shown": "",
    "rhythm": "at_once",
    "daily_at": 480,
    "time_zone": "UTC",
    "language": "en",
    "enabled": True,
    "failures": 0,
    "failing_code": "",
    "fence": 0,
    "lease_until": 0.0,
}


def _wanted(account_id: str, events: Collection[str]) -> sa.Select[Any]:
    return sa.select(_notices).where(_notices.c.account_id == account_id, of_interest(events))


def _seen_of(database: sa.Connection, account_id: str, user_id: str, notice_ids: Collection[int]) -> set[int]:
    mine = sa.and_(_seen.c.account_id == account_id, _seen.c.user_id == user_id)
    query = sa.select(_seen.c.notice_id).where(mine, _seen.c.notice_id.in_(list(notice_ids)))
    return set(database.execute(query).scalars())


def _own_id(account_id: str, user_id: str) -> UUID:
    """Return the id of somebody's own row: the same from wherever it is made, so that there is one."""
    return uuid5(_NAMESPACE, f"{account_id}\0{user_id}")
