"""Stoplight's Prism between an adapter and the sandbox: it checks each exchange against an OpenAPI file."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "node/node_modules/.bin/prism"
START_SECONDS = 60.0
NOT_FORWARDED = ("host", "connection", "transfer-encoding", "content-length")


@dataclass(frozen=True)
class Exchange:
    """One call, its answer, and what Prism found wrong with either."""

    method: str
    path: str
    status: int
    violations: tuple[str, ...]

    @property
    def is_declared(self) -> bool:
        """Say whether the file knows the call at all."""
        return not any("route not found" in each for each in self.violations)


@contextmanager
def prism(specification: Path, upstream: str, ca_file: Path) -> Iterator[str]:
    """Run ``prism proxy`` before a server and yield Prism's own origin (plain HTTP). Skips where there is no Prism."""
    if not PROGRAM.exists() or shutil.which("node") is None:
        pytest.skip("prism is missing; `npm install` in tests/official_clients/node brings it")
    process = subprocess.Popen(
        [PROGRAM, "proxy", "-h", "127.0.0.1", "-p", "0", specification, upstream],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(ca_file), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield _origin(process)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _origin(process: subprocess.Popen[bytes]) -> str:
    """Read what Prism says until it names its address."""
    said, end = b"", time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if select.select([process.stdout], [], [], 0.2)[0]:
            said += os.read(process.stdout.fileno(), 65536)
        found = re.search(rb"listening on (http://127\.0\.0\.1:\d+)", said)
        if found:
            _drain(process.stdout)
            return found[1].decode()
    raise AssertionError(f"Prism did not start:\n{said.decode(errors='replace')}")


def _drain(stream: Any) -> None:
    """Read on in a thread, so that Prism never waits for us to read its log."""

    def read() -> None:
        with suppress(OSError, ValueError):  # closed when Prism has ended
            while stream.read(65536):
                continue

    threading.Thread(target=read, daemon=True).start()


class Front:
    """TLS before Prism, for a client that speaks nothing else; it keeps what Prism found."""

    def __init__(self, origin: str, context: ssl.SSLContext) -> None:
        self.exchanges: list[Exchange] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(origin, self.exchanges))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(origin: str, exchanges: list[Exchange]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: text for name, text in self.headers.items() if name.lower() not in NOT_FORWARDED}
            behind = HTTPConnection(origin.removeprefix("http://"), timeout=30)
            try:
                behind.request(self.command, self.path, body, headers)
                answer = behind.getresponse()
                content = answer.read()
            finally:
                behind.close()
            found = json.loads(answer.getheader("sl-violations") or "[]")
            exchanges.append(Exchange(self.command, self.path, answer.status, tuple(map(_said, found))))
            self._hand_on(answer.status, answer.getheaders(), content)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that the server calls

        def _hand_on(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, text in headers:
                if name.lower() not in (*NOT_FORWARDED, "sl-violations"):
                    self.send_header(name, text)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    return Handler


def _said(violation: dict[str, Any]) -> str:
    return f"{'.'.join(map(str, violation['location']))}: {violation['message']}"
