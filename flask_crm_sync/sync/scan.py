"""The scan beside the events: changes that no event has seen are found by `updated_at`, deletions by a sweep of ids.

Pages are keyset pages over an overlapping window, so that a transaction which commits late is still found; what the
events have told already is recognised by the version that a link remembers, or by an operation that is newer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Change, Connection, Link, Scan
from ..models.change import CLIENT, CONVERSATION, DELETED, UPDATED
from ..models.connection import DISCONNECTED
from ..models.link import ACTIVE
from ..models.operation import PENDING
from .context import Sync
from .operations import table as operations

OVERLAP = timedelta(minutes=2)
PAGE = 500
SWEEP_PAGE = 1000

_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_links: sa.Table = sa.inspect(Link).local_table  # type: ignore[assignment]
_scans: sa.Table = sa.inspect(Scan).local_table  # type: ignore[assignment]


@dataclass
class ScanResult:
    """How many changes the scan found that no event had told, and how many deletions."""

    changed: int = 0
    deleted: int = 0
    ran: bool = False


def scan(sync: Sync, *, force: bool = False) -> ScanResult:
    """Look for changes that no event has seen, if the shortest interval of any connection has passed, or by force."""
    result = ScanResult()
    now = sync.clock.now()
    if not force and not _is_time(sync, now):
        return result
    result.ran = True
    result.changed += _scan_subject(sync, CLIENT, now)
    result.changed += _scan_subject(sync, CONVERSATION, now)
    result.deleted += _sweep(sync, now)
    return result


def _is_time(sync: Sync, now: datetime) -> bool:
    with sync.database.read() as connection:
        live = sa.and_(_connections.c.enabled, _connections.c.state != DISCONNECTED)
        minutes = connection.execute(sa.select(sa.func.min(_connections.c.interval_minutes)).where(live)).scalar()
        ran_at = connection.execute(sa.select(_scans.c.ran_at).where(_scans.c.name == CLIENT)).scalar()
    return minutes is not None and (ran_at is None or ran_at + timedelta(minutes=minutes) <= now)


# By updated_at


def _scan_subject(sync: Sync, subject_type: str, now: datetime) -> int:
    """Go through the window page by page; the place that is kept lies an overlap behind."""
    read = sync.host.scan_clients if subject_type == CLIENT else sync.host.scan_conversations
    with sync.database.read() as connection:
        stored = connection.execute(sa.select(_scans).where(_scans.c.name == subject_type)).first()
    after = stored.after if stored is not None and stored.after is not None else now
    place, cursor, found = after - OVERLAP, "", 0
    while True:
        with sync.database.read() as connection:
            rows = read(connection, place, cursor, PAGE)
            unseen = _unseen(connection, subject_type, rows)
        found += _record(sync, subject_type, UPDATED, [(row.id, row.account_id) for row in unseen], now)
        if len(rows) < PAGE:
            break
        place, cursor = rows[-1].at, rows[-1].id
    _keep_place(sync, subject_type, now, known=stored is not None)
    return found


def _unseen(connection: sa.Connection, subject_type: str, rows: Sequence[Any]) -> list[Any]:
    ids = [row.id for row in rows]
    if not ids:
        return []
    versions = _linked_versions(connection, subject_type, ids)
    waiting = _waiting(connection, subject_type, ids)
    told = _last_told(connection, subject_type, ids)
    return [
        row for row in rows if not _is_known(row, versions.get(row.id), waiting.get(row.id, set()), told.get(row.id))
    ]


def _is_known(row: Any, versions: dict[UUID, str] | None, waiting: set[UUID], told_at: datetime | None) -> bool:
    """A linked subject is known by its exact version, or by what waits and will read it; any other by an operation
    made since.
    """
    if versions is not None:
        return {connection_id for connection_id, version in versions.items() if version != row.version} <= waiting
    return told_at is not None and told_at >= row.at


def _linked_versions(connection: sa.Connection, subject_type: str, ids: Sequence[str]) -> dict[str, dict[UUID, str]]:
    query = sa.select(_links.c.subject_id, _links.c.connection_id, _links.c.host_version).where(
        _links.c.connection_id.in_(sa.select(_connections.c.id)),  # the index of subjects begins with it
        _links.c.subject_type == subject_type,
        _links.c.subject_id.in_(ids),
        _links.c.state == ACTIVE,
    )
    versions: dict[str, dict[UUID, str]] = {}
    for row in connection.execute(query):
        versions.setdefault(row.subject_id, {})[row.connection_id] = row.host_version
    return versions


def _waiting(connection: sa.Connection, subject_type: str, ids: Sequence[str]) -> dict[str, set[UUID]]:
    query = sa.select(operations.c.subject_id, operations.c.connection_id).where(
        operations.c.subject_type == subject_type,
        operations.c.subject_id.in_(ids),
        operations.c.status == PENDING,
        operations.c.claim.is_(None),
    )
    waiting: dict[str, set[UUID]] = {}
    for row in connection.execute(query):
        waiting.setdefault(row.subject_id, set()).add(row.connection_id)
    return waiting


def _last_told(connection: sa.Connection, subject_type: str, ids: Sequence[str]) -> dict[str, datetime]:
    query = (
        sa.select(operations.c.subject_id, sa.func.max(operations.c.created_at))
        .where(operations.c.subject_type == subject_type, operations.c.subject_id.in_(ids))
        .group_by(operations.c.subject_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _record(sync: Sync, subject_type: str, kind: str, subjects: Sequence[tuple[str, str | None]], now: datetime) -> int:
    """Write changes as the events would have."""
    rows = [
        {
            "subject_type": subject_type,
            "subject_id": subject_id,
            "account_id": account_id,
            "kind": kind,
            "created_at": now,
        }
        for subject_id, account_id in subjects
    ]
    if rows:
        with sync.database.write() as connection:
            connection.execute(_changes.insert(), rows)
    return len(rows)


def _keep_place(sync: Sync, name: str, now: datetime, *, known: bool) -> None:
    values = {"after": now, "cursor": "", "ran_at": now}
    with sync.database.write() as connection:
        kept = connection.execute(_scans.update().where(_scans.c.name == name).values(values))
        if kept.rowcount == 0 and not known:
            connection.execute(_scans.insert().values(name=name, note="", **values))


# By the ids that are gone


def _sweep(sync: Sync, now: datetime) -> int:
    """Tell of subjects that are gone from the host while something waits for them, a page at a time."""
    gone, cursor = 0, ""
    while True:
        with sync.database.read() as connection:
            waiting = connection.execute(_WAITING, {"behind": cursor}).all()
            missing = {kind: _missing(sync, connection, kind, waiting) for kind in (CLIENT, CONVERSATION)}
        for kind, ids in missing.items():
            gone += _record(sync, kind, DELETED, [(id, None) for id in sorted(ids)], now)
        if len(waiting) < SWEEP_PAGE:
            return gone
        cursor = waiting[-1].pending_key


def _missing(sync: Sync, connection: sa.Connection, subject_type: str, waiting: Sequence[Any]) -> set[str]:
    """Return the subjects of one kind for which something waits, and which the host no longer has."""
    ids = {row.subject_id for row in waiting if row.subject_type == subject_type}
    if not ids:
        return set()
    host = sync.host
    existing = host.existing_client_ids if subject_type == CLIENT else host.existing_conversation_ids
    return ids - existing(connection, ids)


# Only what waits has a pending key, so that a page is read from its index however long the log has become. A deletion
# changes nothing for subjects that nothing waits for.
_WAITING = (
    sa.select(operations.c.pending_key, operations.c.subject_type, operations.c.subject_id)
    .where(operations.c.pending_key > sa.bindparam("behind"))
    .order_by(operations.c.pending_key)
    .limit(SWEEP_PAGE)
)
