"""AutoChat CRM's webhooks from end to end: the sandbox signs and delivers, the helpdesk keeps hints."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from flask_crm_sync.config import Settings
from flask_crm_sync.sandbox.autochat.webhooks import signature
from flask_crm_sync.sandbox.server import Sandbox
from tests.web.helpdesk import START, open_helpdesk
from tests.webhooks.desk import ORIGIN, SECRET, HookedDesk, Served, autochat_body, autochat_headers, kept

WORKSPACE = "sandbox"


def listen(sandbox: Sandbox, served: Served, path: str, secret: str = SECRET) -> None:
    sandbox.autochat.sender.add(WORKSPACE, served.origin + path, secret=secret)


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_what_happens_in_the_crm_is_kept_as_hints(
    desk: HookedDesk, served: Served, sandbox: Sandbox, shape: str
) -> None:
    listen(sandbox, served, desk.hook("autochat"))
    sandbox.autochat.dialect.change({"webhook_shape": shape})
    made = sandbox.autochat.add_contact({"company_name": "Northwind Bikes", "email": "ana@example.com"})
    sandbox.autochat.edit_contact(made, {"city": "Graz"})
    sandbox.autochat.sender.settle()
    rows = kept(desk.sync)
    assert [(row.event, row.remote_id) for row in rows] == [("client.created", made), ("client.updated", made)]
    assert all(row.happened_at is not None and row.received_at == START for row in rows)
    assert {each.status for each in sandbox.autochat.sender.deliveries()} == {204}


def test_nothing_of_the_person_is_kept(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body(email="canary.person@example.com", company_name="Canary Bikes")
    assert desk.post(path, body, autochat_headers(body)) == 204
    assert "anary" not in str(kept(desk.sync))


def test_delivery_that_comes_twice_is_taken_once(desk: HookedDesk, served: Served, sandbox: Sandbox) -> None:
    listen(sandbox, served, desk.hook("autochat"))
    sandbox.faults.add("autochat", "webhook_twice", times=1)
    sandbox.autochat.add_contact({"company_name": "Northwind Bikes"})
    sandbox.autochat.sender.settle()
    assert [each.status for each in sandbox.autochat.sender.deliveries()] == [204, 204]
    assert len(kept(desk.sync)) == 1


def test_forged_delivery_is_refused_and_the_genuine_next_one_taken(
    desk: HookedDesk, served: Served, sandbox: Sandbox
) -> None:
    listen(sandbox, served, desk.hook("autochat"))
    sandbox.faults.add("autochat", "webhook_forged", times=1)
    sandbox.autochat.add_contact({"company_name": "Northwind Bikes"})
    sandbox.autochat.sender.settle()
    assert {each.status for each in sandbox.autochat.sender.deliveries()} == {401}
    assert kept(desk.sync) == []


@pytest.mark.parametrize("event", ["invoice.paid", "quote.sent", "client.deleted", "something.new"])
def test_event_that_we_do_not_use_is_acknowledged_and_not_kept(desk: HookedDesk, event: str) -> None:
    path, body = desk.hook("autochat"), autochat_body(event)
    assert desk.post(path, body, autochat_headers(body)) == 204
    assert kept(desk.sync) == []


def test_signed_nonsense_is_malformed(desk: HookedDesk) -> None:
    path = desk.hook("autochat")
    for body in (b"", b"not json", b"[]", b'{"event": "client.updated"}', b"\x1f\x8b\x08\x00gzip", b"[" * 200_000):
        assert desk.post(path, body, autochat_headers(body)) == 400
    assert kept(desk.sync) == []


@pytest.mark.parametrize("record_id", ["a b", "x" * 192, "\x00", "\ud800", "é"])
def test_id_that_no_record_has_is_malformed(desk: HookedDesk, record_id: str) -> None:
    path, body = desk.hook("autochat"), autochat_body(id=record_id)
    assert desk.post(path, body, autochat_headers(body)) == 400


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-13-01T00:00:00Z", 5])
def test_odd_time_does_no_harm(desk: HookedDesk, stamp: object) -> None:
    path = desk.hook("autochat")
    body = json.dumps({"event": "client.updated", "timestamp": stamp, "data": {"id": "c-1"}}).encode()
    assert desk.post(path, body, autochat_headers(body)) == 204
    assert [row.happened_at for row in kept(desk.sync)] == [None]


def test_old_delivery_is_taken_unless_an_age_is_set(desk: HookedDesk) -> None:
    path, body = desk.hook("autochat"), autochat_body(at=START - timedelta(days=30))
    assert desk.post(path, body, autochat_headers(body)) == 204


@pytest.mark.parametrize(
    ("ago", "status"),
    [
        (timedelta(minutes=1440), 204),
        (timedelta(minutes=1440, seconds=1), 401),
        (timedelta(minutes=-1440), 204),
        (timedelta(minutes=-1440, seconds=-1), 401),
    ],
)
def test_with_an_age_set_what_is_older_or_from_the_future_is_refused(
    tmp_path: Path, ago: timedelta, status: int
) -> None:
    settings = Settings(encryption_keys=(b"k" * 32,), public_url=ORIGIN, autochat_webhook_age_minutes=1440)
    desk = HookedDesk(open_helpdesk(tmp_path, settings=settings))
    path, body = desk.hook("autochat"), autochat_body(at=START - ago)
    assert desk.post(path, body, autochat_headers(body)) == status


def test_signature_in_base64_is_taken_where_it_is_configured(tmp_path: Path, sandbox: Sandbox) -> None:
    settings = Settings(encryption_keys=(b"k" * 32,), public_url=ORIGIN, autochat_webhook_encoding="base64")
    desk = HookedDesk(open_helpdesk(tmp_path, settings=settings))
    path, body = desk.hook("autochat"), autochat_body()
    assert desk.post(path, body, {"X-Webhook-Signature": signature(SECRET, body, "base64")}) == 204
    assert desk.post(path, body, autochat_headers(body)) == 401
