"""A helpdesk with connections to every CRM that sends webhooks, and signatures made by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import make_server

from flask_crm_sync.models import Connection, Delivery
from flask_crm_sync.sync.context import Sync
from flask_crm_sync.sync.webhooks import open_webhook, set_secret
from tests.web.helpdesk import OURS, START, Helpdesk, SetClock

ORIGIN = "https://helpdesk.example.com"
SECRET = "canary-of-a-signing-secret-0451"
ORGANIZATION = "5f3a2d10-7c1e-4b0a-9f52-0d6a1c2b3e4f"
REMOTE = {"autochat": "abc.supabase.co/functions/v1/crm-api/v1", "hubspot": "33", "dynamics": ORGANIZATION}


def add_connection(sync: Sync, crm: str, account_id: str = OURS, **values: Any) -> UUID:
    """Put a connection into our tables."""
    row = {"id": uuid4(), "account_id": account_id, "crm": crm, "remote_account_id": REMOTE.get(crm, "1")}
    with sync.database.write() as database:
        database.execute(sa.insert(Connection).values(**row, created_at=START, updated_at=START, **values))
    return UUID(str(row["id"]))


def kept(sync: Sync) -> list[Any]:
    """Return the hints that are kept, the first first."""
    with sync.database.read() as database:
        return list(database.execute(sa.select(Delivery.__table__).order_by(Delivery.id)).all())


@dataclass
class HookedDesk:
    """The helpdesk, and what a CRM would do with it."""

    desk: Helpdesk

    @property
    def app(self) -> Flask:
        return self.desk.app

    @property
    def sync(self) -> Sync:
        return self.desk.sync

    @property
    def clock(self) -> SetClock:
        return self.desk.clock

    def hook(self, crm: str, account_id: str = OURS, secret: str = SECRET) -> str:
        """Connect an account, set a secret, and return the path of the webhook."""
        add_connection(self.sync, crm, account_id)
        set_secret(self.sync, account_id, crm, secret)
        return self.path(crm, account_id)

    def path(self, crm: str, account_id: str = OURS) -> str:
        return f"/crm/hooks/{open_webhook(self.sync, account_id, crm).token}"

    def post(self, path: str, body: bytes, headers: dict[str, str], **more: Any) -> int:
        """Deliver a body as a CRM does, and return the status."""
        return self.app.test_client().post(path, data=body, headers=headers, **more).status_code


def autochat_body(event: str = "client.updated", *, at: datetime = START, **data: Any) -> bytes:
    stamp = at.isoformat().replace("+00:00", "Z")
    return json.dumps({"event": event, "timestamp": stamp, "data": {"id": "c-1", **data}}).encode()


def autochat_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Webhook-Signature": f"sha256={signature}", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Served:
    origin: str


@contextmanager
def serve(app: Flask) -> Iterator[Served]:
    """Serve an app on loopback, in a thread."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
