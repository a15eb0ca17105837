"""HTTPS on loopback for one WSGI application, with answers that can go wrong on the wire on purpose."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import unquote_to_bytes

HANDSHAKE_SECONDS = 10.0
IDLE_SECONDS = 75.0
LARGEST_BODY = 32 * 1024 * 1024
LONGEST_LINE = 65_536
DELIVERY = "sandbox.delivery"

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass
class Delivery:
    """How an answer is to leave: whole (the default), not at all, cut short, or drip by drip."""

    drop: bool = False
    cut_after: float | None = None
    """Fraction of the body that is sent before the connection closes, under an honest ``Content-Length``."""
    drip_ms: float | None = None
    """Milliseconds between single bytes of the body."""


class RequestTooLong(Exception):
    """The request announces or holds more than the sandbox takes; the text is the status line's."""


class HTTPSServer(ThreadingMixIn, TCPServer):
    """Serve each connection in a thread of its own, its TLS handshake included: a stalled one blocks nobody else."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, host: str, port: int, application: WSGIApplication, context: ssl.SSLContext, stopping: threading.Event
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.application = application
        self.stopping = stopping
        self._context = context
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__((host, port), Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands, answer requests until either side has had enough, close."""
        connection: socket.socket = request
        self._remember(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            connection.settimeout(HANDSHAKE_SECONDS)
            secured = self._context.wrap_socket(connection, server_side=True)
            self._forget(connection)
            connection = secured
            self._remember(connection)
            if not self.stopping.is_set():  # else the hanging up came while hands were being shaken
                Handler(connection, client_address, self)
        except OSError:
            pass  # the other side went away or does not trust us: its affair, and it has been told by TLS
        finally:
            self._forget(connection)
            self.shutdown_request(connection)

    def close_connections(self) -> None:
        """Hang up on everybody; the threads then end by themselves."""
        self.stopping.set()
        with self._guard:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # already gone

    def _remember(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.add(connection)

    def _forget(self, connection: socket.socket) -> None:
        with self._guard:
            self._open.discard(connection)


class Handler(BaseHTTPRequestHandler):
    """Carry one request after another between a connection and the application."""

    server: HTTPSServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def handle_one_request(self) -> None:
        """Answer one request; every early return closes the connection."""
        self.close_connection = True
        try:
            self.raw_requestline = self.rfile.readline(LONGEST_LINE + 1)
            if len(self.raw_requestline) > LONGEST_LINE:
                raise RequestTooLong("414 URI Too Long")
            if not self.raw_requestline or self.server.stopping.is_set() or not self.parse_request():
                return
            self._answer(self._read_body())
        except RequestTooLong as refused:
            self.close_connection = True
            self.wfile.write(f"HTTP/1.1 {refused}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except (OSError, ValueError):
            self.close_connection = True

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            raise RequestTooLong("413 Content Too Large")
        if length < 0:
            raise ValueError("a negative Content-Length")
        return self.rfile.read(length) if length else b""

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := int(self.rfile.readline(1024).split(b";")[0], 16):
            if len(body) + size > LARGEST_BODY:
                raise RequestTooLong("413 Content Too Large")
            body += self.rfile.read(size)
            self.rfile.readline(3)
        while self.rfile.readline(1024).strip():
            continue  # trailers say nothing to us
        return bytes(body)

    def _answer(self, body: bytes) -> None:
        delivery = Delivery()
        environ = self._environ(body, delivery)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            started[:] = [(status, headers)]

        answer = self.server.application(environ, start_response)
        try:
            content = b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()
        if delivery.drop:
            self.close_connection = True
            return
        self._send(self._head(*started[0], len(content)), b"" if self.command == "HEAD" else content, delivery)

    def _head(self, status: str, headers: list[tuple[str, str]], length: int) -> bytes:
        lines = [f"HTTP/1.1 {status}"]
        if not any(name.lower() == "date" for name, _value in headers):
            lines.append(f"Date: {self.date_time_string()}")
        lines += [f"{name}: {value}" for name, value in headers if name.lower() != "content-length"]
        if not status.startswith(("1", "204", "304")):
            lines.append(f"Content-Length: {length}")
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, head: bytes, body: bytes, delivery: Delivery) -> None:
        """Send an answer in one write, unless it is meant to suffer on its way."""
        if delivery.cut_after is not None:
            self.close_connection = True
            self.wfile.write(head + body[: int(len(body) * delivery.cut_after)])
        elif delivery.drip_ms is not None:
            self.wfile.write(head)
            for index in range(len(body)):
                if self.server.stopping.wait(delivery.drip_ms / 1000):
                    return
                self.wfile.write(body[index : index + 1])
        else:
            self.wfile.write(head + body)

    def _environ(self, body: bytes, delivery: Delivery) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "RAW_URI": self.path,
            "QUERY_STRING": query,
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            DELIVERY: delivery,
        }
        for name, value in self.headers.items():
            if name.lower() == "transfer-encoding":
                continue  # the body has been put together
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet: the sandbox keeps its own log of calls."""
