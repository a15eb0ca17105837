"""A bare HTTP client for the AutoChat sandbox, and a receiver of its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from flask_crm_sync.sandbox import Sandbox

BASE = "/functions/v1/crm-api/v1"
KEY = "ac-sandbox-key"


class AutoChatClient:
    """Call one sandbox with one API key."""

    def __init__(self, sandbox: Sandbox, key: str | None = KEY) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False  # a developer's own CA bundle would win over ours
        self.session.verify = str(sandbox.ca_file)
        if key is not None:
            self.session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call a path below the base URL."""
        return self.session.request(method, self.sandbox.url + BASE + path, timeout=10, **options)

    def own(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the sandbox's own JSON."""
        return self.session.request(method, f"{self.sandbox.url}/_sandbox/api/autochat/{path}", timeout=10, **options)

    def create(self, **fields: str) -> str:
        """Create a client and return its id."""
        answer = self.call("POST", "/clients", json={"company_name": "Northwind Bikes", **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    def read(self, client_id: str) -> dict[str, Any]:
        """Return a client."""
        answer = self.call("GET", f"/clients/{client_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()["data"]
        return shown

    def switch(self, **switches: Any) -> None:
        """Set switches."""
        self.sandbox.autochat.dialect.change(switches)


@pytest.fixture
def client_for(sandbox: Sandbox) -> Iterator[Callable[..., AutoChatClient]]:
    """Make clients by key."""
    made: list[AutoChatClient] = []

    def make(key: str | None = KEY) -> AutoChatClient:
        made.append(AutoChatClient(sandbox, key))
        return made[-1]

    yield make
    for each in made:
        each.session.close()


@pytest.fixture
def client(client_for: Callable[..., AutoChatClient]) -> AutoChatClient:
    """A client with the first key."""
    return client_for()


class Receiver:
    """An endpoint that keeps what it is sent and answers as it is told: 204, or the next of ``answers``."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/7?x=1"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on loopback."""
    made = Receiver()
    yield made
    made.close()
