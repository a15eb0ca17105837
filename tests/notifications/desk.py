"""A helpdesk with channels, news to tell, and a receiver that takes messages or does not."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from flask_crm_sync.models import Notice, Notification
from flask_crm_sync.models.notice import EVENTS, LEAD_QUALIFIED
from flask_crm_sync.notifications.bundles import Bundle
from flask_crm_sync.notifications.channels import Address, ChannelView, Wishes, add_channel
from flask_crm_sync.notifications.problems import CannotTell
from flask_crm_sync.sync.context import Sync
from flask_crm_sync.sync.news import note

PUBLIC = "93.184.215.14"
"""An address on the public internet, which nothing is ever sent to here."""
URL = f"https://{PUBLIC}/hooks/canary-7c1f"
SECRET = "whsec_canary-51aa"


def happens(sync: Sync, once: str, event: str = LEAD_QUALIFIED, account: str = "1", **more: Any) -> None:
    """Let something happen that people may want to be told."""
    with sync.database.write() as database:
        note(database, account, event, once, now=sync.clock.now(), **more)


def channel(sync: Sync, user: str = "", account: str = "1", url: str = URL, **wishes: Any) -> UUID:
    """Make a webhook channel."""
    wanted = Wishes(**{"label": "Sales", "events": EVENTS} | wishes)
    return add_channel(sync, account, user, "webhook", wanted, Address(url, SECRET), by="1")


def rows(sync: Sync, model: Any = Notification) -> list[Any]:
    table = model.__table__
    with sync.database.read() as database:
        return list(database.execute(sa.select(table).order_by(table.c.id)))


def notices(sync: Sync) -> list[Any]:
    return rows(sync, Notice)


@dataclass
class Receiver:
    """Takes what is sent, or refuses it; it stands in for the wire."""

    refuses: str = ""
    taken: list[tuple[UUID, tuple[int, ...]]] = field(default_factory=list)
    tried: list[UUID] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def __call__(self, sync: Sync, to: ChannelView, bundle: Bundle) -> None:
        self.tried.append(bundle.id)
        self.meanwhile()
        if self.refuses:
            raise CannotTell(self.refuses)
        self.taken.append((bundle.id, bundle.notice_ids))

    @property
    def sizes(self) -> list[int]:
        """Return how many notices were in each message taken."""
        return [len(notice_ids) for _, notice_ids in self.taken]


@dataclass
class Letter:
    """One request that a server received."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@contextmanager
def server(
    status: int = 200, tls: ssl.SSLContext | None = None, location: str = ""
) -> Iterator[tuple[int, list[Letter]]]:
    """Run a server on loopback that answers every POST with a status; yields its port and what it received."""
    received: list[Letter] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received.append(Letter(self.path, dict(self.headers.items()), body))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    if tls is not None:
        running.socket = tls.wrap_socket(running.socket, server_side=True)
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield running.server_port, received
    finally:
        running.shutdown()
        thread.join()
        running.server_close()
