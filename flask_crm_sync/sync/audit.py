"""The audit trail: written in the transaction of the change it tells of, read by managers, newest first.

It holds ids of users, never names, and what changed without secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..models import AuditEntry
from .context import Sync
from .paging import Place, cut

CONNECT, DISCONNECT, PAUSE, RESUME, SETTINGS = "connect", "disconnect", "pause", "resume", "settings"
RETRY, RETRY_ALL, DISMISS, DECIDE, EXPORT = "retry", "retry_all", "dismiss", "decide", "export"
OVERRIDE = "override"
NOTIFY = "notify"
ERASE, LIFT, PUT_BACK = "erase", "lift_erasure", "put_back"
CRITERIA = "criteria"
MAPPING = "mapping"
ACTIONS = (
    *(CONNECT, DISCONNECT, PAUSE, RESUME, SETTINGS, RETRY, RETRY_ALL, DISMISS, DECIDE, EXPORT),
    *(OVERRIDE, NOTIFY, CRITERIA),
    MAPPING,
    *(ERASE, LIFT, PUT_BACK),
)

CONNECTION, OPERATION, LOG = "connection", "operation", "log"
CHANNEL = "channel"
CRITERION = "criterion"
PAGE_SIZE = 50

COMMAND_LINE = "command line"
"""Who works at the server's command line, where nobody is logged in."""

_HIDDEN = "(hidden)"
_SECRET = ("credential", "token", "secret", "password", "api_key", "authorization", "cookie")
_LONGEST = 200

_table: sa.Table = sa.inspect(AuditEntry).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a person did, as the trail shows it. `user_id` is the host's id of the person."""

    id: int
    user_id: str
    action: str
    subject_type: str
    subject_id: str
    crm: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    at: datetime

    @property
    def is_by_user(self) -> bool:
        """Tell whether somebody who was logged in did it."""
        return self.user_id not in ("", COMMAND_LINE)


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """What part of the trail is asked for; "" stands for all."""

    action: str = ""
    crm: str = ""
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class TrailPage:
    """A page of the trail. `older` and `newer` are the numbers to go on from, None at either end."""

    deeds: tuple[Deed, ...]
    older: int | None
    newer: int | None


def record(
    connection: sa.Connection,
    account_id: str,
    action: str,
    *,
    now: datetime,
    by: str = "",
    subject_type: str = CONNECTION,
    subject_id: object = "",
    crm: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add to the trail, in the transaction that the connection is in: both the change and this, or neither.

    `by` is the host's id of who did it, "" or `COMMAND_LINE` for whoever sits at the server. A value whose name sounds
    like a secret is replaced, and long texts are cut.
    """
    row = {
        "account_id": account_id,
        "user_id": by[:191],
        "action": action,
        "subject_type": subject_type,
        "subject_id": str(subject_id)[:191],
        "crm": crm,
        "before": _shown(before),
        "after": _shown(after),
        "at": now,
    }
    connection.execute(_table.insert(), row)


def trail(
    sync: Sync,
    account_id: str,
    wanted: TrailFilter | None = None,
    *,
    place: Place | None = None,
    limit: int = PAGE_SIZE,
) -> TrailPage:
    """Return what was done in an account, newest first."""
    place = place or Place()
    query = place.narrowed(_filtered(account_id, wanted or TrailFilter()), _table.c.id)
    with sync.database.read() as database:
        rows = database.execute(query.order_by(place.order(_table.c.id)).limit(limit + 1)).all()
    page = cut(rows, place, limit)
    return TrailPage(tuple(_deed(row) for row in page.rows), page.older, page.newer)


def deeds_on(sync: Sync, account_id: str, subject_type: str, subject_id: object, *, limit: int = 20) -> list[Deed]:
    """Return the last things that people did to one subject, oldest first."""
    subject = sa.and_(_table.c.subject_type == subject_type, _table.c.subject_id == str(subject_id))
    query = sa.select(_table).where(_table.c.account_id == account_id, subject)
    with sync.database.read() as database:
        rows = database.execute(query.order_by(_table.c.id.desc()).limit(limit)).all()
    return [_deed(row) for row in reversed(rows)]


def _filtered(account_id: str, wanted: TrailFilter) -> sa.Select[Any]:
    query = sa.select(_table).where(_table.c.account_id == account_id)
    for field in fields(wanted):
        if value := getattr(wanted, field.name):
            query = query.where(_table.c[field.name] == value)
    return query


def _deed(row: sa.Row[Any]) -> Deed:
    return Deed(**{field.name: getattr(row, field.name) for field in fields(Deed)})


def _shown(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {name: _harmless(name, value) for name, value in values.items()}


def _harmless(name: str, value: Any) -> Any:
    if any(word in name.casefold() for word in _SECRET):
        return _HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
