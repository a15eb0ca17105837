"""Webhooks of AutoChat CRM: is it genuine, and what does it say. Pure; nothing is stored or answered here.

Source: the public webhooks page (header, HMAC-SHA256 over the body, `event`, `timestamp`, `data`) and the Zapier page,
whose sample nests the resource one level deeper.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from ...config import Settings
from ..webhooks import Hint, Received

HEADER = "X-Webhook-Signature"
CLIENT_EVENTS = frozenset({"client.created", "client.updated"})
"""The events that we use. Every other one, known or not, is acknowledged and ignored."""

_PREFIX = "sha256="

Encoding = Literal["hex", "base64"]


@dataclass(frozen=True, slots=True)
class Event:
    """One webhook. `client_id` and `row` (the client as the API would tell it) are filled for client events only.

    `at` is the sender's time, None where it is unreadable. `digest` names the raw body: the CRM gives deliveries no id,
    so a repeated one is known by it.
    """

    name: str
    at: datetime | None
    digest: str
    client_id: str = ""
    row: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_used(self) -> bool:
        """Tell whether the event concerns a client."""
        return self.name in CLIENT_EVENTS


@dataclass(frozen=True, slots=True)
class AutoChatWebhooks:
    """AutoChat CRM's webhooks, for the room that receives them."""

    setting_up: str = (
        "In AutoChat CRM, as an admin: Settings, Integrations, Webhooks. The signing secret is shown once, on saving."
    )
    shortest_secret: int = 8

    def is_genuine(self, received: Received, secrets: Sequence[str], settings: Settings, now: datetime) -> bool:
        """Check the signature; then the age, where the installation limits it, by the time inside the signed body."""
        told = received.headers.get(HEADER.lower())
        if not is_genuine(received.body, told, secrets, encoding=settings.autochat_webhook_encoding):
            return False
        limit = timedelta(minutes=settings.autochat_webhook_age_minutes)
        return not limit or _is_recent(received.body, now, limit)

    def hints(self, received: Received, remote_account_id: str) -> list[Hint]:
        """Return the client that the event concerns; a body names no account to compare with."""
        event = read_event(received.body)
        return [Hint(event.name, event.client_id, event.at, event.digest)] if event.is_used else []


WEBHOOKS = AutoChatWebhooks()


def is_genuine(raw: bytes, signature: str | None, secrets: Sequence[str], *, encoding: Encoding = "hex") -> bool:
    """Tell whether a header's value signs the raw body with one of the secrets (two during a changeover).

    Without a secret nothing is genuine. The encoding is not documented; hexadecimal is the usual one.
    """
    if not signature or not signature.startswith(_PREFIX):
        return False
    told = _decoded(signature.removeprefix(_PREFIX).strip(), encoding)
    # Every secret is tried, so that the time taken does not tell which one fits.
    fits = [hmac.compare_digest(told, _signed(raw, secret)) for secret in secrets if secret]
    return any(fits)


def read_event(raw: bytes) -> Event:
    """Return what a webhook says; raise ValueError for a body that is not of a webhook's shape.

    Verify the raw bytes first: this reads whatever it is given.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("event"), str):
        raise ValueError("the body names no event")
    name, digest = body["event"], hashlib.sha256(raw).hexdigest()
    if name not in CLIENT_EVENTS:
        return Event(name, _instant(body.get("timestamp")), digest)
    row = _resource(name, body.get("data"))
    client_id = row.get("id")
    if not isinstance(client_id, str) or not client_id.strip():
        raise ValueError("the client has no id")
    return Event(name, _instant(body.get("timestamp")), digest, client_id.strip(), row)


def _is_recent(raw: bytes, now: datetime, limit: timedelta) -> bool:
    """Tell whether the sender's time is near ours; a body that cannot be read is not stale, it is malformed."""
    try:
        at = read_event(raw).at
    except ValueError:
        return True
    return at is not None and abs(now - at) <= limit


def _resource(event: str, data: Any) -> Mapping[str, Any]:
    """Return the resource, which lies in `data` or one level deeper, under its kind's name."""
    if not isinstance(data, dict):
        raise ValueError("the body holds no data")
    nested = data.get(event.partition(".")[0])
    return nested if isinstance(nested, dict) else data


def _signed(raw: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), raw, hashlib.sha256).digest()


def _decoded(text: str, encoding: Encoding) -> bytes:
    """Return the signature's bytes, none for what is not in the encoding."""
    try:
        return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _instant(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
