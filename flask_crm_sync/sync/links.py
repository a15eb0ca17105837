"""Links: reading them, noting what will be sent before it is sent, and settling what was agreed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Link
from ..models.link import ACTIVE, PROPOSED, TOMBSTONE
from .merge import Base

table: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]

_READ = ("id", "subject_id", "state", "remote_id", "remote_url", "base", "intents", "host_version")


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
    seen_at: datetime | None = None
    """When its subject was about to be loaded, for a link that has no row yet."""

    @property
    def key(self) -> str:
        """Return our own key of the subject in the CRM: 32 hexadecimal digits."""
        return self.id.hex

    @property
    def is_active(self) -> bool:
        """Tell whether a record stands for the subject."""
        return self.state == ACTIVE

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
    )


def forget_former(connection: sa.Connection, link_id: UUID, now: datetime) -> None:
    """Begin a link anew, under another id: its subject's key in the host stands for somebody else now.

    The record that it led to stays in the CRM, and neither it nor our old key in it is the new subject's.
    """
    blank: dict[str, Any] = {
        "state": PROPOSED,
        "remote_id": None,
        "remote_url": None,
        "base": {},
        "intents": None,
        "host_version": "",
    }
    row = table.update().where(table.c.id == link_id)
    connection.execute(row.values(id=uuid.uuid4(), created_at=now, updated_at=now, **blank))


def owners(
    connection: sa.Connection, connection_id: UUID, remote_type: str, remote_ids: Iterable[str]
) -> dict[str, str]:
    """Return which subject each of these CRM records stands for already."""
    wanted = list(remote_ids)
    if not wanted:
        return {}
    query = sa.select(table.c.remote_id, table.c.subject_id).where(
        table.c.connection_id == connection_id, table.c.remote_type == remote_type, table.c.remote_id.in_(wanted)
    )
    return {row.remote_id: row.subject_id for row in connection.execute(query)}


def save_links(
    connection: sa.Connection,
    connection_id: UUID,
    subject_type: str,
    remote_type: str,
    links: Sequence[LinkState],
    now: datetime,
) -> None:
    """Write links as they are in hand: new rows in one statement, changed ones in another.

    Who goes on to use them marks them as `stored` when the transaction has committed.
    """
    new = [{**_row(link, now), "created_at": link.seen_at or now} for link in links if not link.stored]
    if new:
        same = {"connection_id": connection_id, "subject_type": subject_type, "remote_type": remote_type}
        connection.execute(table.insert(), [{"id": row.pop("link_id"), **same, **row} for row in new])
    changed = [_row(link, now) for link in links if link.stored]
    if changed:
        connection.execute(_CHANGE, changed)


_CHANGE = (
    table.update()
    .where(table.c.id == sa.bindparam("link_id"))
    .values(
        {
            name: sa.bindparam(name)
            for name in (
                "subject_id",
                "state",
                "remote_id",
                "remote_url",
                "base",
                "intents",
                "host_version",
                "updated_at",
            )
        }
    )
)


def _row(link: LinkState, now: datetime) -> dict[str, Any]:
    return {
        "link_id": link.id,
        "subject_id": link.subject_id,
        "state": link.state,
        "remote_id": link.remote_id,
        "remote_url": link.remote_url,
        "base": link.base.to_json() if link.base else {},
        "intents": link.intents or None,
        "host_version": link.host_version,
        "updated_at": now,
    }
