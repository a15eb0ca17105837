"""How HubSpot signs a webhook: version 3, and the older version that comes along with it."""

from __future__ import annotations

import base64
import hashlib
import hmac

PLAIN_IN_ADDRESS = {f"%{ord(sign):02X}": sign for sign in ":/?@!$'()*,;"}
"""What HubSpot decodes in an address before it signs; all other escapes stay."""


def headers(secret: str, method: str, url: str, body: bytes, stamp: str) -> dict[str, str]:
    """Return the headers that vouch for a delivery; ``stamp`` is the time in epoch milliseconds."""
    return {
        "X-HubSpot-Request-Timestamp": stamp,
        "X-HubSpot-Signature-v3": version_3(secret, method, url, body, stamp),
        "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
        "X-HubSpot-Signature-Version": "v1",
    }


def version_3(secret: str, method: str, url: str, body: bytes, stamp: str) -> str:
    """Return the signature over method, address, raw body and time."""
    for escape, sign in PLAIN_IN_ADDRESS.items():
        url = url.replace(escape, sign).replace(escape.lower(), sign)
    signed = f"{method}{url}".encode() + body + stamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
