"""Webhooks: whom a workspace tells of its clients, signed, at least once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..clock import Clock, iso
from ..courier import Courier, Letter, Struck, is_near
from ..faults import FaultBook
from .dialect import Dialect
from .store import Store

EVENTS = ("client.created", "client.updated")
HEADER = "X-Webhook-Signature"
WAITS_SECONDS = (0.5, 2.0)
"""How long a refused delivery rests before each further attempt. AutoChat's own schedule is not documented."""


@dataclass(frozen=True)
class Webhook:
    """Where a workspace sends its events. ``ca_file`` is the authority of a receiver that speaks HTTPS."""

    id: int
    workspace: str
    url: str
    secret: str
    events: tuple[str, ...]
    active: bool
    ca_file: str | None

    def shown(self) -> dict[str, Any]:
        """Return what people may see of it again: never the secret."""
        return {name: value for name, value in asdict(self).items() if name != "secret"}


@dataclass(frozen=True)
class Delivery:
    """One attempt to tell somebody; ``status`` is None where no answer came."""

    at_ms: int
    workspace: str
    event: str
    client_id: str
    url: str
    attempt: int
    status: int | None


class Sender:
    """Keep the webhooks, and owe events to them."""

    def __init__(self, store: Store, clock: Clock, dialect: Dialect, faults: FaultBook) -> None:
        self._store, self._clock, self._dialect = store, clock, dialect
        self._courier: Courier[Delivery] = Courier("autochat", clock, faults, _rest)
        self.deliveries, self.settle = self._courier.notes, self._courier.settle
        self.forget, self.close = self._courier.forget, self._courier.close

    def add(
        self,
        workspace: str,
        url: str,
        *,
        secret: str = "",
        events: tuple[str, ...] = EVENTS,
        ca_file: str | None = None,
    ) -> Webhook:
        """Keep a webhook, with a new secret unless one is named. Raises ValueError for an address off this machine."""
        if not is_near(url):
            raise ValueError("webhooks go to loopback addresses only")
        secret = secret or f"whsec_{secrets.token_urlsafe(24)}"
        row = (workspace, url, secret, json.dumps(events), ca_file)
        with self._store.writing() as db:
            made = db.execute(
                "INSERT INTO webhook (workspace, url, secret, events, ca_file) VALUES (?, ?, ?, ?, ?)", row
            )
        return Webhook(int(made.lastrowid or 0), workspace, url, secret, events, True, ca_file)

    def listed(self, workspace: str) -> list[Webhook]:
        """Return the webhooks of a workspace."""
        with self._store.reading() as db:
            rows = db.execute("SELECT * FROM webhook WHERE workspace = ? ORDER BY id", (workspace,)).fetchall()
        return [Webhook(**{**row, "events": tuple(json.loads(row["events"]))}) for row in map(dict, rows)]

    def set_active(self, webhook_id: int, active: bool) -> None:
        """Switch a webhook on or off."""
        with self._store.writing() as db:
            db.execute("UPDATE webhook SET active = ? WHERE id = ?", (active, webhook_id))

    def remove(self, webhook_id: int) -> None:
        """Forget a webhook."""
        with self._store.writing() as db:
            db.execute("DELETE FROM webhook WHERE id = ?", (webhook_id,))

    def tell(self, event: str, workspace: str, client: Mapping[str, Any]) -> None:
        """Owe an event to everybody who listens for it."""
        for webhook in self.listed(workspace):
            if webhook.active and event in webhook.events:
                self._courier.owe(self._letter(webhook, event, str(client["id"]), self._body(event, client)))

    def _body(self, event: str, client: Mapping[str, Any]) -> bytes:
        moment = iso(self._clock.now_ms() // 1000 * 1000).replace(".000Z", "Z")
        data = {"client": client} if self._dialect.webhook_shape == "nested" else client
        body = {"event": event, "timestamp": moment, "data": data}
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()

    def _letter(self, webhook: Webhook, event: str, client_id: str, body: bytes) -> Letter[Delivery]:
        def write(attempt: int, struck: Struck) -> tuple[bytes, Mapping[str, str]]:
            secret = "forged" if struck("webhook_forged") else webhook.secret
            signed = signature(secret, body, self._dialect.webhook_encoding)
            return body, {"Content-Type": "application/json", HEADER: signed}

        def note(at_ms: int, attempt: int, status: int | None) -> Delivery:
            return Delivery(at_ms, webhook.workspace, event, client_id, webhook.url, attempt + 1, status)

        return Letter(webhook.workspace, webhook.url, webhook.ca_file, write, note)


def signature(secret: str, body: bytes, encoding: str) -> str:
    """Return the value of the signature header for a body."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256)
    text = digest.hexdigest() if encoding == "hex" else base64.b64encode(digest.digest()).decode()
    return f"sha256={text}"


def _rest(attempt: int, status: int | None) -> float | None:
    return WAITS_SECONDS[attempt] if attempt < len(WAITS_SECONDS) else None
