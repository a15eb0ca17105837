"""The HTTP client against real TLS sockets on loopback."""

from __future__ import annotations

import io
import json
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.crm import http
from flask_crm_sync.crm.http import Allowance, HTTPClient, _whole_body, clean, host_allowed
from flask_crm_sync.crm.transport import Network, is_allowed, trust
from flask_crm_sync.errors import (
    CredentialsRefused,
    CRMError,
    InvalidRecord,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    ServerFault,
    Unreachable,
)

from .conftest import LoopbackServer, answering

Start = Callable[..., LoopbackServer]
Make = Callable[..., HTTPClient]

_SECRET = "pat-na1-very-secret-token"
_SHORT = 1.0


def _dripping(before: bytes, byte: bytes) -> Callable[[ssl.SSLSocket], None]:
    """Send one byte now and then, for ever, until the other side hangs up."""

    def drip(connection: ssl.SSLSocket) -> None:
        connection.sendall(before)
        pause = threading.Event()
        while True:
            connection.sendall(byte)
            pause.wait(0.02)

    return drip


def _hang_up(connection: ssl.SSLSocket) -> None:
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _cut_short(connection: ssl.SSLSocket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"results":[')
    _hang_up(connection)


def _silent(connection: ssl.SSLSocket) -> None:
    threading.Event().wait(5)


def test_call_sends_compact_json_and_returns_the_decoded_answer(loopback: Start, client_for: Make) -> None:
    server = loopback(answering(b'{"id": "1"}', status="201 Created", headers="X-Told: yes\r\n"))
    answer = client_for(server).call("POST", "/things", params={"a": "b c"}, json={"name": "Zoë"}, writes=True)
    assert (answer.status, answer.body, answer.headers["x-told"]) == (201, {"id": "1"}, "yes")
    head, _gap, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /things?a=b+c HTTP/1.1")
    assert body == '{"name":"Zoë"}'.encode()
    assert b"Authorization: Bearer pat-na1-very-secret-token" in head


def test_empty_answer_has_no_body(loopback: Start, client_for: Make) -> None:
    answer = client_for(loopback(answering(b"", status="204 No Content"))).call("DELETE", "/x", writes=True)
    assert (answer.status, answer.body, answer.text) == (204, None, "")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(_dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), id="headers drip"),
        pytest.param(_dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "), id="body drips"),
        pytest.param(_dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="interim answers without end"),
        pytest.param(_silent, id="silence"),
    ],
)
def test_deadline_holds_however_slowly_the_answer_comes(loopback: Start, client_for: Make, script: Any) -> None:
    server = loopback(script, script)
    client = client_for(server, timeout=_SHORT)
    with pytest.raises(OutcomeUnknown):
        client.call("POST", "/x", json={}, writes=True)
    with pytest.raises(Unreachable):
        client.call("GET", "/x", writes=False)
    assert server.connections == 2, "a connection with half an answer on it must not be used again"


@pytest.mark.parametrize("script", [_hang_up, _cut_short], ids=["no answer", "half an answer"])
def test_lost_answer_leaves_a_write_unknown_and_a_read_unreachable(
    loopback: Start, client_for: Make, script: Any
) -> None:
    client = client_for(loopback(script, script))
    with pytest.raises(OutcomeUnknown):
        client.call("POST", "/x", json={}, writes=True)
    with pytest.raises(Unreachable):
        client.call("GET", "/x", writes=False)


def test_body_shorter_than_announced_is_no_answer_whatever_the_library_checks() -> None:
    answer = requests.Response()
    answer.raw, answer.headers["Content-Length"] = io.BytesIO(b'{"id"'), "500"
    with pytest.raises(OSError, match="cut short"):
        _whole_body(answer)


def test_malformed_json_is_no_answer(loopback: Start, client_for: Make) -> None:
    client = client_for(loopback(answering(b'{"results": ['), answering(b"<html>" + b"[" * 100_000)))
    with pytest.raises(OutcomeUnknown) as unknown:
        client.call("POST", "/x", json={}, writes=True)
    assert unknown.value.crm_message == '{"results": ['
    with pytest.raises(ServerFault):
        client.call("GET", "/x", writes=False)


def test_deeply_nested_json_is_no_answer(loopback: Start, client_for: Make) -> None:
    with pytest.raises(ServerFault):
        client_for(loopback(answering(b"[" * 200_000))).call("GET", "/x", writes=False)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (rb'{"a": "Graz \ud83d"}', {"a": "Graz \ufffd"}),
        (rb'[{"\uDE00": ["x\udfff"], "b": 1}]', [{"\ufffd": ["x\ufffd"], "b": 1}]),
        (b'{"a": "\xed\xa0\xbd"}', {"a": "\ufffd"}),
        (rb'{"a": "\ud83d\ude00", "b": "\\ud83d"}', {"a": "\U0001f600", "b": "\\ud83d"}),
        ('{"a": "한국 \U0001f600"}'.encode(), {"a": "한국 \U0001f600"}),
    ],
)
def test_half_a_character_is_read_as_a_sign_that_can_be_shown_and_stored(
    loopback: Start, client_for: Make, sent: bytes, read: object
) -> None:
    assert client_for(loopback(answering(sent))).call("GET", "/x", writes=False).body == read


def test_html_of_a_proxy_is_kept_as_text(loopback: Start, client_for: Make) -> None:
    server = loopback(answering(b"<h1>Bad gateway</h1>", status="502 Bad Gateway"))
    answer = client_for(server).call("GET", "/x", writes=False)
    assert (answer.status, answer.body, answer.text) == (502, None, "<h1>Bad gateway</h1>")


def test_nothing_sent_is_unreachable_even_for_a_write(loopback: Start, client_for: Make) -> None:
    closed = loopback()
    closed.stop()
    stalled = loopback(handshakes=False)
    for client in (client_for(closed), client_for(stalled, timeout=_SHORT)):
        with pytest.raises(Unreachable):
            client.call("POST", "/x", json={}, writes=True)


def test_name_that_is_not_resolved_in_time_is_unreachable(
    loopback: Start, client_for: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    client = client_for(loopback(), url="https://crm.example.com", allowed_hosts=("crm.example.com",), timeout=_SHORT)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: release.wait(5) and [])
    with pytest.raises(Unreachable):
        client.call("POST", "/x", json={}, writes=True)
    release.set()


def test_redirect_is_not_followed(loopback: Start, client_for: Make) -> None:
    server = loopback(answering(b"", status="302 Found", headers="Location: https://127.0.0.1/elsewhere\r\n"))
    assert client_for(server).call("GET", "/x", writes=False).status == 302
    assert len(server.requests) == 1


def test_unknown_authority_is_refused_whatever_the_environment_says(
    loopback: Start, client_for: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = loopback(answering())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", server.ca_file)
    with pytest.raises(Unreachable, match="certificate"):
        client_for(server, ca_file=None).call("POST", "/x", json={}, writes=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    assert client_for(server).call("GET", "/x", writes=False).status == 200
    assert len(trust(server.ca_file).get_ca_certs()) == 1, "who trusts one authority trusts no other beside it"


def test_credentials_of_a_netrc_file_do_not_replace_ours(
    loopback: Start, client_for: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = loopback(answering())
    client_for(server).call("GET", "/x", writes=False)
    assert b"Authorization: Bearer pat-na1-very-secret-token" in server.requests[0]


def test_certificate_of_another_name_is_refused(
    loopback: Start, client_for: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = loopback(answering())
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, port, **options: look_up("127.0.0.1", port, **options))
    url = f"https://crm.example.com:{server.port}"
    with pytest.raises(Unreachable, match="certificate"):
        client_for(server, url=url, allowed_hosts=("crm.example.com",)).call("GET", "/x", writes=False)
    assert server.requests == []


def test_private_address_is_refused_before_a_connection(loopback: Start, client_for: Make) -> None:
    server = loopback(answering())
    with pytest.raises(Unreachable, match="public internet"):
        client_for(server, network="public").call("GET", "/x", writes=False)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("address", "network", "allowed"),
    [
        ("104.16.1.1", "public", True),
        ("2606:4700::1", "public", True),
        ("127.0.0.1", "public", False),
        ("10.1.2.3", "public", False),
        ("169.254.169.254", "public", False),
        ("100.64.0.1", "public", False),
        ("224.0.0.1", "public", False),
        ("::1", "public", False),
        ("fe80::1%eth0", "public", False),
        ("::ffff:10.0.0.1", "public", False),
        ("::ffff:127.0.0.1", "loopback", True),
        ("127.0.0.1", "loopback", True),
        ("104.16.1.1", "loopback", False),
        ("10.1.2.3", "private", True),
        ("127.0.0.1", "private", True),
        ("fd00::1", "private", True),
        ("169.254.169.254", "private", False),
        ("fe80::1%eth0", "private", False),
        ("::ffff:169.254.169.254", "private", False),
        ("224.0.0.1", "private", False),
        ("0.0.0.0", "private", False),
        ("::1", "private", True),
        # An IPv4 address in the clothes of IPv6: of a translator, a tunnel, or the form of old.
        ("64:ff9b::169.254.169.254", "public", False),
        ("64:ff9b::10.0.0.1", "public", False),
        ("64:ff9b::127.0.0.1", "loopback", False),
        ("64:ff9b::93.184.215.14", "public", True),
        ("2002:a9fe:a9fe::1", "public", False),
        ("2002:a9fe:a9fe::1", "private", False),
        ("2002:5db8:d70e::1", "public", True),
        ("::127.0.0.1", "public", False),
        ("64:ff9b:1::10.0.0.1", "public", False),
        ("fec0::1", "public", False),
    ],
)
def test_addresses_are_called_where_calls_may_lead_only(address: str, network: Network, allowed: bool) -> None:
    assert is_allowed(address, network) is allowed


@pytest.mark.parametrize(
    ("host", "pattern", "allowed"),
    [
        ("api.hubapi.com", "api.hubapi.com", True),
        ("API.HubAPI.com.", "api.hubapi.com", True),
        ("x.api.hubapi.com", "api.hubapi.com", False),
        ("api.hubapi.com.example.org", "api.hubapi.com", False),
        ("a.example.com", "*.example.com", True),
        ("a.b.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        (".example.com", "*.example.com", False),
        ("evilexample.com", "*.example.com", False),
        ("", "*.example.com", False),
        # What the library below reads as the end of a host's name would lead elsewhere.
        ("evil.example.org\\.example.com", "*.example.com", False),
        ("evil.example.org%2f.example.com", "*.example.com", False),
        ("evil.example.org\u3002example.com", "*.example.com", False),
        ("a b.example.com", "*.example.com", False),
    ],
)
def test_hosts_are_allowed_by_whole_labels(host: str, pattern: str, allowed: bool) -> None:
    assert host_allowed(host, (pattern,)) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "http://api.hubapi.com",
        "https://evil.example.com",
        "https://api.hubapi.com@evil.example.com",
        "https://evil.example.com\\@api.hubapi.com",
        "https://",
        "nonsense",
    ],
)
def test_origin_off_the_list_is_refused(url: str) -> None:
    with pytest.raises(ReconnectRequired):
        HTTPClient(url, headers={}, allowed_hosts=("api.hubapi.com",), timeout=1, clock=SystemClock())


def test_connection_that_the_server_closed_while_idle_does_not_lose_a_write(loopback: Start, client_for: Make) -> None:
    def answer_and_close(connection: ssl.SSLSocket) -> None:
        answering()(connection)
        _hang_up(connection)

    server = loopback(answer_and_close, answering())
    client = client_for(server)
    client.call("GET", "/x", writes=False)
    assert server.closed.wait(5)
    assert client.call("POST", "/x", json={}, writes=True).status == 200
    assert server.connections == 2


def test_connection_is_kept_between_calls_and_dropped_when_long_idle(
    loopback: Start, client_for: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = loopback(answering(), answering(), answering())
    client = client_for(server)
    client.call("GET", "/x", writes=False)
    client.call("GET", "/x", writes=False)
    assert server.connections == 1
    monkeypatch.setattr(http, "_IDLE_SECONDS", -1.0)
    client.call("GET", "/x", writes=False)
    assert server.connections == 2


def test_oversized_answer_is_not_read_to_its_end(
    loopback: Start, client_for: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_LARGEST_BODY", 1000)
    with pytest.raises(Unreachable, match="larger"):
        client_for(loopback(answering(b'"' + b"x" * 200_000 + b'"'))).call("GET", "/x", writes=False)


class _Meter:
    def __init__(self, refusal: CRMError | None = None) -> None:
        self.spent: list[str] = []
        self.refusal = refusal

    def spend(self, kind: str) -> None:
        self.spent.append(kind)
        if self.refusal is not None:
            raise self.refusal

    def learn(self, allowance: Allowance) -> None:
        raise AssertionError("the client itself knows no headers")


def test_meter_is_asked_before_each_call_and_may_refuse_it(loopback: Start, client_for: Make) -> None:
    server = loopback(answering())
    meter = _Meter()
    client_for(server, meter=meter).call("POST", "/x", json={}, writes=False, kind="search")
    assert meter.spent == ["search"]
    with pytest.raises(RateLimited) as refused:
        client_for(server, meter=_Meter(RateLimited(retry_after=4.0))).call("GET", "/x", writes=False)
    assert refused.value.retry_after == 4.0
    assert len(server.requests) == 1


def test_lone_surrogate_is_an_invalid_record_and_nothing_is_sent(loopback: Start, client_for: Make) -> None:
    server = loopback(answering())
    with pytest.raises(InvalidRecord):
        client_for(server).call("POST", "/x", json={"name": "a\ud800b"}, writes=True)
    assert server.connections == 0


def test_no_cookie_is_kept(loopback: Start, client_for: Make) -> None:
    server = loopback(answering(headers="Set-Cookie: session=1; Path=/\r\n"), answering())
    client = client_for(server)
    client.call("GET", "/x", writes=False)
    client.call("GET", "/x", writes=False)
    assert b"Cookie" not in server.requests[1]


def _texts(error: BaseException | None) -> str:
    """Everything that a log or an error tracker could show of an exception and those behind it."""
    if error is None:
        return ""
    return repr(error) + repr(vars(error)) + str(error) + _texts(error.__cause__) + _texts(error.__context__)


def test_credentials_never_show(loopback: Start, client_for: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    echo = answering(b"no such token: " + _SECRET.encode() + b" \x00 end")
    client = client_for(loopback(_hang_up, echo, answering(b'{"token": "' + _SECRET.encode() + b'"}')))
    shown = repr(client)
    for method, writes in (("POST", True), ("GET", False)):
        with pytest.raises(CRMError) as failed:
            client.call(method, "/x", json={}, writes=writes)
        assert failed.value.__context__ is None, "exceptions of the libraries below carry the request's headers"
        shown += _texts(failed.value)
    shown += repr(client.call("GET", "/x", writes=False))
    assert _SECRET not in shown + caplog.text
    assert shown.startswith("<HTTPClient 127.0.0.1>")


def test_cleaned_text_is_short_readable_and_without_credentials() -> None:
    text = "bad key abcd-1234-efgh, Bearer zyxw9876, pat-eu1-1234-5678\r\n\x1b[31m" + "x" * 5000
    cleaned = clean(text, ("abcd-1234-efgh",))
    assert cleaned.startswith("bad key [removed], [removed], [removed] [31mxxx")
    assert len(cleaned) == 1000
    assert cleaned.endswith("…")


def test_half_a_character_of_the_crms_words_can_be_stored() -> None:
    assert clean("the name \ud83d is too long").encode() == "the name \N{REPLACEMENT CHARACTER} is too long".encode()


@pytest.mark.parametrize("token", ["two\nlines", "snöw", "tab\there"])
def test_key_with_impossible_characters_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(CredentialsRefused) as refused:
        HTTPClient(
            "https://api.hubapi.com",
            headers={"Authorization": f"Bearer {token}"},
            allowed_hosts=("api.hubapi.com",),
            timeout=1,
            clock=SystemClock(),
        )
    assert token not in _texts(refused.value)


def test_body_that_is_no_object_is_returned_as_it_is(loopback: Start, client_for: Make) -> None:
    client = client_for(loopback(answering(json.dumps([1, "a"]).encode()), answering(b"null")))
    assert client.call("GET", "/x", writes=False).body == [1, "a"]
    assert client.call("GET", "/x", writes=False).body is None
