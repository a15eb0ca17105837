"""Webhooks: who is told of an environment's contacts, with a secret in a header of their own choice."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..clock import Clock
from ..courier import Courier, Letter, Struck, is_near
from ..faults import FaultBook
from .events import MESSAGES, Event, execution_context
from .store import Store

HEADER = "X-CRM-Sync-Secret"
LARGEST_BODY = 256 * 1024
AGAIN = (502, 503, 504)
"""What the receiver may answer to be asked again, once: "Use webhooks"."""
WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Hook:
    """A registered endpoint of the kind that sends a header, and the messages it has a step for."""

    id: int
    environment: str
    url: str
    header: str
    secret: str
    events: tuple[str, ...]
    active: bool = True
    ca_file: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return what people may see of it again: never the secret."""
        return {name: value for name, value in asdict(self).items() if name != "secret"}


@dataclass(frozen=True)
class Delivery:
    """One attempt to tell somebody; ``status`` is None where no answer came."""

    at_ms: int
    environment: str
    event: str
    contact_id: str
    url: str
    attempt: int
    status: int | None


class Sender:
    """Keep the webhooks, and owe them what happens."""

    def __init__(self, store: Store, clock: Clock, faults: FaultBook) -> None:
        self._store = store
        self._courier: Courier[Delivery] = Courier("dynamics", clock, faults, _rest)
        self.deliveries, self.settle = self._courier.notes, self._courier.settle
        self.forget, self.close = self._courier.forget, self._courier.close
        store.tell = self.tell

    def add(
        self,
        environment: str,
        url: str,
        *,
        secret: str = "",
        header: str = HEADER,
        events: Sequence[str] = MESSAGES,
        ca_file: str | None = None,
    ) -> Hook:
        """Keep a webhook, with a new secret unless one is named. Raises ValueError for an address off this machine."""
        if not is_near(url):
            raise ValueError("webhooks go to loopback addresses only")
        unknown = set(events) - set(MESSAGES)
        if unknown:
            raise ValueError(f"no such message: {', '.join(sorted(unknown))}")
        secret = secret or secrets.token_hex(18)
        row = (environment, url, header, secret, json.dumps(list(events)), ca_file)
        with self._store.writing() as db:
            made = db.execute(
                "INSERT INTO hook (environment, url, header, secret, events, ca_file) VALUES (?, ?, ?, ?, ?, ?)", row
            )
        return Hook(int(made.lastrowid or 0), environment, url, header, secret, tuple(events), True, ca_file)

    def listed(self, environment: str) -> list[Hook]:
        """Return the webhooks of an environment."""
        with self._store.reading() as db:
            rows = db.execute("SELECT * FROM hook WHERE environment = ? ORDER BY id", (environment,)).fetchall()
        return [
            Hook(**{**row, "events": tuple(json.loads(row["events"])), "active": bool(row["active"])})
            for row in map(dict, rows)
        ]

    def set_active(self, hook_id: int, active: bool) -> None:
        """Switch a webhook on or off."""
        with self._store.writing() as db:
            db.execute("UPDATE hook SET active = ? WHERE id = ?", (active, hook_id))

    def remove(self, hook_id: int) -> None:
        """Forget a webhook."""
        with self._store.writing() as db:
            db.execute("DELETE FROM hook WHERE id = ?", (hook_id,))

    def tell(self, events: Sequence[Event]) -> None:
        """Owe what happened in one call to everybody who has a step for it."""
        hooks = {name: self.listed(name) for name in {event.environment.name for event in events}}
        for event in events:
            for hook in hooks[event.environment.name]:
                if hook.active and event.message in hook.events:
                    self._courier.owe(_letter(hook, event))


def _letter(hook: Hook, event: Event) -> Letter[Delivery]:
    context = execution_context(event)
    body, cut = _printed(context)
    about = {
        "x-ms-dynamics-organization": f"{event.environment.name}.{event.environment.suffix}",
        "x-ms-dynamics-entity-name": context["PrimaryEntityName"],
        "x-ms-dynamics-request-name": event.message,
        "x-ms-correlation-request-id": context["CorrelationId"],
        **({"x-ms-dynamics-msg-size-exceeded": "True"} if cut else {}),
    }

    def write(attempt: int, struck: Struck) -> tuple[bytes, Mapping[str, str]]:
        secret = "forged" if struck("webhook_forged") else hook.secret
        return body, {"Content-Type": "application/json; charset=utf-8", hook.header: secret, **about}

    def note(at_ms: int, attempt: int, status: int | None) -> Delivery:
        return Delivery(at_ms, hook.environment, event.message, event.contact_id, hook.url, attempt + 1, status)

    return Letter(hook.environment, hook.url, hook.ca_file, write, note)


def _printed(context: Mapping[str, Any]) -> tuple[bytes, bool]:
    """Return the body, without parameters and images where it is too large, and say which."""
    body = json.dumps(context, separators=(",", ":")).encode()
    if len(body) <= LARGEST_BODY:
        return body, False
    left_out = ("InputParameters", "PreEntityImages", "PostEntityImages")
    short = {name: None if name in left_out else value for name, value in context.items()}
    return json.dumps(short, separators=(",", ":")).encode(), True


def _rest(attempt: int, status: int | None) -> float | None:
    return WAIT_SECONDS if attempt == 0 and status in AGAIN else None
