"""Webhooks: which apps are told of a portal's contacts, signed, in a thread of its own, at least once."""

from __future__ import annotations

import json
import queue
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..clock import Clock
from ..faults import OF_A_WEBHOOK, Fault, FaultBook
from .events import Event
from .listeners import Listener, Listeners
from .signatures import headers
from .store import Store

MOST_EVENTS = 100
TIMEOUT_SECONDS = 5.0
WAITS_SECONDS = (0.5, 2.0)
"""How long a refused delivery rests before each further attempt; HubSpot itself goes on for a day."""
HELD_SECONDS = 1.0
"""How long a delivery that is to come late waits for another one to overtake it."""
STALE_MS = 600_000
KEPT = 200


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


@dataclass(frozen=True)
class _Owed:
    listener: Listener
    rows: tuple[dict[str, Any], ...]
    faults: tuple[Fault, ...] = ()

    def struck(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self.faults)


class Sender:
    """Deliver events one batch after the other."""

    def __init__(self, store: Store, clock: Clock, listeners: Listeners, faults: FaultBook) -> None:
        self._listeners, self._clock, self._faults = listeners, clock, faults
        self._waiting: queue.Queue[_Owed | None] = queue.Queue()
        self._held: list[_Owed] = []
        self._kept: deque[Delivery] = deque(maxlen=KEPT)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._last_event = 0
        store.tell = self.tell

    def deliveries(self) -> list[Delivery]:
        """Return the last attempts, newest first."""
        with self._lock:
            return list(reversed(self._kept))

    def tell(self, events: Sequence[Event]) -> None:
        """Owe events, which happened in one call in one portal, to everybody who wants them."""
        portal_id = events[0].portal_id
        for listener in (*self._listeners.listed(portal_id), *self._listeners.registered(portal_id)):
            rows = [*self._rows(listener, events)] if listener.active else []
            for start in range(0, len(rows), MOST_EVENTS):
                self._owe(_Owed(listener, tuple(rows[start : start + MOST_EVENTS])))

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

    def _owe(self, owed: _Owed) -> None:
        path, portal = urlsplit(owed.listener.url).path, str(owed.listener.portal_id)
        faults = self._faults.take("hubspot", "POST", path, portal, moments=OF_A_WEBHOOK)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="hubspot-webhooks", daemon=True)
                self._thread.start()
        self._waiting.put(replace(owed, faults=tuple(faults)))

    def _work(self) -> None:
        while (owed := self._next()) is not None:
            if owed.struck("webhook_late") and not self._held:
                self._held.append(replace(owed, faults=()))
                continue
            self._finish(owed)
            while self._held:
                self._finish(self._held.pop())

    def _next(self) -> _Owed | None:
        """Return what is to be delivered next; what was held back, when nothing overtakes it."""
        try:
            return self._waiting.get(timeout=HELD_SECONDS if self._held else None)
        except queue.Empty:
            return self._held.pop()

    def _finish(self, owed: _Owed) -> None:
        try:
            if not self._stopping.is_set() and not owed.struck("webhook_lost"):
                self._deliver(owed)
        finally:
            self._waiting.task_done()

    def _deliver(self, owed: _Owed) -> None:
        """Try until the receiver takes it or the attempts are used up; a fault may make it come twice."""
        for _ in range(2 if owed.struck("webhook_twice") else 1):
            for attempt, rest in enumerate((*WAITS_SECONDS, 0.0)):
                status = self._post(owed, attempt)
                self._note(owed, attempt, status)
                if (status is not None and 200 <= status < 300) or self._stopping.wait(rest):
                    break

    def _note(self, owed: _Owed, attempt: int, status: int | None) -> None:
        told = tuple(row["subscriptionType"] for row in owed.rows)
        objects = tuple(row["objectId"] for row in owed.rows)
        listener = owed.listener
        with self._lock:
            made = Delivery(self._clock.now_ms(), listener.portal_id, told, objects, listener.url, attempt, status)
            self._kept.append(made)

    def _post(self, owed: _Owed, attempt: int) -> int | None:
        """Send one attempt and return its status, or None where no answer came."""
        listener = owed.listener
        body = json.dumps([{**row, "attemptNumber": attempt} for row in owed.rows], separators=(",", ":")).encode()
        stamp = self._clock.now_ms() - (STALE_MS if owed.struck("webhook_stale") else 0)
        secret = "forged" if owed.struck("webhook_forged") else listener.secret
        sent = {"Content-Type": "application/json", **headers(secret, "POST", listener.url, body, str(stamp))}
        parts = urlsplit(listener.url)
        try:
            with closing(_connection(parts, listener.ca_file)) as connection:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("POST", target, body, sent)
                return connection.getresponse().status
        except (OSError, HTTPException):
            return None


def _connection(parts: SplitResult, ca_file: str | None) -> HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=ca_file)
    return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
