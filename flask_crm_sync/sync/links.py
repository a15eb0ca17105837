"""Links: reading them, noting what will be sent before it is sent, and settling what was agreed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Link
from ..models.change import CLIENT
from ..models.link import ACTIVE, PROPOSED, TOMBSTONE
from .agreed import Base

table: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]

_READ = ("id", "subject_id", "state", "remote_id", "remote_url", "base", "intents", "host_version", "flips")


@dataclass(slots=True)
class LinkState:
    """A link in hand; `stored` tells whether its row is there already."""

    id: UUID
    subject_id: str
    state: str = PROPOSED
    remote_id: str | None = None
    remote_url: str | None = None
    base: Base | None = None
    intents: dict[str, list[str]] = field(default_factory=dict)
    host_version: str = ""
    stored: bool = False
    flips: dict[str, list[Any]] = field(default_factory=dict)
    """Per field that came home: which way it went last, how often it turned round, since when (epoch seconds)."""
    seen_at: datetime | None = None
    """When its subject was about to be loaded, for a link that has no row yet."""
    is_left: bool = False
    """Whether the host has merged its client into another, so that its record is left as it is; told by the record."""

    @property
    def key(self) -> str:
        """Return our own key of the subject in the CRM: 32 hexadecimal digits."""
        return self.id.hex

    @property
    def is_active(self) -> bool:
        """Tell whether a record stands for the subject."""
        return self.state == ACTIVE

    @property
    def is_settled(self) -> bool:
        """Tell whether a record stands for the subject and no write of ours is without an answer."""
        return self.is_active and not self.intents

    @property
    def is_tombstone(self) -> bool:
        """Tell whether the record was deleted in the CRM."""
        return self.state == TOMBSTONE


def load_links(
    connection: sa.Connection, connection_id: UUID, subject_type: str, subject_ids: Iterable[str]
) -> dict[str, LinkState]:
    """Return the links of subjects, by subject id."""
    wanted = {"of": connection_id, "kind": subject_type, "ids": list(subject_ids)}
    return {row.subject_id: _state(row) for row in connection.execute(_LOAD, wanted)}


_LOAD = sa.select(*(table.c[name] for name in _READ)).where(
    table.c.connection_id == sa.bindparam("of"),
    table.c.subject_type == sa.bindparam("kind"),
    table.c.subject_id.in_(sa.bindparam("ids", expanding=True)),
)


def load_by_record(
    connection: sa.Connection, connection_id: UUID, remote_type: str, remote_ids: Iterable[str]
) -> dict[str, LinkState]:
    """Return the links that lead to these CRM records, tombstones too, by the record's id."""
    wanted = {"of": connection_id, "kind": remote_type, "ids": list(remote_ids)}
    found = {}
    for row in connection.execute(_LOAD_BY_RECORD, wanted):
        link = found[row.remote_id] = _state(row)
        link.is_left = row.merged_into is not None
    return found


_LOAD_BY_RECORD = sa.select(*(table.c[name] for name in (*_READ, "merged_into"))).where(
    table.c.connection_id == sa.bindparam("of"),
    table.c.remote_type == sa.bindparam("kind"),
    table.c.remote_id.in_(sa.bindparam("ids", expanding=True)),
)


def load_records(connection: sa.Connection, connection_id: UUID, client_ids: Iterable[str]) -> dict[str, LinkState]:
    """Return the links of clients as far as a note needs them: which record there is, not what was agreed on it."""
    wanted = {"of": connection_id, "kind": CLIENT, "ids": list(client_ids)}
    rows = connection.execute(_LOAD_RECORDS, wanted)
    return {row.subject_id: LinkState(row.id, row.subject_id, row.state, row.remote_id, stored=True) for row in rows}


_LOAD_RECORDS = _LOAD.with_only_columns(*(table.c[name] for name in ("id", "subject_id", "state", "remote_id")))


def _state(row: sa.Row[Any]) -> LinkState:
    return LinkState(
        row.id,
        row.subject_id,
        row.state,
        row.remote_id,
        row.remote_url,
        Base.from_json(row.base),
        row.intents or {},
        row.host_version,
        stored=True,
        flips=row.flips or {},
    )


def forget_former(connection: sa.Connection, link_id: UUID, now: datetime) -> None:
    """Begin a link anew, under another id, as where its subject's key in the host stands for somebody else now.

    The record that it led to stays in the CRM, and neither it nor our old key in it is the new subject's.
    """
    blank: dict[str, Any] = {
        "state": PROPOSED,
        "remote_id": None,
        "remote_url": None,
        "base": {},
        "intents": None,
        "host_version": "",
        "merged_into": None,
    }
    row = table.update().where(table.c.id == link_id)
    connection.execute(row.values(id=uuid.uuid4(), created_at=now, updated_at=now, **blank))


def begin_anew(
    connection: sa.Connection, connection_id: UUID, subject_type: str, subject_id: str, now: datetime
) -> None:
    """Forget a record that was deleted in the CRM, as a person wants another: it gets a key that none had before.

    A CRM that takes our key for the record's own id, as Dynamics does, may keep the deleted one's for good.
    """
    of = (table.c.connection_id == connection_id, table.c.subject_type == subject_type)
    buried = sa.select(table.c.id).where(*of, table.c.subject_id == subject_id, table.c.state == TOMBSTONE)
    for link_id in connection.execute(buried).scalars().all():
        forget_former(connection, link_id, now)


def owners(
    connection: sa.Connection, connection_id: UUID, remote_type: str, remote_ids: Iterable[str]
) -> dict[str, str]:
    """Return which subject each of these CRM records stands for already."""
    wanted = list(remote_ids)
    if not wanted:
        return {}
    asked = {"of": connection_id, "kind": remote_type, "ids": wanted}
    return {row.remote_id: row.subject_id for row in connection.execute(_OWNERS, asked)}


_OWNERS = sa.select(table.c.remote_id, table.c.subject_id).where(
    table.c.connection_id == sa.bindparam("of"),
    table.c.remote_type == sa.bindparam("kind"),
    table.c.remote_id.in_(sa.bindparam("ids", expanding=True)),
)


def without_rows(connection: sa.Connection, links: Iterable[LinkState]) -> set[UUID]:
    """Return the ids of links that had a row and have none any more."""
    ids = {link.id for link in links if link.stored}
    return ids.difference(connection.execute(_THERE, {"ids": list(ids)}).scalars()) if ids else ids


_THERE = sa.select(table.c.id).where(table.c.id.in_(sa.bindparam("ids", expanding=True))).with_for_update()


def release_records(
    connection: sa.Connection, connection_id: UUID, remote_type: str, links: Iterable[LinkState], now: datetime
) -> None:
    """Let the records of these links go from whoever had them before, in the transaction that saves the links."""
    bare = {"state": TOMBSTONE, "remote_id": None, "remote_url": None, "intents": None, "updated_at": now}
    for link in links:
        same = sa.and_(table.c.remote_type == remote_type, table.c.remote_id == link.remote_id)
        former = sa.and_(table.c.connection_id == connection_id, same, table.c.id != link.id)
        connection.execute(table.update().where(former).values(bare))


def save_links(
    connection: sa.Connection,
    connection_id: UUID,
    subject_type: str,
    remote_type: str,
    links: Sequence[LinkState],
    now: datetime,
) -> None:
    """Write links as they are in hand: new ones, agreed ones and others in a statement each.

    Who goes on to use them marks them as `stored` when the transaction has committed.
    """
    fresh = [link for link in links if not link.stored]
    if fresh:
        same = {"connection_id": connection_id, "subject_type": subject_type, "remote_type": remote_type}
        _insert(connection, fresh, same, now)
    for statement, form, chosen in (
        (_AGREE, _agreed, [link for link in links if link.stored and link.is_settled]),
        (_CHANGE, _changed, [link for link in links if link.stored and not link.is_settled]),
    ):
        if chosen:
            connection.execute(statement, [{"link_id": link.id, **form(link), "updated_at": now} for link in chosen])


def _insert(connection: sa.Connection, links: Sequence[LinkState], same: Mapping[str, Any], now: datetime) -> None:
    proposed = all(link.state == PROPOSED and link.remote_id is None and not link.base for link in links)
    statement, form = (_PROPOSE, _proposed) if proposed else (table.insert(), _changed)
    new = [
        {
            "id": link.id,
            "subject_id": link.subject_id,
            **same,
            **form(link),
            "created_at": link.seen_at or now,
            "updated_at": now,
        }
        for link in links
    ]
    connection.execute(statement, new)


def _proposed(link: LinkState) -> dict[str, Any]:
    return {"intents": link.intents or None, "host_version": link.host_version}


def _agreed(link: LinkState) -> dict[str, Any]:
    return {
        "remote_id": link.remote_id,
        "remote_url": link.remote_url,
        "base": link.base.to_json() if link.base else {},
        "host_version": link.host_version,
        "flips": link.flips or None,
    }


def _changed(link: LinkState) -> dict[str, Any]:
    return {"state": link.state, "intents": link.intents or None, **_agreed(link)}


def _of_link(*names: str) -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(name) for name in (*names, "remote_id", "remote_url", "base", "host_version", "flips")}


# What is the same for every row of a kind is a literal: it need not be made anew and sent with each of them.
_PROPOSE = table.insert().values(state=sa.literal_column(f"'{PROPOSED}'"), base=sa.literal_column("'{}'"))
_ROW = table.update().where(table.c.id == sa.bindparam("link_id")).values(updated_at=sa.bindparam("updated_at"))
_CHANGE = _ROW.values(_of_link("state", "intents"))
_AGREE = _ROW.values(_of_link()).values(state=sa.literal_column(f"'{ACTIVE}'"), intents=sa.null())
