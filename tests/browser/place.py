"""A helpdesk that is served beside the sandbox, and set up with its apps: people sign in, workers are called."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from werkzeug.serving import make_server

from flask_crm_sync.config import Settings
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import find_connection
from flask_crm_sync.sync.push import drain
from tests.browser.chromium import read_whole
from tests.web.helpdesk import OURS, Client, Helpdesk, open_helpdesk

APPS: Mapping[str, Any] = {
    "hubspot_client_id": "sandbox-client-id",
    "hubspot_client_secret": "sandbox-client-secret",
    "salesforce_client_id": "sandbox-client-id",
    "salesforce_client_secret": "sandbox-client-secret",
    "dynamics_client_id": "11111111-2222-4333-8444-555555555555",
    "dynamics_client_secret": "sandbox-client-secret",
}


@dataclass
class Place:
    """The helpdesk, the sandbox beside it, and where the helpdesk is served."""

    desk: Helpdesk
    sandbox: Sandbox
    origin: str

    def client_comes(self, number: int, first: str, last: str) -> None:
        """Let somebody write to the helpdesk for the first time."""
        values = {"id": number, "account_id": int(OURS), "first_name": first, "last_name": last}
        values["email"] = f"{first}.{last}@example.com".lower()
        now = datetime.now(UTC).replace(tzinfo=None)
        with self.desk.sync.database.write() as database:
            database.execute(sa.insert(Client).values(updated_at=now, **values))

    def work(self, crm: str) -> None:
        """Do what a worker does when it is rung for."""
        drain(self.desk.sync, find_connection(self.desk.sync, OURS, crm).id)

    def records(self, crm: str) -> list[dict[str, Any]]:
        """Return the records of clients that lie in a CRM."""
        found: list[dict[str, Any]] = getattr(self.sandbox, crm).contacts()
        return found


@contextmanager
def beside_the_sandbox(directory: Path) -> Iterator[Place]:
    """Serve a helpdesk and a sandbox, both new, on loopback; their clocks are the machine's."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    origin = f"http://127.0.0.1:{server.port}"
    with Sandbox(directory / "sandbox", keep=False) as sandbox:
        here = {"sandbox_url": sandbox.url, "sandbox_ca": str(sandbox.ca_file), "public_url": origin}
        desk = open_helpdesk(directory, settings=_settings(here), real_crm=True)
        server.app = read_whole(desk.app)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield Place(desk, sandbox, origin)
        server.shutdown()
        thread.join()
        server.server_close()


def _settings(here: Mapping[str, Any]) -> Settings:
    return Settings(encryption_keys=(b"k" * 32,), **APPS, **here)
