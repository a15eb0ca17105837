"""Two clients of the host that turn out to be one: the link follows the one that stays, and the log tells.

Nothing is deleted in a CRM. Everything happens in the caller's transaction, which the host's own merge may be part of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from ..host.records import ClientRecord
from ..models import Change, Conflict, Connection
from ..models.change import CLIENT, UPDATED
from ..models.conflict import DECIDED, OPEN
from ..models.link import MERGED, TOMBSTONE
from ..models.operation import ADD_NOTE, ERASE, PENDING, SKIPPED, UPDATE, UPDATE_CONTACT
from . import reasons
from .context import Sync
from .links import LinkState, load_links
from .links import table as links
from .operations import new_operation, on_connection
from .operations import table as operations
from .refusals import NotFound

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]
_conflicts: sa.Table = sa.inspect(Conflict).local_table  # type: ignore[assignment]

MOVED, LEFT = "moved", "left"
"""What became of the link of the client that is gone: it is the other's now, or its record is left as it is."""


def merge_clients(sync: Sync, database: sa.Connection, kept_id: str, gone_id: str) -> None:
    """Let one client stand for two, on each connection of their account; the kept one is owed an update.

    The kept client keeps its links; where it has none it takes the other's, else the other's record is left in the CRM
    and followed no more. Operations of the gone client end; its notes become the kept one's. The gone client need not
    be there any more. Raises NotFound where the kept one is not, ValueError where both are the same.
    """
    if kept_id == gone_id:
        raise ValueError("a client cannot be merged with itself")
    kept = sync.host.load_clients(database, [kept_id]).get(kept_id)
    if not isinstance(kept, ClientRecord):
        raise NotFound("There is no such client.")
    now = sync.clock.now()
    own = sa.select(_connections).where(_connections.c.account_id == kept.account_id)
    for row in database.execute(own).mappings().all():
        _merge_on(database, row, kept_id, gone_id, now)
    told = {"subject_type": CLIENT, "subject_id": kept_id, "account_id": kept.account_id, "kind": UPDATED}
    database.execute(_changes.insert().values(**told, created_at=now))


def merged_into(database: sa.Connection, account_id: str, client_id: str) -> list[str]:
    """Return the clients who were merged into one, and into those, on any connection of the account."""
    own = sa.select(_connections.c.id).where(_connections.c.account_id == account_id)
    gone = sa.and_(links.c.connection_id.in_(own), links.c.merged_into == client_id)
    return list(database.execute(sa.select(links.c.subject_id).where(gone).distinct()).scalars())


def merged_among(database: sa.Connection, connection_id: UUID, client_ids: Iterable[str]) -> set[str]:
    """Return who of clients with a link on a connection was merged into another."""
    own = sa.and_(links.c.connection_id == connection_id, links.c.subject_type == CLIENT)
    gone = sa.and_(own, links.c.subject_id.in_(list(client_ids)), links.c.merged_into.is_not(None))
    return set(database.execute(sa.select(links.c.subject_id).where(gone)).scalars())


def forget_merged(database: sa.Connection, account_id: str, client_id: str) -> None:
    """Drop the rows that only remember whom a client was merged into, in the caller's transaction."""
    own = sa.select(_connections.c.id).where(_connections.c.account_id == account_id)
    of = sa.and_(links.c.subject_type == MERGED, links.c.subject_id == client_id)
    database.execute(links.delete().where(links.c.connection_id.in_(own), of))


def _merge_on(database: sa.Connection, to: Mapping[Any, Any], kept_id: str, gone_id: str, now: datetime) -> None:
    found = load_links(database, to["id"], CLIENT, [kept_id, gone_id])
    kept, gone = found.get(kept_id), found.get(gone_id)
    became = _link(database, kept, gone, kept_id, now)
    _remember(database, to["id"], kept_id, gone_id, now)
    _end_operations(database, to["id"], kept_id, gone_id, now)
    ours = sa.and_(_conflicts.c.connection_id == to["id"], _conflicts.c.client_id == gone_id)
    database.execute(_conflicts.delete().where(ours, _conflicts.c.state.in_((OPEN, DECIDED))))
    if gone is not None:
        _tell(database, to, gone, became, kept_id, now)


def _link(database: sa.Connection, kept: LinkState | None, gone: LinkState | None, kept_id: str, now: datetime) -> str:
    """Give the kept client the other's link where it has none itself; return what became of it."""
    if gone is None:
        return LEFT
    has_own = kept is not None and (kept.is_active or bool(kept.intents))
    if has_own or not gone.is_active:
        left = {"state": TOMBSTONE, "intents": None, "updated_at": now}
        database.execute(links.update().where(links.c.id == gone.id).values(left))
        return LEFT
    if kept is not None:
        database.execute(links.delete().where(links.c.id == kept.id))
    database.execute(links.update().where(links.c.id == gone.id).values(subject_id=kept_id, updated_at=now))
    return MOVED


def _remember(database: sa.Connection, connection_id: UUID, kept_id: str, gone_id: str, now: datetime) -> None:
    """Keep who stands for the gone client: at its link, else in a row of its own; who became it follows along."""
    here = sa.and_(links.c.connection_id == connection_id, links.c.subject_type.in_((CLIENT, MERGED)))
    change = links.update().where(here)
    database.execute(change.where(links.c.subject_id == kept_id).values(merged_into=None))
    database.execute(change.where(links.c.merged_into == gone_id).values(merged_into=kept_id))
    if database.execute(change.where(links.c.subject_id == gone_id).values(merged_into=kept_id)).rowcount:
        return
    subject = {"subject_type": MERGED, "subject_id": gone_id, "merged_into": kept_id}
    row = {"id": uuid4(), "connection_id": connection_id, "state": TOMBSTONE, "remote_type": "", **subject}
    database.execute(links.insert().values(**row, created_at=now, updated_at=now))


def _end_operations(database: sa.Connection, connection_id: UUID, kept_id: str, gone_id: str, now: datetime) -> None:
    """End what nobody works on right now; who does finds the client gone. Notes go on as the kept client's, and whoever
    is to be erased still is.
    """
    of_gone = sa.and_(on_connection(connection_id), operations.c.client_id == gone_id)
    waiting = operations.update().where(of_gone, operations.c.status == PENDING)
    database.execute(waiting.where(operations.c.kind == ADD_NOTE).values(client_id=kept_id))
    ended = {"status": SKIPPED, "reason": reasons.CLIENT_MERGED, "pending_key": None, "due_at": None, "settled_at": now}
    of_client = (operations.c.subject_type == CLIENT, operations.c.kind != ERASE, operations.c.claim.is_(None))
    database.execute(waiting.where(*of_client).values(ended))


def _tell(
    database: sa.Connection, to: Mapping[Any, Any], gone: LinkState, became: str, kept_id: str, now: datetime
) -> None:
    subject = {"subject_type": CLIENT, "subject_id": gone.subject_id, "client_id": gone.subject_id}
    row = new_operation(to, kind=UPDATE_CONTACT, lane=UPDATE, due_at=now, now=now, **subject)
    ended = {"status": SKIPPED, "reason": reasons.CLIENT_MERGED, "pending_key": None, "due_at": None, "settled_at": now}
    record = {"remote_id": gone.remote_id, "remote_url": gone.remote_url}
    told = {"details": {"merged_into": kept_id, "link": became}, **record}
    database.execute(operations.insert().values({**row, **ended, **told}))
