"""Keys of erased clients that the host hands on: SQLite gives the key of a deleted row to the next one.

Whoever has the key now is somebody else. So what we still know of the erased client, and owe to the CRMs, goes on under
a name that no key of the host's is like, and the key stops nobody any more; e-mail and phone still do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from ..models import Connection, Erasure
from ..models.change import CLIENT
from ..models.link import PROPOSED
from ..models.operation import ADD_NOTE
from .claim import Claimed
from .context import Sync
from .erased import id_digest
from .erased import table as _erased
from .forgetting import entries_of
from .links import table as _links
from .operations import pending_key
from .operations import table as _operations

_erasures: sa.Table = sa.inspect(Erasure).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]

Born = Mapping[str, tuple[str, datetime]]
"""By client: its account, and when it was made."""


def hand_on_keys(sync: Sync, database: sa.Connection, born: Born) -> None:
    """Part new clients from erased ones who had their keys before them, in the caller's transaction."""
    if not born:
        return
    asked = {"accounts": sorted({account for account, _ in born.values()}), "clients": list(born)}
    for row in database.execute(_ERASED_BEFORE, asked).all():
        account_id, at = born[row.client_id]
        if (row.account_id, row.requested_at < at) == (account_id, True):
            own = id_digest(sync, account_id, row.client_id)
            database.execute(_erased.delete().where(_erased.c.erasure_id == row.id, _erased.c.digest == own))
            _part(database, row, at)


def take_names_anew(database: sa.Connection, batch: Iterable[Claimed]) -> None:
    """Call claimed erasures by the names that their clients have by now."""
    held = {operation.id: operation for operation in batch}
    if not held:
        return
    names = (_operations.c.id, _operations.c.subject_id, _operations.c.client_id)
    for id, subject_id, client_id in database.execute(sa.select(*names).where(_operations.c.id.in_(list(held)))):
        held[id].subject_id, held[id].client_id = subject_id, client_id


def _part(database: sa.Connection, erasure: sa.Row[Any], at: datetime) -> None:
    """Give the erased client another name, in the log, at the links and where it was asked for."""
    before = sa.and_(entries_of(erasure.account_id, erasure.client_id), _operations.c.created_at < at)
    entries = database.execute(sa.select(_operations).where(before)).all()
    former = f"~{erasure.id.hex[:12]}"
    subjects = {(CLIENT, erasure.client_id)}
    subjects |= {(entry.subject_type, entry.subject_id) for entry in entries if entry.kind == ADD_NOTE}
    for entry in entries:
        _rename_entry(database, entry, former, (entry.subject_type, entry.subject_id) in subjects)
    own = sa.select(_connections.c.id).where(_connections.c.account_id == erasure.account_id)
    of_account = _links.c.connection_id.in_(own)
    for kind, id in sorted(subjects):
        named = sa.and_(of_account, _links.c.subject_type == kind, _links.c.subject_id == id, _links.c.created_at < at)
        for link in database.execute(sa.select(_links).where(named)).all():
            _set_apart(database, link, former, at)
    merged = _links.update().where(of_account, _links.c.merged_into == erasure.client_id)
    database.execute(merged.values(merged_into=erasure.client_id + former))
    request = _erasures.update().where(_erasures.c.id == erasure.id)
    database.execute(request.values(client_id=erasure.client_id + former))


def _rename_entry(database: sa.Connection, entry: sa.Row[Any], former: str, is_subject: bool) -> None:
    values: dict[str, Any] = {"client_id": entry.client_id + former}
    if is_subject:
        values["subject_id"] = entry.subject_id + former
    if entry.pending_key is not None:
        subject = values.get("subject_id", entry.subject_id)
        values["pending_key"] = pending_key(entry.connection_id, entry.kind, subject, entry.subject_type)
    database.execute(_operations.update().where(_operations.c.id == entry.id).values(values))


def _set_apart(database: sa.Connection, link: sa.Row[Any], former: str, at: datetime) -> None:
    """Leave a link to the erased one, and begin another for whoever has the key: under an id that is not its own."""
    database.execute(_links.update().where(_links.c.id == link.id).values(subject_id=link.subject_id + former))
    same = {name: getattr(link, name) for name in ("connection_id", "subject_type", "subject_id", "remote_type")}
    database.execute(_links.insert().values(id=uuid4(), state=PROPOSED, base={}, created_at=at, updated_at=at, **same))


_ASKED = [_erasures.c[name] for name in ("id", "account_id", "client_id", "requested_at")]
_ERASED_BEFORE = sa.select(*_ASKED).where(
    _erasures.c.account_id.in_(sa.bindparam("accounts", expanding=True)),
    _erasures.c.client_id.in_(sa.bindparam("clients", expanding=True)),
)
