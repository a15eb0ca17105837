"""A TLS server on loopback that does as a test says, byte by byte, and a client that speaks to it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.crm.http import HTTPClient
from flask_crm_sync.sandbox.authority import Authority

Script = Callable[[ssl.SSLSocket], None]


@dataclass
class LoopbackServer:
    """Serves each request by the next script; `requests` holds what came in, `connections` how many were made."""

    scripts: list[Script]
    context: ssl.SSLContext
    ca_file: str
    handshakes: bool = True
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                raw, _address = self._listener.accept()
                self._open.append(raw)
                self.connections += 1
                threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        if not self.handshakes:
            return
        with suppress(OSError, ssl.SSLError):
            connection = self.context.wrap_socket(raw, server_side=True)
            self._open.append(connection)
            while request := self._read(connection):
                self.requests.append(request)
                self.scripts.pop(0)(connection)
        self.closed.set()

    def _read(self, connection: ssl.SSLSocket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return b""
            data += part
        head, _gap, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def stop(self) -> None:
        # A close alone would leave the thread in accept, and the port open.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.close()
        self._thread.join(5)


def answering(content: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> Script:
    """Answer whole and keep the connection."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    return lambda connection: connection.sendall(head.encode() + content)


@pytest.fixture
def loopback(tmp_path: Path) -> Iterator[Callable[..., LoopbackServer]]:
    authority = Authority(tmp_path / "authority")
    servers: list[LoopbackServer] = []

    def start(*scripts: Script, handshakes: bool = True) -> LoopbackServer:
        server = LoopbackServer(list(scripts), authority.server_context(), str(authority.ca_file), handshakes)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def client_for() -> Iterator[Callable[..., HTTPClient]]:
    clients: list[HTTPClient] = []

    def make(server: LoopbackServer, **options: Any) -> HTTPClient:
        known: dict[str, Any] = {
            "headers": {"Authorization": "Bearer pat-na1-very-secret-token"},
            "allowed_hosts": ("127.0.0.1",),
            "ca_file": server.ca_file,
            "timeout": 5.0,
            "clock": SystemClock(),
            "network": "loopback",
        }
        client = HTTPClient(options.pop("url", server.url), **{**known, **options})
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
