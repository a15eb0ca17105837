"""Webhooks: whom a workspace tells of its clients, in a thread of its own, at least once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import secrets
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..clock import Clock, iso
from ..faults import OF_A_WEBHOOK, Fault, FaultBook
from ..guard import is_loopback
from .dialect import Dialect
from .store import Store

EVENTS = ("client.created", "client.updated")
HEADER = "X-Webhook-Signature"
TIMEOUT_SECONDS = 5.0
WAITS_SECONDS = (0.5, 2.0)
"""How long a refused delivery rests before each further attempt. AutoChat's own schedule is not documented."""
KEPT = 200


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
    """Keep the webhooks, and deliver events one after the other."""

    def __init__(self, store: Store, clock: Clock, dialect: Dialect, faults: FaultBook) -> None:
        self._store, self._clock, self._dialect, self._faults = store, clock, dialect, faults
        self._waiting: queue.Queue[tuple[Webhook, str, str, bytes] | None] = queue.Queue()
        self._kept: deque[Delivery] = deque(maxlen=KEPT)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

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
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not is_loopback(parts.hostname or "") or parts.port == 0:
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

    def deliveries(self) -> list[Delivery]:
        """Return the last attempts, newest first."""
        with self._lock:
            return list(reversed(self._kept))

    def tell(self, event: str, workspace: str, client: Mapping[str, Any]) -> None:
        """Owe an event to everybody who listens for it."""
        for webhook in self.listed(workspace):
            if webhook.active and event in webhook.events:
                self._owe(webhook, event, str(client["id"]), self._body(event, client))

    def settle(self) -> None:
        """Wait until nothing is owed any more."""
        self._waiting.join()

    def forget(self) -> None:
        """Forget what was delivered."""
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Stop delivering; what is owed yet is lost."""
        self._stopping.set()
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()

    def _body(self, event: str, client: Mapping[str, Any]) -> bytes:
        moment = iso(self._clock.now_ms() // 1000 * 1000).replace(".000Z", "Z")
        data = {"client": client} if self._dialect.webhook_shape == "nested" else client
        body = {"event": event, "timestamp": moment, "data": data}
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()

    def _owe(self, webhook: Webhook, event: str, client_id: str, body: bytes) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="autochat-webhooks", daemon=True)
                self._thread.start()
        self._waiting.put((webhook, event, client_id, body))

    def _work(self) -> None:
        while (owed := self._waiting.get()) is not None:
            try:
                if not self._stopping.is_set():
                    self._deliver(*owed)
            finally:
                self._waiting.task_done()

    def _deliver(self, webhook: Webhook, event: str, client_id: str, body: bytes) -> None:
        """Try until the receiver takes it or the attempts are used up; a fault may make it come twice."""
        path = urlsplit(webhook.url).path
        faults = self._faults.take("autochat", "POST", path, webhook.workspace, moments=OF_A_WEBHOOK)
        for _ in range(2 if _struck(faults, "webhook_twice") else 1):
            for attempt, rest in enumerate((*WAITS_SECONDS, 0.0), 1):
                status = self._post(webhook, body, forged=_struck(faults, "webhook_forged"))
                self._note(webhook, event, client_id, attempt, status)
                if (status is not None and 200 <= status < 300) or self._stopping.wait(rest):
                    break

    def _note(self, webhook: Webhook, event: str, client_id: str, attempt: int, status: int | None) -> None:
        now = self._clock.now_ms()
        with self._lock:
            self._kept.append(Delivery(now, webhook.workspace, event, client_id, webhook.url, attempt, status))

    def _post(self, webhook: Webhook, body: bytes, *, forged: bool) -> int | None:
        """Send one attempt and return its status, or None where no answer came."""
        secret = "forged" if forged else webhook.secret
        headers = {"Content-Type": "application/json", HEADER: signature(secret, body, self._dialect.webhook_encoding)}
        parts = urlsplit(webhook.url)
        try:
            with closing(_connection(parts, webhook.ca_file)) as connection:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("POST", target, body, headers)
                return connection.getresponse().status
        except (OSError, HTTPException):
            return None


def signature(secret: str, body: bytes, encoding: str) -> str:
    """Return the value of the signature header for a body."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256)
    text = digest.hexdigest() if encoding == "hex" else base64.b64encode(digest.digest()).decode()
    return f"sha256={text}"


def _struck(faults: list[Fault], kind: str) -> bool:
    return any(fault.kind == kind for fault in faults)


def _connection(parts: SplitResult, ca_file: str | None) -> HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=ca_file)
    return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
