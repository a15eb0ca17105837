"""Webhooks of Dynamics 365: a shared secret in a header, and a body that is a hint. Pure; nothing is stored here.

Dynamics signs nothing and dates nothing: the secret that somebody typed into the registration is all there is. So the
body is not believed beyond which contact to look at. Source: "Use webhooks" and the service endpoint's reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ...config import Settings
from ..answers import objects
from ..webhooks import Hint, Received, encoded, instant_of_milliseconds, read_json
from .addresses import is_guid

HEADER = "X-CRM-Sync-Secret"
"""The header that the registration (authentication type HttpHeader) is told to send."""

_USED = frozenset({"create", "update", "delete", "merge"})
_DATE = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")


@dataclass(frozen=True, slots=True)
class DynamicsWebhooks:
    """Dynamics' webhooks, for the room that receives them."""

    setting_up: str = (
        "Make up a long random text. In the Plug-in Registration Tool, register the webhook with the authentication "
        f"type HttpHeader, the key {HEADER} and that text as its value."
    )
    shortest_secret: int = 24

    def is_genuine(self, received: Received, secrets: Sequence[str], settings: Settings, now: datetime) -> bool:
        """Compare the header with each secret."""
        told = encoded(received.headers.get(HEADER.lower(), ""))
        # Every secret is tried, so that the time taken does not tell which one fits.
        fits = [hmac.compare_digest(told, encoded(secret)) for secret in secrets if secret]
        return any(fits)

    def hints(self, received: Received, remote_account_id: str) -> list[Hint]:
        """Return the contact that was created, changed or deleted, both of a merge; none of another organization."""
        body = read_json(received.body)
        if not isinstance(body, dict) or not isinstance(body.get("MessageName"), str):
            raise ValueError("the body names no message")
        message = body["MessageName"].lower()
        if body.get("PrimaryEntityName") != "contact" or message not in _USED:
            return []
        if _guid(body, "OrganizationId") != remote_account_id:
            return []
        contacts = dict.fromkeys([_guid(body, "PrimaryEntityId"), *_subordinates(body)])
        return [Hint(f"contact.{message}", one, _date(body), _digest(received.body, one)) for one in contacts]


WEBHOOKS = DynamicsWebhooks()


def _guid(body: Mapping[str, Any], name: str) -> str:
    """Return an id in the one form that we keep; raise ValueError for what is none."""
    try:
        return str(UUID(body[name]))
    except (KeyError, ValueError, AttributeError, TypeError):
        raise ValueError(f"the body has no {name}") from None


def _subordinates(body: Mapping[str, Any]) -> list[str]:
    """Return the contact that a merge took into another; a body that was too long does not tell it."""
    inputs = objects(body.get("InputParameters"))
    told = [item.get("value") for item in inputs if item.get("key") == "SubordinateId"]
    return [str(UUID(value)) for value in told if isinstance(value, str) and is_guid(value)]


def _digest(body: bytes, contact: str) -> str:
    return hashlib.sha256(body + contact.encode()).hexdigest()


def _date(body: Mapping[str, Any]) -> datetime | None:
    told = body.get("OperationCreatedOn")
    found = _DATE.fullmatch(told) if isinstance(told, str) else None
    return instant_of_milliseconds(int(found[1])) if found else None
