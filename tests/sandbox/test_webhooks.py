"""Webhooks of the HubSpot sandbox: signed, of everything that happens to contacts, at least once, on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from flask_crm_sync.sandbox.hubspot.signatures import version_3

from .autochat.conftest import Receiver
from .client import Client, row

OWN = "/_sandbox/api/hubspot"
SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An endpoint on loopback."""
    made = Receiver()
    yield made
    made.close()


def listen(client: Client, receiver: Receiver, **more: Any) -> str:
    """Register the receiver and return the signing secret."""
    made = client.call("POST", f"{OWN}/webhooks", json={"url": receiver.url, **more})
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


def heard(client: Client, receiver: Receiver) -> list[dict[str, Any]]:
    """Return the events that arrived, in the order in which they did."""
    client.sandbox.hubspot.sender.settle()
    return [event for _headers, body in receiver.got for event in json.loads(body)]


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["subscriptionType"] for event in events]


@pytest.mark.parametrize(
    ("stamp", "signature"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_the_published_vectors_are_signed_as_they_say(stamp: str, signature: str) -> None:
    body = b"{'example_field':'example_value'}"
    assert version_3(SECRET, "POST", "https://www.example.com/webhook_uri", body, stamp) == signature


def test_what_stands_escaped_in_an_address_is_signed_decoded() -> None:
    plain, escaped = "https://example.com/a?b=c:d@e f", "https://example.com/a?b=c%3Ad%40e f"
    assert version_3("s", "POST", escaped, b"", "1") == version_3("s", "POST", plain, b"", "1")
    assert version_3("s", "POST", "https://example.com/%20", b"", "1") != version_3(
        "s", "POST", "https://example.com/ ", b"", "1"
    )


def test_an_event_bears_the_members_that_the_guide_names(client: Client, receiver: Receiver) -> None:
    secret = listen(client, receiver, events=["contact.creation", "contact.propertyChange"])
    made = client.contact(email="ada@example.com")
    client.sandbox.hubspot.edit_contact(made, {"city": "Graz"})
    creation, address, city = heard(client, receiver)
    common = {"portalId": 1234567, "occurredAt": 1790000000000, "attemptNumber": 0, "objectId": int(made)}
    assert common.items() <= creation.items()
    assert (creation["subscriptionType"], creation["changeFlag"]) == ("contact.creation", "CREATED")
    assert (address["propertyName"], address["propertyValue"], address["changeSource"]) == (
        "email",
        "ada@example.com",
        "INTEGRATION",
    )
    assert (city["propertyName"], city["propertyValue"], city["changeSource"]) == ("city", "Graz", "CRM_UI")
    for headers, body in receiver.got:
        stamp = headers["X-HubSpot-Request-Timestamp"]
        assert headers["X-HubSpot-Signature-v3"] == version_3(secret, "POST", receiver.url, body, stamp)
    assert "secret" not in client.call("GET", f"{OWN}/webhooks").json()["webhooks"][0]


def test_everything_that_happens_to_a_contact_is_told(client: Client, receiver: Receiver) -> None:
    client.sandbox.hubspot.dialect.change({"creation_tells_properties": False})
    listen(client, receiver)
    ids = [client.contact(firstname=name) for name in ("Ada", "Ben", "Cat")]
    client.objects("DELETE", f"contacts/{ids[0]}")
    client.sandbox.hubspot.restore_contact(ids[0])
    survivor = client.sandbox.hubspot.merge_contacts(ids[0], ids[1])
    client.objects("POST", "contacts/gdpr-delete", json={"objectId": ids[2]})
    events = heard(client, receiver)
    assert types(events)[3:] == [
        "contact.deletion",
        "contact.restore",
        "contact.merge",
        "contact.deletion",
        "contact.privacyDeletion",
    ]
    merge = events[5]
    assert merge["newObjectId"] == merge["objectId"] == int(survivor)
    assert merge["mergedObjectIds"] == [int(ids[0]), int(ids[1])]
    assert {event["objectId"] for event in events[6:]} == {int(ids[2])}


def test_a_batch_is_told_in_one_call_and_a_refused_one_not_at_all(client: Client, receiver: Receiver) -> None:
    listen(client, receiver, events=["contact.creation"])
    client.batch("contacts", "create", [row(email=f"a{number}@example.com") for number in range(60)])
    client.batch("contacts", "create", [row(email="new@example.com"), row(email="a1@example.com")])
    assert len(heard(client, receiver)) == 60
    assert len(receiver.got) == 1


def test_a_change_that_changes_nothing_is_not_told(client: Client, receiver: Receiver) -> None:
    made = client.contact(city="Graz", firstname="Ada")
    listen(client, receiver)
    client.objects("PATCH", f"contacts/{made}", json={"properties": {"city": "Graz", "firstname": ""}})
    assert [(event["propertyName"], event["propertyValue"]) for event in heard(client, receiver)] == [("firstname", "")]


def test_an_app_that_registered_over_the_api_is_told_what_it_subscribed_to(client: Client, receiver: Receiver) -> None:
    app = client.sandbox.hubspot.grants.app("sandbox-client-id")
    assert app is not None
    hooks = f"/webhooks/v3/{app.app_id}"
    client.sandbox.hubspot.access.add_token("t", 1234567, use="access", client_id=app.client_id)
    secure = receiver.url.replace("http:", "https:")
    client.call("PUT", f"{hooks}/settings", json={"targetUrl": secure, "throttling": {"maxConcurrentRequests": 10}})
    wanted = {"eventType": "contact.propertyChange", "propertyName": "city", "active": True}
    client.call("POST", f"{hooks}/subscriptions", json=wanted)
    client.call("POST", f"{hooks}/subscriptions", json={"eventType": "contact.creation"})
    with client.sandbox.hubspot.store.writing() as db:  # HubSpot itself takes HTTPS addresses only
        body = json.dumps({"targetUrl": receiver.url})
        db.execute("UPDATE webhook_target SET body = ?", (body,))
    client.contact(firstname="Ada", city="Graz")
    client.call("DELETE", f"{hooks}/settings")
    [event] = heard(client, receiver)
    assert (event["appId"], event["propertyName"], event["subscriptionType"]) == (
        app.app_id,
        "city",
        "contact.propertyChange",
    )
    headers, raw = receiver.got[0]
    stamp = headers["X-HubSpot-Request-Timestamp"]
    assert headers["X-HubSpot-Signature-v3"] == version_3(app.client_secret, "POST", receiver.url, raw, stamp)


def test_generic_subscriptions_name_the_object_type(client: Client, receiver: Receiver) -> None:
    listen(client, receiver, events=["object.creation"])
    client.contact(firstname="Ada")
    [event] = heard(client, receiver)
    assert (event["subscriptionType"], event["objectTypeId"]) == ("object.creation", "0-1")


def test_a_refused_delivery_is_tried_again_and_counts_its_attempts(client: Client, receiver: Receiver) -> None:
    listen(client, receiver, events=["contact.creation"])
    receiver.answers = [500]
    client.contact(firstname="Ada")
    first, second = heard(client, receiver)
    assert (first["attemptNumber"], second["attemptNumber"]) == (0, 1)
    assert {**first, "attemptNumber": 1} == second
    deliveries = client.call("GET", f"{OWN}/webhooks").json()["deliveries"]
    assert [(each["attempt"], each["status"]) for each in deliveries] == [(1, 204), (0, 500)]


@pytest.mark.parametrize(
    ("fault", "arriving"),
    [("webhook_twice", [0, 0, 1, 2]), ("webhook_late", [1, 0, 2]), ("webhook_lost", [1, 2])],
)
def test_a_fault_repeats_reorders_or_loses_one_delivery(
    client: Client, receiver: Receiver, fault: str, arriving: list[int]
) -> None:
    listen(client, receiver, events=["contact.creation"])
    client.sandbox.faults.add("hubspot", fault, times=1)
    ids = [client.contact(firstname="Ada") for _time in range(3)]
    assert [ids.index(str(event["objectId"])) for event in heard(client, receiver)] == arriving


def test_a_late_delivery_that_nothing_overtakes_comes_all_the_same(
    client: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_crm_sync.sandbox.courier.HELD_SECONDS", 0.05)
    listen(client, receiver, events=["contact.creation"])
    client.sandbox.faults.add("hubspot", "webhook_late")
    client.contact(firstname="Ada")
    assert len(heard(client, receiver)) == 1


def test_a_forged_or_stale_delivery_shows_in_its_headers(client: Client, receiver: Receiver) -> None:
    secret = listen(client, receiver, events=["contact.creation"])
    client.sandbox.faults.add("hubspot", "webhook_forged", times=1)
    client.sandbox.faults.add("hubspot", "webhook_stale", after=1, times=1)
    for _time in range(2):
        client.contact(firstname="Ada")
    heard(client, receiver)
    (forged, body), (stale, _body) = receiver.got
    stamp = forged["X-HubSpot-Request-Timestamp"]
    assert forged["X-HubSpot-Signature-v3"] != version_3(secret, "POST", receiver.url, body, stamp)
    assert int(stale["X-HubSpot-Request-Timestamp"]) == int(stamp) - 600_000


def test_an_inactive_listener_is_not_told_and_a_portal_knows_its_own(client: Client, receiver: Receiver) -> None:
    listen(client, receiver)
    [listener] = client.sandbox.hubspot.listeners.listed(1234567)
    client.sandbox.hubspot.add_portal(77)
    client.sandbox.hubspot.add_contact({"firstname": "Eve"}, 77)
    client.call("PATCH", f"{OWN}/webhooks/{listener.id}", json={"active": False})
    client.contact(firstname="Ada")
    client.call("PATCH", f"{OWN}/webhooks/{listener.id}", json={"active": True})
    client.call("DELETE", f"{OWN}/webhooks/{listener.id}")
    client.contact(firstname="Ben")
    assert heard(client, receiver) == []


@pytest.mark.parametrize(
    "body",
    [
        {"url": "https://example.com/hook"},
        {"url": "ftp://127.0.0.1/x"},
        {"url": "http://127.0.0.1:99999/x"},
        {"url": "http://127.0.0.1:5000/x", "events": ["contact.birthday"]},
    ],
)
def test_nothing_is_sent_off_this_machine_nor_told_what_nobody_knows(client: Client, body: dict[str, Any]) -> None:
    answer = client.call("POST", f"{OWN}/webhooks", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_page_shows_listeners_and_deliveries(client: Client, receiver: Receiver) -> None:
    page = "/_sandbox/hubspot/webhooks"
    made = client.call("POST", page, data={"url": receiver.url})
    assert "shown this once" in made.text
    client.contact(firstname="Ada")
    heard(client, receiver)
    shown = client.call("GET", page).text
    assert receiver.url in shown
    assert "contact.creation" in shown
    [listener] = client.sandbox.hubspot.listeners.listed(1234567)
    client.call("POST", f"{page}/{listener.id}/remove")
    assert client.sandbox.hubspot.listeners.listed(1234567) == []
    assert client.call("POST", page, data={"url": "https://example.com/"}).status_code == 400


def test_faults_of_webhooks_are_for_crms_that_send_them(client: Client) -> None:
    with pytest.raises(ValueError, match="no such fault"):
        client.sandbox.faults.add("salesforce", "webhook_twice")
