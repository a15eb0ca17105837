"""Signed webhooks on a real wire, and where none is ever sent."""

from __future__ import annotations

import hashlib
import hmac
import socket
from typing import Any
from uuid import UUID

import pytest

from flask_crm_sync.models.notice import MANY_FAILURES
from flask_crm_sync.notifications import targets, webhook
from flask_crm_sync.notifications.channels import channels
from flask_crm_sync.notifications.messages import send_test
from flask_crm_sync.notifications.problems import CannotTell, explained
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.notifications.spread import spread
from flask_crm_sync.notifications.webhook import ID, SIGNATURE, TIMESTAMP, signature
from flask_crm_sync.sandbox.authority import Authority
from tests.notifications.desk import SECRET, channel, happens, server
from tests.web.helpdesk import Helpdesk


def code_of(call: Any, *given: Any) -> str:
    with pytest.raises(CannotTell) as caught:
        call(*given)
    return caught.value.code


def resolves(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Let every name lead to addresses, each look-up to the next of them."""
    left = list(answers)

    def look_up(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (left.pop(0) if len(left) > 1 else left[0], port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_the_signature_is_the_documented_one() -> None:
    body = '{"text":"Größe"}'.encode()
    made = signature("whsec_test", 1795428000, body)
    assert made == "v1=" + hmac.new(b"whsec_test", b"1795428000." + body, hashlib.sha256).hexdigest()
    assert made == "v1=0b58cd2333e8302674248366626a40c57f2e6070f8ad5454a3d9e46016df5f85"


def test_a_receiver_gets_the_news_signed_and_once(inside: Helpdesk, authority: Authority) -> None:
    inside.add_client(7, name="Ada Quist")
    with server(tls=authority.server_context()) as (port, received):
        channel(inside.sync, url=f"https://127.0.0.1:{port}/hooks/x?team=sales")
        happens(inside.sync, "a", client_id="7", conversation_id="70", data={"criterion": "Buys"})
        spread(inside.sync)
        assert send_due(inside.sync).taken == 1
        assert send_due(inside.sync).taken == 0
    (letter,) = received
    assert letter.path == "/hooks/x?team=sales"
    assert letter.headers["Content-Type"] == "application/json"
    signed = signature(SECRET, int(letter.headers[TIMESTAMP]), letter.body)
    assert letter.headers[SIGNATURE] == signed
    assert int(letter.headers[TIMESTAMP]) == int(inside.clock.now().timestamp())
    (news,) = letter.content["news"]
    assert letter.content["id"] == letter.headers[ID] == UUID(letter.headers[ID]).hex
    assert letter.content["subject"] == "Qualified lead: Ada Quist"
    assert (letter.content["account_id"], letter.content["test"]) == ("1", False)
    assert (news["event"], news["client_id"], news["conversation_id"]) == ("lead_qualified", "7", "70")
    assert (news["data"], news["happened_at"]) == ({"criterion": "Buys"}, "2026-11-22T14:00:00+00:00")


def test_a_second_attempt_has_the_same_id_and_a_time_of_its_own(inside: Helpdesk, authority: Authority) -> None:
    happens(inside.sync, "a", MANY_FAILURES, crm="hubspot")
    with server(503, authority.server_context()) as (port, received):
        channel(inside.sync, url=f"https://localhost:{port}/")
        spread(inside.sync)
        for _ in range(2):
            assert send_due(inside.sync).failed == 1
            inside.clock.sleep(120)
    assert len({letter.headers[ID] for letter in received}) == 1
    assert len({letter.headers[TIMESTAMP] for letter in received}) == 2
    assert len({letter.headers[SIGNATURE] for letter in received}) == 2
    assert channels(inside.sync, "1")[0].failing_code == "refused/503"


def test_a_test_says_that_it_is_one(inside: Helpdesk, authority: Authority) -> None:
    with server(tls=authority.server_context()) as (port, received):
        channel(inside.sync, url=f"https://127.0.0.1:{port}/", language="de")
        send_test(inside.sync, channels(inside.sync, "1")[0])
    assert received[0].content["test"] is True
    assert received[0].content["news"] == []


def test_no_redirect_is_followed(inside: Helpdesk, authority: Authority) -> None:
    with (
        server(tls=authority.server_context()) as (there, elsewhere),
        server(307, authority.server_context(), f"https://127.0.0.1:{there}/") as (port, received),
    ):
        channel(inside.sync, url=f"https://127.0.0.1:{port}/")
        assert code_of(send_test, inside.sync, channels(inside.sync, "1")[0]) == "refused/307"
    assert (len(received), elsewhere) == (1, [])


def test_a_certificate_of_somebody_else_is_not_accepted(inside: Helpdesk, tmp_path: Any) -> None:
    stranger = Authority(tmp_path / "stranger")
    with server(tls=stranger.server_context()) as (port, received):
        channel(inside.sync, url=f"https://127.0.0.1:{port}/")
        assert code_of(send_test, inside.sync, channels(inside.sync, "1")[0]) == "unreachable"
    assert received == []


def test_nothing_of_an_address_gets_into_a_log(
    inside: Helpdesk, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with server(500, authority.server_context()) as (port, _):
        channel(inside.sync, url=f"https://127.0.0.1:{port}/hooks/canary-7c1f")
        assert code_of(send_test, inside.sync, channels(inside.sync, "1")[0]) == "refused/500"
    assert "canary" not in caplog.text


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_refused(
    desk: Helpdesk, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves(monkeypatch, address)
    assert code_of(targets.check_webhook, "https://looks.example.com/x", desk.sync.settings) == "private_address"
    given = ("https://looks.example.com/x", SECRET, UUID(int=1), {}, desk.sync.settings, desk.clock)
    assert code_of(webhook.post, *given) == "private_address"


def test_a_name_that_leads_elsewhere_when_it_is_used_is_refused(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is public when it is looked up first, and private in the moment in which the connection is made."""
    resolves(monkeypatch, "93.184.215.14", "127.0.0.1")
    given = ("https://looks.example.com/x", SECRET, UUID(int=1), {}, desk.sync.settings, desk.clock)
    assert code_of(webhook.post, *given) == "unreachable"


def test_loopback_is_told_only_where_the_sandbox_is(desk: Helpdesk, inside: Helpdesk) -> None:
    assert code_of(targets.check_webhook, "https://localhost:8443/", desk.sync.settings) == "private_address"
    assert targets.check_webhook("https://localhost:8443/", inside.sync.settings) == "localhost"
    assert code_of(targets.check_webhook, "https://10.0.0.1/", inside.sync.settings) == "private_address"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://93.184.215.14/", "not_https"),
        ("ftp://93.184.215.14/", "not_https"),
        ("https://", "no_address"),
        ("", "no_address"),
        ("https://user:pw@93.184.215.14/", "no_address"),
        ("https://93.184.215.14\\@127.0.0.1/", "no_address"),
        ("https://93.184.215.14//evil", "no_address"),
        ("https://93.184.215.14/\r\nHost: x", "no_address"),
        ("https://93.184.215.14/#x", "no_address"),
        ("https://[::1/", "no_address"),
        ("https://93.184.215.14:99999/", "no_address"),
        ("https://bücher.example/", "no_address"),
        ("https://93.184.215.14/" + "x" * 2000, "no_address"),
    ],
)
def test_what_is_no_address_is_refused(desk: Helpdesk, url: str, code: str) -> None:
    assert code_of(targets.check_webhook, url, desk.sync.settings) == code
    assert explained(code).says


def test_an_unknown_name_is_said_to_be_one(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert code_of(targets.check_webhook, "https://nowhere.example.com/", desk.sync.settings) == "unknown_host"
