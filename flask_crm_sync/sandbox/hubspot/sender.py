"""Webhooks: which apps are told of a portal's contacts, signed, in a thread of its own, at least once."""

from __future__ import annotations

import json
import queue
import secrets
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..clock import Clock
from ..faults import OF_A_WEBHOOK, Fault, FaultBook
from ..guard import is_loopback
from .access import Access
from .events import TYPES, Event
from .signatures import headers
from .store import Store

EVENTS = tuple(f"contact.{each}" for each in TYPES)
OWN_APP = 4_242_424
"""The app that listeners entered here, without OAuth, belong to."""
MOST_EVENTS = 100
TIMEOUT_SECONDS = 5.0
WAITS_SECONDS = (0.5, 2.0)
"""How long a refused delivery rests before each further attempt; HubSpot itself goes on for a day."""
HELD_SECONDS = 1.0
"""How long a delivery that is to come late waits for another one to overtake it."""
STALE_MS = 600_000
KEPT = 200


@dataclass(frozen=True)
class Listener:
    """Where an app wants the events of a portal. ``ca_file`` is the authority of a receiver that speaks HTTPS."""

    id: int
    portal_id: int
    app_id: int
    url: str
    secret: str
    events: tuple[Subscription, ...]
    active: bool = True
    ca_file: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return what people may see of it again: never the secret."""
        shown = {name: value for name, value in asdict(self).items() if name != "secret"}
        return {**shown, "events": [each.type for each in self.events]}


@dataclass(frozen=True)
class Subscription:
    """One kind of event that an app wants; ``object.*`` is the generic spelling of ``contact.*``."""

    id: int
    type: str
    property: str | None = None

    def wants(self, event: Event) -> bool:
        """Say whether an event is one of these."""
        fits = self.type in (f"contact.{event.type}", f"object.{event.type}")
        return fits and self.property in (None, event.property_name)


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
    """Keep listeners beside those that apps registered over the API, and deliver events one batch after the other."""

    def __init__(self, store: Store, clock: Clock, access: Access, faults: FaultBook) -> None:
        self._store, self._clock, self._access, self._faults = store, clock, access, faults
        self._waiting: queue.Queue[_Owed | None] = queue.Queue()
        self._held: list[_Owed] = []
        self._kept: deque[Delivery] = deque(maxlen=KEPT)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._last_event = 0
        store.tell = self.tell

    def add(
        self,
        portal_id: int,
        url: str,
        *,
        secret: str = "",
        events: Sequence[str] = EVENTS,
        ca_file: str | None = None,
    ) -> Listener:
        """Keep a listener, with a new secret unless one is named. Raises ValueError for an address off this machine."""
        if not _is_near(url):
            raise ValueError("webhooks go to loopback addresses only")
        unknown = set(events) - {*EVENTS, *(f"object.{each}" for each in TYPES)}
        if unknown:
            raise ValueError(f"no such event: {', '.join(sorted(unknown))}")
        secret = secret or secrets.token_hex(18)
        row = (portal_id, url, secret, json.dumps(list(events)), ca_file)
        with self._store.writing() as db:
            made = db.execute("INSERT INTO listener (portal_id, url, secret, events, ca_file) VALUES (?,?,?,?,?)", row)
        return next(each for each in self.listed(portal_id) if each.id == made.lastrowid)

    def listed(self, portal_id: int) -> list[Listener]:
        """Return the listeners of a portal that were entered here."""
        with self._store.reading() as db:
            rows = db.execute("SELECT * FROM listener WHERE portal_id = ? ORDER BY id", (portal_id,)).fetchall()
        return [
            Listener(
                row["id"],
                portal_id,
                OWN_APP,
                row["url"],
                row["secret"],
                tuple(Subscription(row["id"] * 100 + n, each) for n, each in enumerate(json.loads(row["events"]))),
                bool(row["active"]),
                row["ca_file"],
            )
            for row in rows
        ]

    def set_active(self, listener_id: int, active: bool) -> None:
        """Switch a listener on or off."""
        with self._store.writing() as db:
            db.execute("UPDATE listener SET active = ? WHERE id = ?", (active, listener_id))

    def remove(self, listener_id: int) -> None:
        """Forget a listener."""
        with self._store.writing() as db:
            db.execute("DELETE FROM listener WHERE id = ?", (listener_id,))

    def deliveries(self) -> list[Delivery]:
        """Return the last attempts, newest first."""
        with self._lock:
            return list(reversed(self._kept))

    def tell(self, events: Sequence[Event]) -> None:
        """Owe events, which happened in one call in one portal, to everybody who wants them."""
        portal_id = events[0].portal_id
        for listener in (*self.listed(portal_id), *self._registered(portal_id)):
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

    def _registered(self, portal_id: int) -> Iterator[Listener]:
        """Yield the apps that a portal installed and that registered an address on this machine over the API."""
        installed = {token.client_id for token in self._access.tokens(portal_id) if not token.revoked}
        with self._store.reading() as db:
            apps = db.execute("SELECT * FROM app JOIN webhook_target USING (app_id)").fetchall()
            wanted = db.execute("SELECT * FROM subscription ORDER BY id").fetchall()
        for app in apps:
            url = json.loads(app["body"])["targetUrl"]
            if app["client_id"] in installed and _is_near(url):
                mine = [(row["id"], json.loads(row["body"])) for row in wanted if row["app_id"] == app["app_id"]]
                events = tuple(
                    Subscription(number, body["eventType"], body.get("propertyName"))
                    for number, body in mine
                    if body["active"] and body.get("objectTypeId", "0-1") == "0-1"
                )
                yield Listener(0, portal_id, app["app_id"], url, app["client_secret"], events)

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


def _is_near(url: str) -> bool:
    """Say whether an address is one on this machine that can be called at all."""
    parts = urlsplit(url)
    try:
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False


def _connection(parts: SplitResult, ca_file: str | None) -> HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=ca_file)
    return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
