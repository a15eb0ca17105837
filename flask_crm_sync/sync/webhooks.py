"""A connection's webhook as people and operators handle it: its address, its secret, and a changeover to another one.

The secret is never shown again. The token in the address is: whoever registers the webhook in the CRM needs it.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..crm import registry
from ..errors import CredentialsIncomplete, UnsupportedFeature
from ..models import Delivery, Webhook
from .audit import SETTINGS, record
from .connections import ConnectionView, find_connected, find_connection
from .context import Sync
from .inbound import digest_of, forget_webhook, sealed_place
from .refusals import NotFound

CHANGEOVER = timedelta(hours=24)
"""How long the secret before the present one is good as well."""

_table: sa.Table = sa.inspect(Webhook).local_table  # type: ignore[assignment]
_deliveries: sa.Table = sa.inspect(Delivery).local_table  # type: ignore[assignment]

_SECRET = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook without its secrets. Instants are aware, in UTC.

    `token` is the last part of its address. `previous_until` is set while the secret before this one is good as well.
    """

    connection_id: UUID
    crm: str
    token: str = field(repr=False)
    has_secret: bool
    previous_until: datetime | None
    last_received_at: datetime | None


def open_webhook(sync: Sync, account_id: str, crm: str, *, by: str = "") -> WebhookView:
    """Return the webhook of an account's connection; make its address first where there is none.

    Raises NotFound where there is no such connection, UnsupportedFeature for a CRM that has no webhooks.
    """
    known = _connected(sync, account_id, crm)
    if _row(sync, known.id) is None:
        with suppress(IntegrityError):  # somebody else made it at this moment: there is one now
            _make(sync, known, by)
    return _view(sync, known)


def find_webhook(sync: Sync, account_id: str, crm: str) -> WebhookView | None:
    """Return the webhook of an account's connection, None where none was made; raise as `open_webhook` does."""
    known = _connected(sync, account_id, crm)
    return _view(sync, known) if _row(sync, known.id) is not None else None


def set_secret(sync: Sync, account_id: str, crm: str, secret: str, *, by: str = "") -> WebhookView:
    """Take a secret for what the CRM sends from now on; the one before it stays good for a day.

    Raises as `open_webhook` does, and CredentialsIncomplete for what can be no secret.
    """
    known, checked = _connected(sync, account_id, crm), _checked(crm, secret)
    open_webhook(sync, account_id, crm, by=by)
    own = _table.c.connection_id == known.id
    with sync.database.write() as database:
        sealed = database.execute(sa.select(_table.c.sealed).where(own).with_for_update()).scalar_one()
        opened = json.loads(sync.vault.open(sealed, sealed_place(known.id)))
        if opened["secret"] != checked:
            changed = opened | {"secret": checked, "previous": opened["secret"]}
            now = sync.clock.now()
            values = {"sealed": _sealed(sync, known.id, changed), "updated_at": now}
            values["previous_until"] = now + CHANGEOVER if opened["secret"] else None
            database.execute(_table.update().where(own).values(values))
            _note(database, known, now, by, "key changed" if opened["secret"] else "key set")
    return _view(sync, known)


def remove_webhook(sync: Sync, account_id: str, crm: str, *, by: str = "") -> None:
    """Delete a webhook's address, secrets and hints; raise NotFound where there is none."""
    known = find_connection(sync, account_id, crm)
    with sync.database.write() as database:
        if not forget_webhook(database, known.id):
            raise NotFound(f"The connection to {crm} has no webhook.")
        _note(database, known, sync.clock.now(), by, "removed")


def seal_anew(sync: Sync, connection_id: UUID, sealed: str) -> str:
    """Return a webhook's sealed part, encrypted with the first of the configured keys."""
    return _sealed(sync, connection_id, json.loads(sync.vault.open(sealed, sealed_place(connection_id))))


def _connected(sync: Sync, account_id: str, crm: str) -> ConnectionView:
    adapter = registry.adapter_class(crm)
    if adapter.webhooks is None:
        raise UnsupportedFeature(adapter.label, "webhooks")
    return find_connected(sync, account_id, crm)


def _checked(crm: str, secret: str) -> str:
    """Return a secret without the spaces around it; raise CredentialsIncomplete for what can be none."""
    webhooks, secret = registry.adapter_class(crm).webhooks, secret.strip()
    shortest = webhooks.shortest_secret if webhooks else 0
    if not _SECRET.fullmatch(secret):
        raise CredentialsIncomplete({"secret": "The secret is empty, or holds spaces or characters that none has."})
    if len(secret) < shortest:
        raise CredentialsIncomplete({"secret": f"The secret is too short: it has at least {shortest} characters."})
    return secret


def _make(sync: Sync, known: ConnectionView, by: str) -> None:
    token, now = secrets.token_urlsafe(32), sync.clock.now()
    row = {
        "connection_id": known.id,
        "token_digest": digest_of(token),
        "sealed": _sealed(sync, known.id, {"token": token, "secret": "", "previous": ""}),
        "created_at": now,
        "updated_at": now,
    }
    with sync.database.write() as database:
        database.execute(_table.insert().values(row))
        _note(database, known, now, by, "address made")


def _sealed(sync: Sync, connection_id: UUID, plain: Mapping[str, str]) -> str:
    return sync.vault.seal(json.dumps(dict(plain), sort_keys=True), sealed_place(connection_id))


def _note(database: sa.Connection, known: ConnectionView, now: datetime, by: str, what: str) -> None:
    after = {"webhook": what}
    record(database, known.account_id, SETTINGS, now=now, by=by, subject_id=known.id, crm=known.crm, after=after)


def _row(sync: Sync, connection_id: UUID) -> sa.Row[Any] | None:
    with sync.database.read() as database:
        return database.execute(sa.select(_table).where(_table.c.connection_id == connection_id)).first()


def _view(sync: Sync, known: ConnectionView) -> WebhookView:
    row = _row(sync, known.id)
    if row is None:
        raise NotFound(f"The connection to {known.crm} has no webhook.")
    opened = json.loads(sync.vault.open(row.sealed, sealed_place(known.id)))
    newest = sa.select(sa.func.max(_deliveries.c.received_at)).where(_deliveries.c.connection_id == known.id)
    with sync.database.read() as database:
        last = database.execute(newest).scalar()
    until = row.previous_until if row.previous_until and sync.clock.now() < row.previous_until else None
    return WebhookView(known.id, known.crm, opened["token"], bool(opened["secret"]), until, last)
