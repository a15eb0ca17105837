"""Rotation: every stored secret encrypted anew with the first key, while the sync goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..errors import SecretUnreadable
from ..models import Channel, Connection, Installation, Webhook
from ..vault import Place
from .context import Sync
from .installation import secret_place
from .overwritten import SLICE as KEPT_SLICE
from .overwritten import sealed_anew
from .overwritten import table as _kept
from .webhooks import seal_anew

_channels: sa.Table = sa.inspect(Channel).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_installations: sa.Table = sa.inspect(Installation).local_table  # type: ignore[assignment]
_webhooks: sa.Table = sa.inspect(Webhook).local_table  # type: ignore[assignment]

ROTATED, CURRENT, CHANGED, UNREADABLE = "rotated", "current", "changed", "unreadable"


@dataclass(frozen=True, slots=True)
class _Stored:
    column: sa.Column[str]
    row: sa.ColumnElement[bool]
    sealed: str
    seal_anew: Callable[[], str]


def rotate(sync: Sync) -> Counter[str]:
    """Encrypt every secret with the first configured key and count what came of each.

    `rotated`; `current`, which had that key already; `changed`, which somebody stored anew in the same moment (theirs
    stays; run again); `unreadable`, which no configured key opens.
    """
    return Counter(_rotate(sync, stored) for stored in _stored(sync))


def _stored(sync: Sync) -> Iterator[_Stored]:
    with sync.database.read() as database:
        held = _connections.c.credentials != ""
        connections = database.execute(sa.select(_connections.c.id, _connections.c.credentials).where(held)).all()
        installations = database.execute(sa.select(_installations)).all()
        webhooks = database.execute(sa.select(_webhooks.c.connection_id, _webhooks.c.sealed)).all()
        told = _channels.c.address != ""
        channels = database.execute(sa.select(_channels.c.id, _channels.c.address).where(told)).all()
    for row in installations:
        anew = partial(_digest_secret_anew, sync, row.id, row.digest_secret)
        yield _Stored(_installations.c.digest_secret, _installations.c.number == row.number, row.digest_secret, anew)
    for row in connections:
        anew = partial(_credentials_anew, sync, row.id, row.credentials)
        yield _Stored(_connections.c.credentials, _connections.c.id == row.id, row.credentials, anew)
    for row in webhooks:
        anew = partial(seal_anew, sync, row.connection_id, row.sealed)
        yield _Stored(_webhooks.c.sealed, _webhooks.c.connection_id == row.connection_id, row.sealed, anew)
    for row in channels:
        anew = partial(_address_anew, sync, row.id, row.address)
        yield _Stored(_channels.c.address, _channels.c.id == row.id, row.address, anew)
    for row in _overwritten(sync):
        anew = partial(sealed_anew, sync.vault, row.id, row.sealed)
        yield _Stored(_kept.c.sealed, _kept.c.id == row.id, row.sealed, anew)


def _overwritten(sync: Sync) -> Iterator[Any]:
    """Yield the values that can be put back, a page in hand at a time."""
    last, page = None, sa.select(_kept.c.id, _kept.c.sealed).order_by(_kept.c.id).limit(KEPT_SLICE)
    while True:
        with sync.database.read() as database:
            rows: Sequence[Any] = database.execute(page if last is None else page.where(_kept.c.id > last)).all()
        yield from rows
        if len(rows) < KEPT_SLICE:
            return
        last = rows[-1].id


def _digest_secret_anew(sync: Sync, row_id: UUID, sealed: str) -> str:
    place = secret_place(row_id)
    return sync.vault.seal(sync.vault.open(sealed, place), place)


def _credentials_anew(sync: Sync, row_id: UUID, sealed: str) -> str:
    return sync.seal_credentials(row_id, sync.open_credentials(row_id, sealed))


def channel_place(channel_id: UUID) -> Place:
    """Return where the address of a channel for notifications is sealed."""
    return Place(Channel.__tablename__, channel_id, "address")


def _address_anew(sync: Sync, channel_id: UUID, sealed: str) -> str:
    place = channel_place(channel_id)
    return sync.vault.seal(sync.vault.open(sealed, place), place)


def _rotate(sync: Sync, stored: _Stored) -> str:
    if sync.vault.is_current(stored.sealed):
        return CURRENT
    try:
        sealed = stored.seal_anew()
    except SecretUnreadable:
        return UNREADABLE
    unchanged = stored.column == stored.sealed  # a token refreshed meanwhile wins
    update = sa.update(stored.column.table).where(stored.row, unchanged).values({stored.column.name: sealed})
    with sync.database.write() as database:
        return ROTATED if database.execute(update).rowcount == 1 else CHANGED
