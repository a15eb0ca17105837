"""Webhooks: a message as JSON, signed, so that the receiver knows who sent it and that it is no repetition.

X-CRM-Sync-Id: 6f1c...          the message's id, the same on every attempt
X-CRM-Sync-Timestamp: 179...    seconds since 1970, of this attempt
X-CRM-Sync-Signature: v1=9c...  HMAC-SHA256 of `<timestamp>.<body>` with the channel's secret, in hexadecimal
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from ..clock import Clock
from ..config import Settings
from ..crm.http import Content, HTTPClient, encode
from ..errors import CRMError
from .guard import hushed
from .problems import REFUSED, UNREACHABLE, CannotTell
from .targets import check_webhook, on_loopback

ID, TIMESTAMP, SIGNATURE = "X-CRM-Sync-Id", "X-CRM-Sync-Timestamp", "X-CRM-Sync-Signature"


def new_secret() -> str:
    """Return a new secret to sign with."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return what the signature header says for a body sent at a time (seconds since 1970)."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


def post(url: str, secret: str, message_id: UUID, content: dict[str, Any], settings: Settings, clock: Clock) -> None:
    """Send a message's content to an address, within `CRM_SYNC_NOTIFY_TIMEOUT` seconds in all.

    Raises CannotTell where the address is not (or no longer) allowed, nobody answers, or the answer is not 2xx.
    """
    host = check_webhook(url, settings)
    parts, timestamp, body = urlsplit(url), int(clock.now().timestamp()), encode(content)
    headers = {
        ID: message_id.hex,
        TIMESTAMP: str(timestamp),
        SIGNATURE: signature(secret, timestamp, body),
        "User-Agent": "flask-crm-sync",
    }
    inside = on_loopback(host, settings)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with hushed():
        client = HTTPClient(
            f"https://{parts.netloc}",
            headers={},
            allowed_hosts=(host,),
            ca_file=settings.sandbox_ca if inside else None,
            timeout=settings.notify_timeout,
            clock=clock,
            network="loopback" if inside else "public",
        )
        try:
            told = Content(body, "application/json")
            answer = client.call("POST", path, content=told, headers=headers, raw=True, writes=True)
        except CRMError:
            raise CannotTell(UNREACHABLE) from None
        finally:
            client.close()
    if not 200 <= answer.status < 300:
        raise CannotTell(REFUSED, answer.status)
