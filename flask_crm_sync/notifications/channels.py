"""Channels: made, changed, paused and deleted by the people who are told there; read without their addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ..errors import SecretUnreadable
from ..language import is_zone
from ..models import Channel, Notification
from ..models.channel import AT_ONCE, IN_APP, SERVICE, WEBHOOK
from ..models.notice import EVENTS
from ..models.notification import FAILED, PENDING
from ..sync import audit
from ..sync.context import Sync
from ..sync.refusals import NotFound
from ..sync.secrets import channel_place
from .hours import Hours
from .problems import SECRET_UNREADABLE, CannotTell
from .services import check_service
from .targets import check_webhook

MOST = 20
"""Channels that one person, or the account as a whole, may have."""

channel_table: sa.Table = sa.inspect(Channel).local_table  # type: ignore[assignment]
_notifications: sa.Table = sa.inspect(Notification).local_table  # type: ignore[assignment]


class TooManyChannels(Exception):
    """There are as many channels as anybody needs."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is told on a channel and when. Times of day are minutes since midnight in `time_zone`."""

    label: str = ""
    events: tuple[str, ...] = EVENTS
    rhythm: str = AT_ONCE
    daily_at: int = 480
    quiet_from: int | None = None
    quiet_to: int | None = None
    time_zone: str = "UTC"
    language: str = "en"
    template: str = ""
    """The owner's own words for each piece of news, with holes such as {client}; "" stands for ours."""

    @property
    def hours(self) -> Hours:
        """Return when that is, on the clocks there."""
        return Hours(ZoneInfo(self.known_zone), self.rhythm, self.daily_at, self.quiet_from, self.quiet_to)

    @property
    def known_zone(self) -> str:
        """Return the name of the time zone; UTC where this machine does not know that zone (any more)."""
        return self.time_zone if is_zone(self.time_zone) else "UTC"


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel without its address. `waiting` and `given_up` count what is owed to it, and what it was never told."""

    id: UUID
    account_id: str
    user_id: str
    kind: str
    shown: str
    wishes: Wishes
    enabled: bool
    sent_at: datetime | None
    failing_since: datetime | None
    failing_code: str
    retry_at: datetime | None
    waiting: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a channel's messages go, in the clear; `secret` signs those of a webhook. Its repr shows neither."""

    url: str
    secret: str = ""

    def __repr__(self) -> str:
        return "<Address>"


def channels(sync: Sync, account_id: str) -> list[ChannelView]:
    """Return the channels of an account and of everybody in it, the oldest first."""
    of_it = sa.and_(channel_table.c.account_id == account_id, channel_table.c.kind != IN_APP)
    query = _with_counts().where(of_it).order_by(channel_table.c.created_at, channel_table.c.id)
    with sync.database.read() as database:
        return [view_of(row) for row in database.execute(query)]


def find_channel(sync: Sync, account_id: str, channel_id: UUID) -> ChannelView:
    """Return an account's channel; raise NotFound where it has none of that id."""
    wanted = sa.and_(channel_table.c.account_id == account_id, channel_table.c.id == channel_id)
    with sync.database.read() as database:
        row = database.execute(_with_counts().where(wanted, channel_table.c.kind != IN_APP)).first()
    if row is None:
        raise NotFound("There is no such channel.")
    return view_of(row)


def add_channel(
    sync: Sync, account_id: str, user_id: str, kind: str, wishes: Wishes, address: Address, *, by: str
) -> UUID:
    """Make a channel, `user_id` "" for everybody of the account, and return its id.

    Raises CannotTell for an address that cannot be used, TooManyChannels.
    """
    shown, channel_id, now = checked(sync, kind, address), uuid4(), sync.clock.now()
    row = {"id": channel_id, "account_id": account_id, "user_id": user_id, "kind": kind}
    row |= {"enabled": True, "created_at": now, "updated_at": now, **_stored(wishes)}
    row |= {"address": _sealed(sync, channel_id, address), "shown": shown}
    row |= {**_NO_TROUBLE, "fence": 0, "lease_until": 0.0}
    owned = sa.and_(channel_table.c.account_id == account_id, channel_table.c.user_id == user_id)
    with sync.database.write() as database:
        if (database.execute(sa.select(sa.func.count()).where(owned)).scalar() or 0) >= MOST:
            raise TooManyChannels
        database.execute(channel_table.insert().values(row))
        _note(database, sync, account_id, by, channel_id, after=_told(row))
    return channel_id


def change_channel(sync: Sync, known: ChannelView, wishes: Wishes, address: Address | None, *, by: str) -> None:
    """Change what is told on a channel and when, and where: None keeps the address, "" in it the secret.

    What waits already goes by the new hours. Raises CannotTell for an address that cannot be used.
    """
    values, now = _stored(wishes) | {"updated_at": sync.clock.now()}, sync.clock.now()
    if address is not None:
        whole = _completed(sync, known, address)
        shown = checked(sync, known.kind, whole)
        values |= {"address": _sealed(sync, known.id, whole), "shown": shown, **_NO_TROUBLE}
    with sync.database.write() as database:
        database.execute(channel_table.update().where(channel_table.c.id == known.id).values(values))
        _due_anew(database, known.id, wishes, now)
        before, after = _different(_told(_stored(known.wishes)), _told(values))
        after |= {"address changed": True} if address is not None else {}
        _note(database, sync, known.account_id, by, known.id, before=before, after=after)


def switch_channel(sync: Sync, known: ChannelView, enabled: bool, *, by: str) -> None:
    """Pause a channel, or go on: nothing new is owed to a paused one, and what waits goes when it goes on."""
    values: dict[str, Any] = {"enabled": enabled, "updated_at": sync.clock.now()}
    values |= _NO_TROUBLE if enabled else {}
    with sync.database.write() as database:
        database.execute(channel_table.update().where(channel_table.c.id == known.id).values(values))
        _note(database, sync, known.account_id, by, known.id, after={"label": known.wishes.label, "enabled": enabled})


def delete_channel(sync: Sync, known: ChannelView, *, by: str) -> None:
    """Delete a channel with its address and what was owed to it."""
    with sync.database.write() as database:
        database.execute(channel_table.delete().where(channel_table.c.id == known.id))
        database.execute(_notifications.delete().where(_notifications.c.channel_id == known.id))
        _note(database, sync, known.account_id, by, known.id, before={"label": known.wishes.label})


def address_of(sync: Sync, channel_id: UUID) -> Address:
    """Return a channel's address in the clear; raise CannotTell where no configured key opens it."""
    with sync.database.read() as database:
        query = sa.select(channel_table.c.address).where(channel_table.c.id == channel_id)
        sealed = database.execute(query).scalar()
    try:
        return Address(**json.loads(sync.vault.open(sealed or "", channel_place(channel_id))))
    except SecretUnreadable:
        raise CannotTell(SECRET_UNREADABLE) from None


def checked(sync: Sync, kind: str, address: Address) -> str:
    """Return what people may see of an address; raise CannotTell for one that cannot be used."""
    if kind == WEBHOOK:
        return f"https://{check_webhook(address.url, sync.settings)}/…"
    return check_service(address.url, sync.settings)[:255]


def view_of(row: sa.Row[Any]) -> ChannelView:
    """Return a stored channel as people may see it."""
    wishes = Wishes(**{one.name: getattr(row, one.name) for one in fields(Wishes)} | _plain(row))
    plain: dict[str, Any] = {one.name: getattr(row, one.name, 0) for one in fields(ChannelView) if one.name != "wishes"}
    return ChannelView(wishes=wishes, **plain)


def _plain(row: sa.Row[Any]) -> dict[str, Any]:
    return {"events": tuple(row.events), "template": row.template or ""}


_NO_TROUBLE: dict[str, Any] = {"failures": 0, "failing_since": None, "failing_code": "", "retry_at": None}


def _stored(wishes: Wishes) -> dict[str, Any]:
    return {one.name: getattr(wishes, one.name) for one in fields(Wishes)} | {"events": list(wishes.events)}


def _sealed(sync: Sync, channel_id: UUID, address: Address) -> str:
    plain = json.dumps({"url": address.url, "secret": address.secret}, sort_keys=True)
    return sync.vault.seal(plain, channel_place(channel_id))


def _completed(sync: Sync, known: ChannelView, address: Address) -> Address:
    """Take the parts that were left empty from the stored address."""
    if address.url and (address.secret or known.kind == SERVICE):
        return address
    stored = address_of(sync, known.id)
    return Address(address.url or stored.url, address.secret or stored.secret)


def _with_counts() -> sa.Select[Any]:
    def count(status: str) -> sa.ScalarSelect[Any]:
        of_it = sa.and_(_notifications.c.channel_id == channel_table.c.id, _notifications.c.status == status)
        return sa.select(sa.func.count()).select_from(_notifications).where(of_it).scalar_subquery()

    return sa.select(channel_table, count(PENDING).label("waiting"), count(FAILED).label("given_up"))


def _due_anew(database: sa.Connection, channel_id: UUID, wishes: Wishes, now: datetime) -> None:
    """Let what waits and was never sent go by the channel's new hours."""
    waits = sa.and_(
        _notifications.c.channel_id == channel_id, _notifications.c.status == PENDING, _notifications.c.bundle.is_(None)
    )
    database.execute(_notifications.update().where(waits).values(due_at=wishes.hours.due(now)))


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the audit trail keeps of a channel: no address, and no part of one."""
    times = "label", "template", "rhythm", "daily_at", "quiet_from", "quiet_to", "time_zone", "language"
    return {name: values[name] for name in times} | {"events": ", ".join(values["events"])}


def _different(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what differs, and the channel's name, which says what was changed."""
    names = [name for name in after if name == "label" or before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _note(database: sa.Connection, sync: Sync, account_id: str, by: str, channel_id: UUID, **change: Any) -> None:
    change |= {"subject_type": audit.CHANNEL, "subject_id": channel_id}
    audit.record(database, account_id, audit.NOTIFY, now=sync.clock.now(), by=by, **change)
