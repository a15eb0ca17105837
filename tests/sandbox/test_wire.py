"""HTTP over TLS: kept connections, stalled handshakes, bodies in chunks, starting and stopping."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from flask_crm_sync.sandbox import Sandbox

from .client import TOKEN, Client

DETAILS = "/account-info/2026-09/details"


@contextmanager
def raw(sandbox: Sandbox) -> Iterator[ssl.SSLSocket]:
    """Open a TLS connection without a client on top."""
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    port = int(sandbox.url.rsplit(":", 1)[1])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        yield secured


def test_one_connection_carries_many_calls(client: Client) -> None:
    with raw(client.sandbox) as connection:
        for _ in range(3):
            connection.sendall(
                f"GET {DETAILS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
            )
            head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert json.loads(body)["portalId"] == 1234567


def test_a_stalled_handshake_blocks_nobody(client: Client) -> None:
    port = int(client.sandbox.url.rsplit(":", 1)[1])
    stalled = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    try:
        assert client.call("GET", DETAILS).status_code == 200
    finally:
        for each in stalled:
            each.close()


def test_a_body_in_chunks_is_read(client: Client) -> None:
    body = json.dumps({"properties": {"email": "chunked@example.com"}}).encode()
    answer = client.objects(
        "POST", "contacts", data=iter([body[:10], body[10:]]), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"POST /crm/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999\r\n\r\n", b"HTTP/1.1 413"),
        (b"POST /crm/x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"HTTP/1.1 413"),
        (b"GET /crm/" + b"x" * 70_000, b"HTTP/1.1 414"),
        (b"POST /crm/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n", b""),
        (b"POST /crm/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: many\r\n\r\n", b""),
    ],
)
def test_what_is_too_long_or_no_http_is_refused_unread(sandbox: Sandbox, sent: bytes, answered: bytes) -> None:
    with raw(sandbox) as connection:
        connection.sendall(sent)
        assert connection.recv(4096)[: len(answered) or 1] == answered


def test_head_has_no_body_and_no_content_has_no_length(client: Client) -> None:
    contact = client.contact(firstname="Ada")
    assert client.call("HEAD", DETAILS).content == b""
    gone = client.objects("DELETE", f"contacts/{contact}")
    assert gone.status_code == 204
    assert "Content-Length" not in gone.headers


def test_plain_http_and_an_unknown_authority_get_nothing(sandbox: Sandbox) -> None:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.ConnectionError):
            session.get(sandbox.url.replace("https", "http"), timeout=5)
        with pytest.raises(requests.exceptions.SSLError):
            session.get(sandbox.url, timeout=5)


def test_only_loopback_addresses_are_served(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Sandbox(tmp_path, host="0.0.0.0")


def test_stopping_hangs_up_and_may_be_repeated(certificates: Path) -> None:
    sandbox = Sandbox(certificates, keep=False).start()
    with raw(sandbox) as connection:
        sandbox.stop()
        sandbox.stop()
        assert connection.recv(1) == b""
    with pytest.raises(RuntimeError):
        _ = sandbox.url


def test_serving_in_the_foreground_announces_itself_and_ends_on_sigterm(tmp_path: Path) -> None:
    program = "import pathlib, sys; from flask_crm_sync.sandbox import serve; serve(pathlib.Path(sys.argv[1]))"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{announced['url']}/_sandbox/", verify=announced["ca_file"], timeout=10)
        assert answer.status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
