"""Webhooks: signed, told of every change, at least once; and only on this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.sandbox.autochat.webhooks import signature

from .conftest import AutoChatClient, Receiver


def listen(client: AutoChatClient, receiver: Receiver, **more: Any) -> str:
    """Register the receiver and return the signing secret."""
    made = client.own("POST", "webhooks", json={"url": receiver.url, **more})
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


def heard(client: AutoChatClient, receiver: Receiver) -> list[dict[str, Any]]:
    client.sandbox.autochat.sender.settle()
    return [json.loads(body) for _, body in receiver.got]


def test_the_contracts_test_vector_is_signed_as_it_says() -> None:
    body = (
        b'{"event":"client.updated","timestamp":"2025-03-01T09:30:00Z","data":'
        b'{"id":"6f1d2c3b-0a4e-4d5f-8a6b-7c8d9e0f1a2b","company_name":"Northwind Bikes",'
        b'"email":"ana@northwind.example"}}'
    )
    expected = "sha256=6409b45c55febc8dd202c9e0cdfa849b1728da51ee6e44b937b073b5e58b141c"
    assert signature("example-signing-secret", body, "hex") == expected


def test_changes_of_people_and_programs_are_told_and_signed_over_the_raw_body(
    client: AutoChatClient, receiver: Receiver
) -> None:
    secret = listen(client, receiver)
    made = client.create(first_name="Ada")
    client.call("PATCH", f"/clients/{made}", json={"phone": "5"})
    client.sandbox.autochat.edit_contact(made, {"city": "Graz"})
    events = heard(client, receiver)
    assert [each["event"] for each in events] == ["client.created", "client.updated", "client.updated"]
    assert events[-1] == {"event": "client.updated", "timestamp": "2026-09-21T14:13:20Z", "data": client.read(made)}
    for headers, body in receiver.got:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Webhook-Signature"] == f"sha256={digest}"
    assert client.own("GET", "webhooks").json()["webhooks"][0].get("secret") is None


def test_data_may_be_nested_and_echoes_kept_back(client: AutoChatClient, receiver: Receiver) -> None:
    listen(client, receiver)
    client.switch(webhook_shape="nested", webhooks_echo=False)
    client.create()
    made = client.sandbox.autochat.add_contact({"company_name": "Bikes"})
    [event] = heard(client, receiver)
    assert event["data"]["client"]["id"] == made


def test_a_fault_delivers_twice_byte_for_byte(client: AutoChatClient, receiver: Receiver) -> None:
    listen(client, receiver)
    client.sandbox.faults.add("autochat", "webhook_twice", times=1)
    client.create()
    client.create()
    heard(client, receiver)
    bodies = [body for _, body in receiver.got]
    assert (len(bodies), bodies[0] == bodies[1]) == (3, True)


def test_a_forged_signature_does_not_fit(client: AutoChatClient, receiver: Receiver) -> None:
    secret = listen(client, receiver)
    client.sandbox.faults.add("autochat", "webhook_forged", times=1)
    client.create()
    heard(client, receiver)
    [(headers, body)] = receiver.got
    assert headers["X-Webhook-Signature"] != signature(secret, body, "hex")


def test_a_refused_delivery_is_tried_again_unchanged(client: AutoChatClient, receiver: Receiver) -> None:
    listen(client, receiver)
    receiver.answers = [500]
    client.create()
    first, second = heard(client, receiver)
    assert first == second
    deliveries = client.own("GET", "webhooks").json()["deliveries"]
    assert [(each["attempt"], each["status"]) for each in deliveries] == [(2, 204), (1, 500)]


def test_an_inactive_webhook_and_an_unwanted_event_are_not_sent(client: AutoChatClient, receiver: Receiver) -> None:
    listen(client, receiver, events=["client.updated"])
    made = client.create()
    [webhook] = client.sandbox.autochat.sender.listed("sandbox")
    client.own("PATCH", f"webhooks/{webhook.id}", json={"active": False})
    client.call("PATCH", f"/clients/{made}", json={"phone": "5"})
    assert heard(client, receiver) == []


def test_a_receiver_that_nobody_can_reach_stops_nobody_else(
    client: AutoChatClient, receiver: Receiver, tmp_path: Path
) -> None:
    missing = str(tmp_path / "no-such-ca.pem")
    client.own("POST", "webhooks", json={"url": "https://127.0.0.1:9/hook", "ca_file": missing})
    listen(client, receiver)
    client.create()
    assert len(heard(client, receiver)) == 1
    failed = [each for each in client.own("GET", "webhooks").json()["deliveries"] if each["url"] != receiver.url]
    assert [(each["attempt"], each["status"]) for each in failed] == [(3, None), (2, None), (1, None)]


@pytest.mark.parametrize(
    "url", ["https://example.com/hook", "ftp://127.0.0.1/x", "nonsense", "http://127.0.0.1:99999/x"]
)
def test_nothing_is_sent_off_this_machine(client: AutoChatClient, url: str) -> None:
    assert client.own("POST", "webhooks", json={"url": url}).status_code == 400
    page = client.session.post(client.sandbox.url + "/_sandbox/autochat/webhooks", data={"url": url}, timeout=10)
    assert page.status_code == 400
