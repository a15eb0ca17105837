"""Deliveries of webhooks: found by the token in their address, verified, kept as hints. Nothing else is done here.

No account, portal or organization comes from a body: the token names the connection, and a connection keeps hints about
its own account in the CRM alone. Nothing of a body is kept but which record to look at.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from ..crm import registry
from ..crm.webhooks import Hint, Received, Webhooks
from ..models import Connection, Delivery, Webhook
from ..models.connection import DISCONNECTED
from ..vault import Place
from .context import Sync
from .deadlock import again_if_deadlocked

KEPT = timedelta(days=7)
"""How long a hint is kept that nothing waits for, and a repeated delivery known."""
SLICE = 200
"""Old hints that go when a new one comes, at most."""

MOST_HINTS = 1_000
"""Ten times what any CRM tells at once."""

ACCEPTED: Literal["accepted"] = "accepted"
FORGED: Literal["forged"] = "forged"
MALFORMED: Literal["malformed"] = "malformed"
Verdict = Literal["accepted", "forged", "malformed"]

_log = logging.getLogger(__name__)
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_webhooks: sa.Table = sa.inspect(Webhook).local_table  # type: ignore[assignment]
_deliveries: sa.Table = sa.inspect(Delivery).local_table  # type: ignore[assignment]

_RECORD_ID = re.compile(r"[\x21-\x7e]{1,191}")


@dataclass(frozen=True, slots=True)
class Receiver:
    """The connection that an address belongs to, and what deliveries there must be signed with."""

    connection_id: UUID
    crm: str
    remote_account_id: str
    webhooks: Webhooks
    secrets: tuple[str, ...] = field(repr=False)
    oldest: datetime | None
    two_way: bool = False


def digest_of(token: str) -> str:
    """Return what of an address's token is stored in the clear."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def sealed_place(connection_id: UUID) -> Place:
    """Return where a webhook's token and secrets are sealed."""
    return Place(Webhook.__tablename__, connection_id, "sealed")


def find_receiver(sync: Sync, token: str) -> Receiver | None:
    """Return whom a token belongs to; None for an unknown one, and once its connection is disconnected.

    Raises SecretUnreadable where no configured key opens the secrets.
    """
    row = _row(sync, token)
    adapter = registry.adapters().get(row.crm) if row is not None else None  # a package may have been taken away
    if row is None or adapter is None or adapter.webhooks is None:
        return None
    opened = json.loads(sync.vault.open(row.sealed, sealed_place(row.id)))
    secrets = [opened["secret"]]
    if row.previous_until is not None and sync.clock.now() < row.previous_until:
        secrets.append(opened["previous"])
    usable = tuple(filter(None, secrets))
    return Receiver(row.id, row.crm, row.remote_account_id, adapter.webhooks, usable, row.oldest, row.two_way)


def receive(sync: Sync, receiver: Receiver, received: Received) -> Verdict:
    """Verify a delivery, then keep a hint for each event that we use.

    One that came before changes nothing and is accepted, as is one that says nothing of use.
    """
    now = sync.clock.now()
    if not receiver.webhooks.is_genuine(received, receiver.secrets, sync.settings, now):
        _log.warning("A webhook for connection %s (%s) is not genuine.", receiver.connection_id, receiver.crm)
        return FORGED
    try:
        hints = receiver.webhooks.hints(received, receiver.remote_account_id)
        if len(hints) > MOST_HINTS:
            raise ValueError("it tells more at once than any CRM does")
        rows = [_kept(receiver.connection_id, hint, now) for hint in hints]
    except (ValueError, RecursionError) as error:  # nested as deep as can be read, and too deep for what follows
        _log.warning("A webhook for connection %s cannot be read: %s.", receiver.connection_id, error)
        return MALFORMED
    if rows:
        again_if_deadlocked(lambda: _keep(sync, receiver, rows, now), sync.clock)
    return ACCEPTED


def forget_deliveries(database: sa.Connection, connection_id: UUID) -> None:
    """Delete a connection's hints: they name records of the account in the CRM that it had."""
    database.execute(_deliveries.delete().where(_deliveries.c.connection_id == connection_id))


def forget_webhook(database: sa.Connection, connection_id: UUID) -> bool:
    """Delete a connection's webhook and its hints, in the caller's transaction; tell whether there was one."""
    forget_deliveries(database, connection_id)
    return database.execute(_webhooks.delete().where(_webhooks.c.connection_id == connection_id)).rowcount > 0


def _row(sync: Sync, token: str) -> sa.Row[Any] | None:
    of_it = _deliveries.c.connection_id == _connections.c.id
    oldest = sa.select(sa.func.min(_deliveries.c.received_at)).where(of_it).correlate(_connections).scalar_subquery()
    wanted = (_connections.c.id, _connections.c.crm, _connections.c.remote_account_id, _connections.c.two_way)
    columns = (*wanted, _webhooks.c.sealed, _webhooks.c.previous_until, oldest.label("oldest"))
    query: sa.Select[Any] = sa.select(*columns).join_from(_webhooks, _connections)
    known = query.where(_webhooks.c.token_digest == digest_of(token), _connections.c.state != DISCONNECTED)
    with sync.database.read() as database:
        return database.execute(known).first()


def _kept(connection_id: UUID, hint: Hint, now: datetime) -> dict[str, Any]:
    """Return the row of a hint; raise ValueError for what no CRM's record is called."""
    if not _RECORD_ID.fullmatch(hint.record_id):
        raise ValueError("the body names a record as no record is named")
    # A date out of the ordinary is a fault of the sender, and some databases do not take it.
    at = hint.at if hint.at is not None and 2000 <= hint.at.year <= 2100 else None
    return {
        "connection_id": connection_id,
        "digest": hint.digest,
        "event": hint.event[:64],
        "remote_id": hint.record_id,
        "happened_at": at,
        "received_at": now,
    }


def _keep(sync: Sync, receiver: Receiver, rows: Sequence[dict[str, Any]], now: datetime) -> None:
    """Write the rows that are new, and delete some that are old; both at most once a delivery."""
    with sync.database.write() as database:
        database.execute(_inserted(sync.database.dialect, sorted(rows, key=lambda row: row["digest"])))
        if receiver.two_way:
            database.execute(_LOOK_SOON, {"told": receiver.connection_id, "now": now})
        if receiver.oldest is not None and receiver.oldest < now - KEPT:
            _purge(database, receiver, now - KEPT)


_LOOK_SOON = (
    _connections.update()
    .where(
        _connections.c.id == sa.bindparam("told"),
        _connections.c.two_way,
        sa.or_(_connections.c.pull_at.is_(None), _connections.c.pull_at > sa.bindparam("now")),
    )
    .values(pull_at=sa.bindparam("now"))
)


def _inserted(dialect: str, rows: Sequence[dict[str, Any]]) -> sa.Insert:
    """Return one INSERT that passes over rows which are there already."""
    if dialect in {"mysql", "mariadb"}:
        insert = mysql.insert(_deliveries).values(rows)
        return insert.on_duplicate_key_update(digest=_deliveries.c.digest)
    if dialect == "postgresql":
        return postgresql.insert(_deliveries).values(rows).on_conflict_do_nothing()
    return sqlite.insert(_deliveries).values(rows).on_conflict_do_nothing()


def _purge(database: sa.Connection, receiver: Receiver, before: datetime) -> None:
    """Delete a slice of old hints; one that a two-way connection has not used yet waits, however long it is held."""
    old = sa.and_(_deliveries.c.connection_id == receiver.connection_id, _deliveries.c.received_at < before)
    if receiver.two_way:
        old = sa.and_(old, _deliveries.c.used_at.is_not(None))
    slice_ = sa.select(_deliveries.c.id).where(old).order_by(_deliveries.c.received_at).limit(SLICE)
    ids = list(database.execute(slice_).scalars())
    database.execute(_deliveries.delete().where(_deliveries.c.id.in_(ids)))
