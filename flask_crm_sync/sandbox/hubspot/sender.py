"""Webhooks: which apps are told of a portal's contacts, signed, at least once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from ..courier import Courier, Letter, Struck
from ..faults import FaultBook
from .events import Event
from .listeners import Listener, Listeners
from .signatures import headers
from .store import Store

MOST_EVENTS = 100
WAITS_SECONDS = (0.5, 2.0)
"""How long a refused delivery rests before each further attempt; HubSpot itself goes on for a day."""
STALE_MS = 600_000


@dataclass(frozen=True)
class Delivery:
    """One attempt to tell somebody; ``status`` is None where no answer came."""

    at_ms: int
    portal_id: int
    events: tuple[str, ...]
    objects: tuple[int, ...]
    url: str
    attempt: int
    status: int | None


class Sender:
    """Owe the events of each call to those who listen."""

    def __init__(self, store: Store, clock: Clock, listeners: Listeners, faults: FaultBook) -> None:
        self._listeners, self._clock = listeners, clock
        self._courier: Courier[Delivery] = Courier("hubspot", clock, faults, _rest)
        self._last_event = 0
        self.deliveries, self.settle = self._courier.notes, self._courier.settle
        self.forget, self.close = self._courier.forget, self._courier.close
        store.tell = self.tell

    def tell(self, events: Sequence[Event]) -> None:
        """Owe events, which happened in one call in one portal, to everybody who wants them."""
        portal_id = events[0].portal_id
        for listener in (*self._listeners.listed(portal_id), *self._listeners.registered(portal_id)):
            rows = [*self._rows(listener, events)] if listener.active else []
            for start in range(0, len(rows), MOST_EVENTS):
                self._courier.owe(self._letter(listener, rows[start : start + MOST_EVENTS]))

    def _rows(self, listener: Listener, events: Sequence[Event]) -> Iterator[dict[str, Any]]:
        """Yield what a listener is told, in the members that HubSpot's guide names."""
        for event in events:
            subscription = next((each for each in listener.events if each.wants(event)), None)
            if subscription is not None:
                self._last_event += 1
                generic = {"objectTypeId": "0-1"} if subscription.type.startswith("object.") else {}
                yield {
                    "eventId": 1_000_000 + self._last_event,
                    "subscriptionId": subscription.id,
                    "portalId": listener.portal_id,
                    "appId": listener.app_id,
                    "occurredAt": event.at_ms,
                    "subscriptionType": subscription.type,
                    "attemptNumber": 0,
                    "objectId": event.object_id,
                    **generic,
                    **event.more,
                    "changeSource": event.source.type,
                    "sourceId": event.source.id,
                }

    def _letter(self, listener: Listener, rows: Sequence[Mapping[str, Any]]) -> Letter[Delivery]:
        told = tuple(row["subscriptionType"] for row in rows)
        objects = tuple(row["objectId"] for row in rows)

        def write(attempt: int, struck: Struck) -> tuple[bytes, Mapping[str, str]]:
            body = json.dumps([{**row, "attemptNumber": attempt} for row in rows], separators=(",", ":")).encode()
            stamp = self._clock.now_ms() - (STALE_MS if struck("webhook_stale") else 0)
            secret = "forged" if struck("webhook_forged") else listener.secret
            signed = headers(secret, "POST", listener.url, body, str(stamp))
            return body, {"Content-Type": "application/json", **signed}

        def note(at_ms: int, attempt: int, status: int | None) -> Delivery:
            return Delivery(at_ms, listener.portal_id, told, objects, listener.url, attempt, status)

        return Letter(str(listener.portal_id), listener.url, listener.ca_file, write, note)


def _rest(attempt: int, status: int | None) -> float | None:
    return WAITS_SECONDS[attempt] if attempt < len(WAITS_SECONDS) else None
