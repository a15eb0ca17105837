"""HubSpot's webhooks: the published vectors, HubSpot's own client as the other opinion, and what events say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hubspot.utils.signature import Signature
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.config import Settings
from flask_crm_sync.crm.hubspot.webhooks import SIGNATURE, TIMESTAMP, WEBHOOKS, signature
from flask_crm_sync.crm.webhooks import Received
from tests.web.helpdesk import START
from tests.webhooks.desk import ORIGIN, SECRET, HookedDesk, kept

PUBLISHED = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
VECTORS = [
    ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
    ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
]
SETTINGS = Settings(encryption_keys=(b"k" * 32,))


def vector(stamp: str, told: str) -> Received:
    headers = {SIGNATURE: told, TIMESTAMP: stamp}
    return Received("POST", "https://www.example.com/webhook_uri", headers, b"{'example_field':'example_value'}")


def at(stamp: str, **later: float) -> datetime:
    return datetime.fromtimestamp(int(stamp) / 1000, UTC) + timedelta(**later)


def is_genuine(received: Received, now: datetime, *secrets: str) -> bool:
    return WEBHOOKS.is_genuine(received, secrets or (PUBLISHED,), SETTINGS, now)


def event(**values: Any) -> dict[str, Any]:
    """An event as the guide shows it, of our portal."""
    return {
        "eventId": 3816279340,
        "subscriptionId": 25,
        "portalId": 33,
        "appId": 1160452,
        "occurredAt": 1462216307945,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": 1246965,
        "propertyName": "lifecyclestage",
        "propertyValue": "canary-value",
        "changeSource": "CRM_UI",
        "sourceId": "userId:1",
    } | values


def hubspot_headers(desk: HookedDesk, path: str, body: bytes, **later: float) -> dict[str, str]:
    """Sign as HubSpot's own client says that HubSpot signs."""
    stamp = str(int((desk.clock.now() + timedelta(**later)).timestamp() * 1000))
    told = Signature.get_signature(SECRET, body.decode(), "v3", ORIGIN + path, "POST", stamp)
    return {"X-HubSpot-Signature-v3": told, "X-HubSpot-Request-Timestamp": stamp}


def deliver(desk: HookedDesk, path: str, *events: dict[str, Any], **later: float) -> int:
    body = json.dumps(events).encode()
    return desk.post(path, body, hubspot_headers(desk, path, body, **later))


@pytest.mark.parametrize(("stamp", "told"), VECTORS)
def test_published_vectors_are_genuine(stamp: str, told: str) -> None:
    assert is_genuine(vector(stamp, told), at(stamp))


@pytest.mark.parametrize(
    ("seconds", "genuine"), [(0, True), (300, True), (300.001, False), (-300, True), (-301, False)]
)
def test_five_minutes_on_either_side_are_the_limit(seconds: float, genuine: bool) -> None:
    stamp, told = VECTORS[0]
    assert is_genuine(vector(stamp, told), at(stamp, seconds=seconds)) is genuine


@pytest.mark.parametrize(
    "stamp", ["", "x", "-1693657560000", "1693657560000.0", " 1693657560000", "1e12", "9" * 40, "١٦٩٣٦٥٧٥٦٠٠٠٠"]
)
def test_malformed_time_is_refused(stamp: str) -> None:
    assert not is_genuine(vector(stamp, VECTORS[0][1]), at(VECTORS[0][0]))


def test_any_other_part_than_the_signed_one_is_noticed() -> None:
    stamp, told = VECTORS[0]
    genuine = vector(stamp, told)
    altered = [
        replace(genuine, method="PUT"),
        replace(genuine, url=genuine.url + "?x=1"),
        replace(genuine, url=genuine.url.replace("https", "http")),
        replace(genuine, body=genuine.body + b" "),
        replace(genuine, headers={**genuine.headers, TIMESTAMP: str(int(stamp) + 1)}),
        replace(genuine, headers={**genuine.headers, SIGNATURE: told.lower()}),
        replace(genuine, headers={**genuine.headers, SIGNATURE: ""}),
        replace(genuine, headers={TIMESTAMP: stamp}),
        replace(genuine, headers={SIGNATURE: told}),
    ]
    assert not any(is_genuine(one, at(stamp)) for one in altered)
    assert not is_genuine(genuine, at(stamp), "another secret")
    assert not WEBHOOKS.is_genuine(genuine, (), SETTINGS, at(stamp))
    assert is_genuine(genuine, at(stamp), "another secret", PUBLISHED)


@given(st.text(), st.text(min_size=1), st.integers(0, 10**14))
def test_hubspots_own_client_signs_alike(body: str, secret: str, stamp: int) -> None:
    try:
        raw, _ = body.encode(), secret.encode()
    except UnicodeEncodeError:
        return
    url = "https://helpdesk.example.com/crm/hooks/abc-_123"
    theirs = Signature.get_signature(secret, body, "v3", url, "POST", str(stamp))
    assert signature(Received("POST", url, {}, raw), str(stamp), secret).decode() == theirs


def test_characters_that_hubspot_decodes_are_decoded_and_others_are_not() -> None:
    written = Received("POST", "https://example.com/a%3Ab%2fc%20d", {}, b"")
    meant = Received("POST", "https://example.com/a:b/c%20d", {}, b"")
    assert signature(written, "1", SECRET) == signature(meant, "1", SECRET)


def test_events_are_kept_without_what_they_say(desk: HookedDesk) -> None:
    path = desk.hook("hubspot")
    merged = event(
        subscriptionType="contact.merge", objectId=5, primaryObjectId=5, mergedObjectIds=[6, 7], newObjectId=8
    )
    generic = event(subscriptionType="object.creation", objectTypeId="0-1", objectId=9)
    assert deliver(desk, path, event(), merged, generic) == 204
    rows = kept(desk.sync)
    assert {(row.event, row.remote_id) for row in rows} == {
        ("contact.propertyChange", "1246965"),
        *(("contact.merge", number) for number in "5678"),
        ("contact.creation", "9"),
    }
    assert rows[0].happened_at == datetime(2016, 5, 2, 19, 11, 47, 945000, tzinfo=UTC)
    assert "canary" not in str(rows)


def test_repeated_event_is_known_though_its_attempt_is_counted(desk: HookedDesk) -> None:
    path = desk.hook("hubspot")
    assert deliver(desk, path, event()) == 204
    desk.clock.sleep(3600)
    assert deliver(desk, path, event(attemptNumber=3), event(objectId=2)) == 204
    assert [row.remote_id for row in kept(desk.sync)] == ["1246965", "2"]


@pytest.mark.parametrize(
    "unused",
    [
        {"portalId": 34},
        {"portalId": None},
        {"subscriptionType": "company.creation"},
        {"subscriptionType": "contact.associationChange"},
        {"subscriptionType": "object.creation", "objectTypeId": "0-2"},
        {"subscriptionType": 7},
    ],
)
def test_what_is_not_about_our_contacts_is_acknowledged_and_not_kept(desk: HookedDesk, unused: dict[str, Any]) -> None:
    path = desk.hook("hubspot")
    assert deliver(desk, path, event(**unused)) == 204
    assert kept(desk.sync) == []


def test_event_type_may_have_the_name_that_the_guide_gives_it(desk: HookedDesk) -> None:
    named = event(eventType="contact.deletion")
    del named["subscriptionType"]
    assert deliver(desk, desk.hook("hubspot"), named) == 204
    assert [row.event for row in kept(desk.sync)] == ["contact.deletion"]


def test_stale_and_premature_deliveries_are_refused(desk: HookedDesk) -> None:
    path = desk.hook("hubspot")
    assert deliver(desk, path, event(), minutes=-6) == 401
    assert deliver(desk, path, event(), minutes=6) == 401
    assert deliver(desk, path, event(), minutes=-4) == 204


def test_malformed_list_is_refused(desk: HookedDesk) -> None:
    path = desk.hook("hubspot")
    nameless, endless = [event(objectId=None)], [event(mergedObjectIds=list(range(1001)))]
    for document in ({}, [1], "x", nameless, endless):
        body = json.dumps(document).encode()
        assert desk.post(path, body, hubspot_headers(desk, path, body)) == 400
    assert kept(desk.sync) == []


def test_address_is_the_configured_one_whatever_the_host_header_says(desk: HookedDesk) -> None:
    path, body = desk.hook("hubspot"), json.dumps([event()]).encode()
    headers = hubspot_headers(desk, path, body)
    assert desk.post(path, body, headers, base_url="http://inner.example.org:8000") == 204
    assert desk.post(path + "?x=1", json.dumps([event(objectId=3)]).encode(), headers) == 401
    assert desk.clock.now() == START
