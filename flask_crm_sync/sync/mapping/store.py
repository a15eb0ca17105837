"""The mapping of a connection as people change it: checked, numbered, recorded, and brought back.

Every change is a version of its own. The newest one stands in the connection's row as well, where drains read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ...models import Connection, MappingVersion
from ..audit import MAPPING, record
from ..context import Sync
from ..refusals import ChoiceNotPossible, NotFound
from .checking import Ground, check_rows
from .filters import Filter
from .rows import FieldMapping, MappingRow, mapping_from_json, read_mapping
from .schema import connection_row

FILTER = "filter"
"""What the audit trail calls the filter, beside the names of fields."""
SHOWN = 50
"""Versions that a page shows."""

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_versions: sa.Table = sa.inspect(MappingVersion).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Version:
    """One version as the page lists it. `user_id` is the host's id of who saved it; `restored` what it brought back."""

    version: int
    user_id: str
    restored: int | None
    at: datetime
    mapping: FieldMapping


def find_mapping(sync: Sync, account_id: str, crm: str) -> FieldMapping:
    """Return the mapping in force; raise NotFound where there is no connection."""
    with sync.database.read() as database:
        return read_mapping(connection_row(database, account_id, crm))


def versions(sync: Sync, account_id: str, crm: str, *, limit: int = SHOWN) -> list[Version]:
    """Return the last versions, the newest first; raise NotFound where there is no connection."""
    with sync.database.read() as database:
        own = _versions.c.connection_id == connection_row(database, account_id, crm)["id"]
        rows = database.execute(sa.select(_versions).where(own).order_by(_versions.c.version.desc()).limit(limit)).all()
    return [
        Version(row.version, row.user_id, row.restored, row.created_at, mapping_from_json(row.definition))
        for row in rows
    ]


def save_rows(
    sync: Sync,
    account_id: str,
    crm: str,
    rows: Sequence[MappingRow],
    ground: Ground,
    *,
    seen_version: int,
    by: str = "",
) -> FieldMapping:
    """Let other rows hold from now on, for what changes from here; rows that hold already make no version.

    Raises MappingInvalid where they cannot work, ChoiceNotPossible where somebody saved another version than the one
    that was seen, NotFound where there is no connection.
    """
    check_rows(rows, ground, kept=find_mapping(sync, account_id, crm).rows)
    return _save(sync, account_id, crm, {"rows": tuple(rows)}, ground, seen_version=seen_version, by=by)


def save_filter(
    sync: Sync, account_id: str, crm: str, wanted: Filter, *, seen_version: int, by: str = ""
) -> FieldMapping:
    """Let another filter hold from now on; it has been checked (`known.check_filter`). Raises as `save_rows` does."""
    return _save(sync, account_id, crm, {"filter": wanted}, None, seen_version=seen_version, by=by)


def restore_version(
    sync: Sync, account_id: str, crm: str, version: int, ground: Ground, *, seen_version: int, by: str = ""
) -> FieldMapping:
    """Bring an older version back, as a new one; version 0 is what holds before anything was changed.

    Raises MappingInvalid where it cannot work any more, NotFound where there is no such version.
    """
    with sync.database.read() as database:
        connection_id = connection_row(database, account_id, crm)["id"]
        older = _definition(database, connection_id, version)
    check_rows(older.rows, ground)
    wanted = {"rows": older.rows, "filter": older.filter}
    return _save(sync, account_id, crm, wanted, ground, seen_version=seen_version, by=by, restored=version)


def with_row(rows: Sequence[MappingRow], row: MappingRow, *, instead: str = "") -> tuple[MappingRow, ...]:
    """Return the rows with one more, or with one in the place of another field's."""
    if not any(one.field == instead for one in rows):
        return (*rows, row)
    return tuple(row if one.field == instead else one for one in rows)


def without_row(rows: Sequence[MappingRow], name: str) -> tuple[MappingRow, ...]:
    """Return the rows without that of a field."""
    return tuple(one for one in rows if one.field != name)


def told(row: MappingRow | None) -> str:
    """Return a row as the audit trail tells it, "" for none."""
    if row is None:
        return ""
    parts = [row.template if row.kind == "template" else row.source or row.kind]
    parts += [row.mode] if row.mode != "merge" else []
    parts += [f"{ours}={theirs}" for ours, theirs in row.values]
    parts += [f"={row.default}"] if row.default else []
    parts += [f"{row.here}/{row.there}"] if row.kind == "consent" else []
    return ", ".join(parts)


def _save(
    sync: Sync,
    account_id: str,
    crm: str,
    changes: Mapping[str, Any],
    ground: Ground | None,
    *,
    seen_version: int,
    by: str,
    restored: int | None = None,
) -> FieldMapping:
    now = sync.clock.now()
    with sync.database.write() as database:
        connection_id = connection_row(database, account_id, crm)["id"]
        own = _connections.c.id == connection_id
        locked = database.execute(sa.select(_connections).where(own).with_for_update()).mappings().one()
        before = read_mapping(locked)
        if before.version != seen_version:
            raise ChoiceNotPossible("Somebody else has changed the mapping meanwhile: look at it again.")
        left_out = before.has_left_out or bool(before.filter)
        after = described(replace(before, **changes, version=before.version + 1, has_left_out=left_out), ground)
        if (after.rows, after.filter, after.fields) == (before.rows, before.filter, before.fields):
            return before  # nothing that anybody could bring back
        definition = after.to_json()
        database.execute(
            _versions.insert().values(
                connection_id=connection_id,
                version=after.version,
                definition=definition,
                user_id=by[:191],
                restored=restored,
                created_at=now,
            )
        )
        database.execute(_connections.update().where(own).values(mapping=definition, updated_at=now))
        was, became = _differences(before, after)
        record(
            database, account_id, MAPPING, now=now, by=by, subject_id=connection_id, crm=crm, before=was, after=became
        )
    return after


def described(mapping: FieldMapping, ground: Ground | None) -> FieldMapping:
    """Return a mapping with the descriptions of its further fields, by which values get their form."""
    if ground is None:
        return mapping
    named = [row.field for row in mapping.rows if ground.spec(row.field) is None]
    found = (ground.field(name) or mapping.field(name) for name in named)
    return replace(mapping, fields=tuple(field for field in found if field is not None))


def _differences(before: FieldMapping, after: FieldMapping) -> tuple[dict[str, str], dict[str, str]]:
    names = dict.fromkeys(row.field for row in (*before.rows, *after.rows))
    was, became = ({name: told(one.row(name)) for name in names} for one in (before, after))
    if before.filter != after.filter:
        was[FILTER], became[FILTER] = _told_filter(before.filter), _told_filter(after.filter)
    changed = [name for name in became if was[name] != became[name]]
    return {name: was[name] for name in changed}, {name: became[name] for name in changed}


def _told_filter(wanted: Filter) -> str:
    each = (" ".join(filter(None, (one.about, one.how, one.value))) for one in wanted.conditions)
    return f" {wanted.match} ".join(each)


def _definition(database: sa.Connection, connection_id: UUID, version: int) -> FieldMapping:
    if version == 0:
        return FieldMapping()
    own = sa.and_(_versions.c.connection_id == connection_id, _versions.c.version == version)
    stored = database.execute(sa.select(_versions.c.definition).where(own)).scalar()
    if stored is None:
        raise NotFound("There is no such version.")
    return mapping_from_json(stored)
