"""The CRM's own description of its fields: read once, kept for a day, and what rows are checked against with it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ...crm.base import RemoteField
from ...crm.further import field_from_json, field_to_json
from ...crm.registry import adapter_class
from ...errors import CRMSyncError, UnsupportedFeature
from ...host.attributes import CUSTOM
from ...host.bound import plain_type
from ...host.reading import Host
from ...host.records import CLIENT_FIELDS
from ...models import Connection, Schema
from ...models.connection import CONNECTED
from ..context import Sync
from ..refusals import NotFound
from ..warm import open_adapter
from .checking import Ground, SourceType
from .rows import mapping_from_json, read_mapping

FRESH = timedelta(days=1)

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_table: sa.Table = sa.inspect(Schema).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class KnownSchema:
    """A CRM's fields as they were last read; `code` is what kept them from being read since, "" where nothing did.

    `fetched_at` is None where they were never read.
    """

    fields: tuple[RemoteField, ...] = ()
    code: str = ""
    fetched_at: datetime | None = None

    @property
    def is_undescribed(self) -> bool:
        """Tell whether the CRM has no description of its fields at all."""
        return self.code == UnsupportedFeature.code


def connection_row(database: sa.Connection, account_id: str, crm: str) -> sa.RowMapping:
    """Return the row of an account's connection; raise NotFound where there is none with credentials."""
    own = sa.and_(_connections.c.account_id == account_id, _connections.c.crm == crm, _connections.c.credentials != "")
    row = database.execute(sa.select(_connections).where(own)).mappings().first()
    if row is None:
        raise NotFound(f"There is no connection to {crm} (any more).")
    return row


def known_schema(sync: Sync, connection_id: UUID) -> KnownSchema:
    """Return what is kept of a connection's CRM, without asking it."""
    with sync.database.read() as database:
        row = database.execute(sa.select(_table).where(_table.c.connection_id == connection_id)).first()
    if row is None:
        return KnownSchema()
    return KnownSchema(tuple(map(field_from_json, row.fields)), row.code, row.fetched_at)


def further_labels(sync: Sync, account_id: str, crm: str) -> dict[str, str]:
    """Return what an account's CRM calls its fields, by name: as its mapping has them, or as they were last read."""
    own = sa.and_(_connections.c.account_id == account_id, _connections.c.crm == crm)
    asked = sa.select(_connections.c.mapping, _table.c.fields).where(own)
    with sync.database.read() as database:
        rows = database.execute(asked.outerjoin(_table, _table.c.connection_id == _connections.c.id)).mappings().all()
    read = (field_from_json(one) for row in rows for one in row["fields"] or ())
    mapped = (field for row in rows for field in read_mapping(row).fields)
    return {field.name: field.label for field in (*read, *mapped)}


def schema_of(sync: Sync, account_id: str, crm: str) -> KnownSchema:
    """Return the fields of an account's CRM, asking it where it was never asked; raise NotFound."""
    with sync.database.read() as database:
        row = connection_row(database, account_id, crm)
    known = known_schema(sync, row["id"])
    return known if known.fetched_at is not None else refresh_schema(sync, row)


def refresh_schema(sync: Sync, connection: Mapping[Any, Any]) -> KnownSchema:
    """Ask the CRM for its fields and keep them; what keeps it from telling is kept as a code beside what was known.

    What mappings hold of their fields is brought up to date as well: a new option can then be sent.
    """
    known, now = known_schema(sync, connection["id"]), sync.clock.now()
    try:
        adapter = open_adapter(sync, connection)
        with closing(adapter.http):
            found = KnownSchema(adapter.schema(), "", now)
    except CRMSyncError as error:
        found = replace(known, code=error.code, fetched_at=now)
    try:
        _keep(sync, connection["id"], found)
    except IntegrityError:  # somebody else read it for the first time at this moment
        _keep(sync, connection["id"], found)
    return found


def refresh_stale(sync: Sync) -> bool:
    """Read one description anew that is older than a day; tell whether there was one."""
    before = sync.clock.now() - FRESH
    stale = (
        sa.select(_connections)
        .join(_table, _table.c.connection_id == _connections.c.id)
        .where(_table.c.fetched_at < before, _connections.c.state == CONNECTED, _connections.c.enabled)
        .order_by(_table.c.fetched_at)
        .limit(1)
    )
    with sync.database.read() as database:
        row = database.execute(stale).mappings().first()
    if row is None:
        return False
    refresh_schema(sync, row)
    return True


def ground_of(sync: Sync, crm: str, known: KnownSchema) -> Ground:
    """Return what the rows of a connection are checked against."""
    host = sync.host
    custom = {name: _source_type(host, CUSTOM + name) for name in host.custom_fields}
    sources = (*CLIENT_FIELDS, *(CUSTOM + name for name in custom))
    rooms = {source: _room(host, source) for source in sources}
    lengths = {source: room for source, room in rooms.items() if room is not None}
    return Ground(known.fields, adapter_class(crm).fields, custom, lengths)


def _keep(sync: Sync, connection_id: UUID, found: KnownSchema) -> None:
    values = {
        "fields": [field_to_json(one) for one in found.fields],
        "code": found.code,
        "fetched_at": found.fetched_at,
    }
    with sync.database.write() as database:
        own = _table.c.connection_id == connection_id
        if not database.execute(_table.update().where(own).values(values)).rowcount:
            database.execute(_table.insert().values(connection_id=connection_id, **values))
        if not found.code:
            _renew_mapping(database, connection_id, found)


def _renew_mapping(database: sa.Connection, connection_id: UUID, found: KnownSchema) -> None:
    own = _connections.c.id == connection_id
    stored = database.execute(sa.select(_connections.c.mapping).where(own).with_for_update()).scalar()
    if not stored or not stored.get("fields"):
        return
    mapping, now = mapping_from_json(stored), {field.name: field for field in found.fields}
    newer = replace(mapping, fields=tuple(now.get(one.name, one) for one in mapping.fields))
    if newer != mapping:
        database.execute(_connections.update().where(own).values(mapping=newer.to_json()))


def _source_type(host: Host, word: str) -> SourceType:
    """Tell what kind of values an attribute has, by its column; code may return anything."""
    column = host.client.column(word)
    if column is None:
        return "any"
    kind = plain_type(column.type)
    return next((name for type_, name in _KINDS if isinstance(kind, type_)), "any")


_KINDS: tuple[tuple[type[sa.types.TypeEngine[Any]], SourceType], ...] = (
    (sa.Boolean, "boolean"),
    (sa.DateTime, "datetime"),
    (sa.Date, "date"),
    (sa.Numeric, "number"),
    (sa.Integer, "number"),
    (sa.String, "text"),
)


def _room(host: Host, word: str) -> int | None:
    column = host.client.column(word)
    kind = plain_type(column.type) if column is not None else None
    return kind.length if isinstance(kind, sa.String) else None
