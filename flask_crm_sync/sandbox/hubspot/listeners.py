"""Who listens: apps that were entered here, and those that a portal installed and that subscribed over the API."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..courier import is_near
from .access import Access
from .events import TYPES, Event
from .store import Store

EVENTS = tuple(f"contact.{each}" for each in TYPES)
OWN_APP = 4_242_424
"""The app that listeners entered here, without OAuth, belong to."""


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


class Listeners:
    """The listeners of all portals."""

    def __init__(self, store: Store, access: Access) -> None:
        self._store, self._access = store, access

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
        if not is_near(url):
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

    def registered(self, portal_id: int) -> Iterator[Listener]:
        """Yield the apps that a portal installed and that registered an address on this machine over the API."""
        installed = {token.client_id for token in self._access.tokens(portal_id) if not token.revoked}
        with self._store.reading() as db:
            apps = db.execute("SELECT * FROM app JOIN webhook_target USING (app_id)").fetchall()
            wanted = db.execute("SELECT * FROM subscription ORDER BY id").fetchall()
        for app in apps:
            url = json.loads(app["body"])["targetUrl"]
            if app["client_id"] in installed and is_near(url):
                mine = [(row["id"], json.loads(row["body"])) for row in wanted if row["app_id"] == app["app_id"]]
                events = tuple(
                    Subscription(number, body["eventType"], body.get("propertyName"))
                    for number, body in mine
                    if body["active"] and body.get("objectTypeId", "0-1") == "0-1"
                )
                yield Listener(0, portal_id, app["app_id"], url, app["client_secret"], events)
