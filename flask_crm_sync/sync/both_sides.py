"""Both sides of conflicts as they are at this moment: the host's values, and the CRM's, read through its adapter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ..crm.base import Adapter, RemoteRecord
from ..crm.registry import adapter_class
from ..errors import CRMError, CRMSyncError, InvalidRecord
from ..host.records import ClientRecord
from ..models import Connection
from ..models.change import CLIENT
from ..models.connection import CONNECTED
from .context import Sync
from .links import LinkState, load_links
from .mapping.applying import translated
from .mapping.rows import FieldMapping, read_mapping
from .reasons import CLIENT_DELETED, RECORD_DELETED_IN_CRM
from .warm import open_adapter

NOT_CONNECTED = "reconnect_required"

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Sides:
    """One conflict with both values. None stands for a value that cannot be read now, and `code` says why."""

    conflict: sa.Row[Any]
    client_name: str | None
    ours: str | None = None
    theirs: str | None = None
    record_url: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one connection: its records by id, or why they could not be read."""

    records: Mapping[str, RemoteRecord | CRMError]
    code: str = ""


def read_sides(sync: Sync, account_id: str, conflicts: Sequence[sa.Row[Any]]) -> list[Sides]:
    """Return conflicts of an account with what each side has now, in at most a call for each connection's batch.

    A CRM that does not answer leaves its values out.
    """
    ids = {row.client_id for row in conflicts}
    connections = {row.connection_id for row in conflicts}
    with sync.database.read() as database:
        clients = sync.host.load_clients(database, ids) if ids else {}
        rows = database.execute(sa.select(_connections).where(_connections.c.id.in_(connections))).mappings().all()
        links = {row["id"]: load_links(database, row["id"], CLIENT, ids) for row in rows}
    read = {row["id"]: _read(sync, row, _wanted(conflicts, row, links[row["id"]])) for row in rows}
    mappings = {row["id"]: read_mapping(row) for row in rows}
    found = []
    for row in conflicts:
        to, client = row.connection_id, _own(clients.get(row.client_id), account_id)
        found.append(_sides(row, client, links[to], read[to], mappings[to]))
    return found


def _wanted(conflicts: Iterable[sa.Row[Any]], of: sa.RowMapping, links: Mapping[str, LinkState]) -> list[str]:
    asked = (links.get(row.client_id) for row in conflicts if row.connection_id == of["id"])
    return list(dict.fromkeys(link.remote_id for link in asked if link is not None and link.remote_id))


def _read(sync: Sync, row: sa.RowMapping, ids: Sequence[str]) -> _Read:
    if row["state"] != CONNECTED or not row["credentials"]:
        return _Read({}, row["state_code"] or NOT_CONNECTED)
    if row["blocked_until"] is not None and row["blocked_until"] > sync.clock.now():
        return _Read({}, row["blocked_code"])
    if not ids:
        return _Read({})
    try:
        adapter = open_adapter(sync, row)
        with closing(adapter.http):
            return _Read(dict(_in_batches(adapter, ids)))
    except CRMSyncError as error:
        return _Read({}, error.code)


def _in_batches(adapter: Adapter, ids: Sequence[str]) -> Iterable[tuple[str, RemoteRecord | CRMError]]:
    for first in range(0, len(ids), adapter.batch_size):
        batch = ids[first : first + adapter.batch_size]
        yield from zip(batch, adapter.read(batch), strict=True)


def _own(client: object, account_id: str) -> ClientRecord | None:
    return client if isinstance(client, ClientRecord) and client.account_id == account_id else None


def _sides(
    row: sa.Row[Any],
    client: ClientRecord | None,
    links: Mapping[str, LinkState],
    read: _Read,
    mapping: FieldMapping,
) -> Sides:
    link = links.get(row.client_id)
    url = (link.remote_url or "") if link is not None else ""
    if client is None:
        return Sides(row, None, record_url=url, code=CLIENT_DELETED)
    ours = _ours(row, client, mapping)
    record = read.records.get(link.remote_id or "") if link is not None else None
    if not isinstance(record, RemoteRecord):
        code = record.code if record is not None else read.code or RECORD_DELETED_IN_CRM
        return Sides(row, client.name, ours, None, url, code)
    return Sides(row, client.name, ours, record.values.get(row.field), record.url or url)


def _ours(row: sa.Row[Any], client: ClientRecord, mapping: FieldMapping) -> str | None:
    """Return our value in the CRM's form; where the client cannot be said in it, as the host has it."""
    adapter = adapter_class(row.crm)
    try:
        return translated(adapter, mapping, client).get(row.field)
    except InvalidRecord:
        source = next((spec.source for spec in adapter.fields if spec.name == row.field), "")
        return getattr(client, source, None) if source else None
