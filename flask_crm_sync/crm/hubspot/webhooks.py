"""Webhooks of HubSpot: signature version 3, and what the events say. Pure; nothing is stored or answered here.

Source: "Validating requests" and the webhooks guide. The older signature headers arrive as well and are ignored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...config import Settings
from ..webhooks import Hint, Received, encoded, instant_of_milliseconds, read_json

SIGNATURE = "x-hubspot-signature-v3"
TIMESTAMP = "x-hubspot-request-timestamp"
FRESH = timedelta(milliseconds=300_000)
"""HubSpot's limit for the past. The same holds for the future: a clock may be wrong, a forger's is not to choose."""

_CONTACT = "0-1"  # the object type of contacts in generic subscriptions
_USED = frozenset({"creation", "deletion", "propertyChange", "merge", "restore", "privacyDeletion"})
_DECODED = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HubSpotWebhooks:
    """HubSpot's webhooks, for the room that receives them."""

    setting_up: str = "The client secret of the HubSpot app whose webhooks point here; its Auth page shows it."
    shortest_secret: int = 16

    def is_genuine(self, received: Received, secrets: Sequence[str], settings: Settings, now: datetime) -> bool:
        """Check the signature over method, address, raw body and time, and that the time is near."""
        stamp = received.headers.get(TIMESTAMP, "")
        if not _is_fresh(stamp, now):
            return False
        told = encoded(received.headers.get(SIGNATURE, ""))
        # Every secret is tried, so that the time taken does not tell which one fits.
        fits = [hmac.compare_digest(told, signature(received, stamp, secret)) for secret in secrets if secret]
        return any(fits)

    def hints(self, received: Received, remote_account_id: str) -> list[Hint]:
        """Return the contacts that the events concern; those of another portal than ours are left out.

        One app has one address for all portals that install it, so they may well come.
        """
        events = read_json(received.body)
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise ValueError("the body is not a list of events")
        ours = (event for event in events if str(event.get("portalId")) == remote_account_id)
        return [hint for event in ours for hint in _of_event(event)]


WEBHOOKS = HubSpotWebhooks()


def signature(received: Received, stamp: str, secret: str) -> bytes:
    """Return what HubSpot writes into the header, for a delivery and the text of its time."""
    address = _DECODED.sub(lambda found: chr(int(found[1], 16)), received.url)
    signed = encoded(received.method + address) + received.body + encoded(stamp)
    return base64.b64encode(hmac.new(encoded(secret), signed, hashlib.sha256).digest())


def _is_fresh(stamp: str, now: datetime) -> bool:
    at = instant_of_milliseconds(int(stamp)) if re.fullmatch(r"[0-9]{1,15}", stamp) else None
    return at is not None and abs(now - at) <= FRESH


def _of_event(event: Mapping[str, Any]) -> Iterator[Hint]:
    """Yield a hint for each contact of an event; none for an event that we do not use.

    The guide calls the type `eventType`, the deliveries `subscriptionType`.
    """
    name = event.get("subscriptionType") or event.get("eventType")
    kind, _, what = name.partition(".") if isinstance(name, str) else ("", "", "")
    is_contact = kind == "contact" or (kind == "object" and event.get("objectTypeId") == _CONTACT)
    if not is_contact or what not in _USED:
        return
    at = instant_of_milliseconds(event.get("occurredAt"))
    for record_id in _records(event):
        yield Hint(f"contact.{what}", record_id, at, _digest(event, record_id))


def _records(event: Mapping[str, Any]) -> list[str]:
    """Return the ids of the contacts; a merge names several. Raise ValueError where there is none."""
    merged = event.get("mergedObjectIds")
    told = [event.get(name) for name in ("objectId", "primaryObjectId", "newObjectId")]
    told += merged if isinstance(merged, list) else []
    found = [str(one) for one in told if isinstance(one, int | str) and not isinstance(one, bool)]
    if not found:
        raise ValueError("an event names no contact")
    return list(dict.fromkeys(found))


def _digest(event: Mapping[str, Any], record_id: str) -> str:
    """Name an event. A repeated one differs in `attemptNumber`, and `eventId` alone is not unique."""
    names = ("portalId", "subscriptionType", "eventType", "objectTypeId", "eventId", "occurredAt", "propertyName")
    key = [record_id, *(event.get(name) for name in names)]
    return hashlib.sha256(json.dumps(key, default=str).encode()).hexdigest()
