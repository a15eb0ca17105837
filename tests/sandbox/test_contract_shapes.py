"""Every declared operation of three path families is answered, and every answer fits its declared shape."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .client import FAMILIES, KEY, STAMP, Client, note_of, row, upsert
from .contracts import Contract
from .test_oauth import APP, connect

SPEC = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
HOOK = {"targetUrl": "https://app.example.com/hook", "throttling": {"maxConcurrentRequests": 5}}


@pytest.fixture(params=FAMILIES)
def contract(request: pytest.FixtureRequest) -> Contract:
    return Contract(request.param)


@pytest.fixture
def checked(contract: Contract, request: pytest.FixtureRequest, client_for: Callable[..., Client]) -> Client:
    """A client whose every answer is held against the contract."""
    client = client_for(request.node.callspec.params["contract"])
    client.session.hooks["response"].append(lambda answer, *_, **__: contract.check(answer))
    return client


def test_every_declared_operation_is_answered_in_its_shape(contract: Contract, checked: Client) -> None:
    checked.sandbox.hubspot.dialect.change({"unique_note_properties": "allow"})
    properties(checked)
    contacts(checked)
    notes(checked)
    account_and_oauth(checked)
    webhooks(checked)
    assert contract.declared - contract.answered == set()


def test_the_check_itself_can_fail(contract: Contract, checked: Client) -> None:
    answer = checked.call("GET", f"/account-info/{checked.family}/details")
    answer._content = answer.content.replace(b"1234567", b'"a text"')
    with pytest.raises(AssertionError, match="portalId"):
        contract.check(answer)


def properties(client: Client) -> None:
    for kind in ("contacts", "notes"):
        client.make_key(kind)
        client.make_key(kind)
    client.properties("GET", "contacts")
    client.properties("GET", "contacts", params={"archived": "true"})
    client.properties("GET", "notes/no_such")
    client.properties("PATCH", f"contacts/{KEY}", json={"label": "New"})
    client.properties("GET", f"contacts/{KEY}")
    names = {"inputs": [{"name": KEY}, {"name": "gone"}], "archived": False}
    client.properties("POST", "contacts/batch/read", json=names)
    made = {"groupName": "contactinformation", "name": "two", "label": "Two", "type": "string", "fieldType": "text"}
    client.properties("POST", "contacts/batch/create", json={"inputs": [made, made]})
    client.properties("POST", "contacts/batch/archive", json={"inputs": [{"name": "two"}]})
    client.properties("GET", "contacts", params={"archived": "true"})
    client.make_key(name="three")
    client.properties("DELETE", "contacts/three")
    client.properties("POST", "contacts/groups", json={"name": "autochat", "label": "AutoChat"})
    client.properties("GET", "contacts/groups")
    client.properties("PATCH", "contacts/groups/autochat", json={"label": "New"})
    client.properties("GET", "contacts/groups/autochat")
    client.properties("DELETE", "contacts/groups/autochat")


def contacts(client: Client) -> None:
    first, second = client.contact(email="a@example.com"), client.contact(email="b@example.com")
    client.objects("POST", "contacts", json={"properties": {"email": "a@example.com"}})
    client.objects("POST", "contacts", json={"properties": {"nonsense": "1"}})
    client.objects("PATCH", f"contacts/{first}", json={"properties": {"phone": "1"}})
    asked = {"properties": "email,phone,city", "propertiesWithHistory": "phone", "associations": "notes"}
    client.objects("GET", f"contacts/{first}", params=asked)
    client.objects("GET", "contacts/999")
    client.objects("GET", "contacts", params={"limit": "1"})
    batches(client, "contacts", row("t1", email="c@example.com"), row("t2", email="a@example.com"))
    client.sandbox.clock.advance(5)
    client.search(limit=1)
    client.search(limit=1000)
    client.objects("POST", "contacts/merge", json={"primaryObjectId": first, "objectIdToMerge": second})
    client.objects("POST", "contacts/gdpr-delete", json={"objectId": first})
    client.objects("DELETE", f"contacts/{client.contact(firstname='A')}")
    client.objects("GET", "contacts", params={"archived": "true"})


def notes(client: Client) -> None:
    contact = client.contact(firstname="A")
    note = client.note(contact)
    client.objects("POST", "notes", json={"properties": {}})
    client.objects("PATCH", f"notes/{note}", json={"properties": {"hs_note_body": "New"}})
    client.objects("GET", f"notes/{note}", params={"associations": "contacts", "properties": "hs_note_body"})
    client.objects("GET", "notes", params={"limit": "1"})
    good = {**row("t1", hs_timestamp=STAMP), "associations": [note_of(contact)]}
    batches(client, "notes", good, {**row("t2", hs_timestamp=STAMP), "associations": [note_of("999")]})
    client.sandbox.clock.advance(5)
    client.search("notes", limit=1)
    path = f"notes/{note}/associations"
    client.record_links("PUT", f"{path}/contacts/{contact}", json=SPEC)
    client.record_links("PUT", f"{path}/default/contacts/{contact}")
    client.record_links("GET", f"{path}/contacts")
    client.record_links("GET", f"contacts/{contact}/associations/notes", params={"limit": "1"})
    client.record_links("DELETE", f"{path}/contacts/{contact}")
    client.objects("DELETE", f"notes/{note}")


def batches(client: Client, kind: str, *rows: dict[str, object]) -> None:
    more = {"hs_timestamp": STAMP} if kind == "notes" else {}
    assert client.batch(kind, "create", rows).status_code == 207
    upserts = [upsert("k1", "t1", **more), upsert("k2", "t2", no_such="x", **more)]
    assert client.batch(kind, "upsert", upserts).status_code == 207
    assert client.batch(kind, "upsert", upserts[:1]).status_code == 200
    [made] = client.batch(kind, "read", [{"id": "k1"}], idProperty=KEY, properties=[KEY]).json()["results"]
    client.batch(kind, "read", [{"id": made["id"]}, {"id": "999"}], properties=[KEY], propertiesWithHistory=[KEY])
    client.batch(kind, "update", [{"id": made["id"], **row(**{KEY: "k3"})}, {"id": "999", **row(**{KEY: "k4"})}])
    client.batch(kind, "update", [{"id": made["id"], **row()}] * 2)
    client.batch(kind, "archive", [{"id": made["id"]}])


def account_and_oauth(client: Client) -> None:
    version = client.family
    client.call("GET", f"/account-info/{version}/details")
    client.call("GET", f"/account-info/{version}/api-usage/daily/private-apps")
    granted = connect(client, version)
    client.call("POST", f"/oauth/{version}/token", data={**APP, "grant_type": "refresh_token"})
    for token in (granted["access_token"], granted["refresh_token"]):
        client.call("POST", f"/oauth/{version}/token/introspect", data={**APP, "token": token})
    client.call("POST", f"/oauth/{version}/token/revoke", data={**APP, "token": granted["refresh_token"]})
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    client.call("DELETE", f"/appinstalls/{version}/external-install", headers=bearer)
    client.call("GET", f"/account-info/{version}/details", headers=bearer)


def webhooks(client: Client) -> None:
    base = f"/webhooks/{client.family}/7"
    assert client.call("GET", f"{base}/settings").status_code == 404
    client.call("PUT", f"{base}/settings", json=HOOK)
    client.call("PUT", f"{base}/settings", json={**HOOK, "targetUrl": "http://app.example.com"})
    client.call("GET", f"{base}/settings")
    made = client.call("POST", f"{base}/subscriptions", json={"eventType": "contact.creation", "active": False})
    subscription = made.json()["id"]
    client.call("GET", f"{base}/subscriptions")
    client.call("GET", f"{base}/subscriptions/{subscription}")
    client.call("PATCH", f"{base}/subscriptions/{subscription}", json={"active": True})
    inputs = [{"id": int(subscription), "active": False}]
    client.call("POST", f"{base}/subscriptions/batch/update", json={"inputs": inputs})
    client.call("DELETE", f"{base}/subscriptions/{subscription}")
    client.call("GET", f"{base}/subscriptions/{subscription}")
    client.call("DELETE", f"{base}/settings")
