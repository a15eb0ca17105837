"""The v3 scenario through HubSpot's own ``hubspot-api-client``."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flask_crm_sync.sandbox import Sandbox

from .consent import agree

hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")

KEY = "autochat_client_key"
STAMP = "1700000000000"


@pytest.fixture
def client(sandbox: Sandbox) -> Any:
    return hubspot.HubSpot(access_token="pat-na1-sandbox", host=sandbox.url, ssl_ca_cert=str(sandbox.ca_file))


@pytest.fixture
def contacts(client: Any) -> Any:
    return client.crm.contacts


@pytest.fixture
def key(client: Any) -> str:
    from hubspot.crm.properties import PropertyCreate

    made = client.crm.properties.core_api.create(
        "contacts",
        PropertyCreate(
            name=KEY,
            label="Key",
            type="string",
            field_type="text",
            group_name="contactinformation",
            has_unique_value=True,
        ),
    )
    assert made.has_unique_value is True
    return KEY


def create(contacts: Any, **properties: str) -> str:
    from hubspot.crm.contacts import SimplePublicObjectInputForCreate

    body = SimplePublicObjectInputForCreate(properties=properties, associations=[])
    return str(contacts.basic_api.create(body).id)


def upsert(contacts: Any, *rows: dict[str, str]) -> Any:
    from hubspot.crm.contacts import (
        BatchInputSimplePublicObjectBatchInputUpsert,
        SimplePublicObjectBatchInputUpsert,
    )

    inputs = [
        SimplePublicObjectBatchInputUpsert(
            id=each[KEY], id_property=KEY, properties=each, object_write_trace_id=str(number)
        )
        for number, each in enumerate(rows)
    ]
    return contacts.batch_api.upsert(BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs))


def test_a_contact_is_created_read_changed_and_archived(contacts: Any) -> None:
    from hubspot.crm.contacts import SimplePublicObjectInput

    contact = create(contacts, email="Ada@example.com", firstname="Ada")
    changed = contacts.basic_api.update(contact, SimplePublicObjectInput(properties={"city": "Graz"}))
    assert changed.properties["city"] == "Graz"
    read = contacts.basic_api.get_by_id(contact, properties=["email", "city"])
    assert (read.properties["email"], read.properties["city"], read.archived) == ("ada@example.com", "Graz", False)
    contacts.basic_api.archive(contact)
    with pytest.raises(hubspot.crm.contacts.exceptions.ApiException) as missing:
        contacts.basic_api.get_by_id(contact)
    assert missing.value.status == 404


def test_a_duplicate_surfaces_as_a_409_with_the_owners_id(contacts: Any) -> None:
    owner = create(contacts, email="ada@example.com")
    with pytest.raises(hubspot.crm.contacts.exceptions.ApiException) as refused:
        create(contacts, email="ADA@example.com")
    assert refused.value.status == 409
    body = json.loads(refused.value.body)
    assert (body["category"], body["message"]) == ("CONFLICT", f"Contact already exists. Existing ID: {owner}")


def test_an_upsert_twice_leaves_one_contact(contacts: Any, key: str, sandbox: Sandbox) -> None:
    first = upsert(contacts, {key: "k1", "email": "ada@example.com"})
    second = upsert(contacts, {key: "k1", "email": "ada@example.com"})
    assert [each.new for each in (*first.results, *second.results)] == [True, False]
    assert len(sandbox.hubspot.contacts()) == 1


def test_a_207_is_parsed_into_results_and_errors(contacts: Any, key: str) -> None:
    owner = create(contacts, email="taken@example.com")
    answer = upsert(contacts, {key: "k1", "email": "ada@example.com"}, {key: "k2", "email": "taken@example.com"})
    assert type(answer).__name__ == "BatchResponseSimplePublicUpsertObjectWithErrors"
    assert [each.properties[key] for each in answer.results] == ["k1"]
    [error] = answer.errors
    assert (answer.num_errors, error.category) == (1, "CONFLICT")
    assert error.context == {"objectWriteTraceId": ["1"], "existingId": [owner]}


def test_search_finds_what_the_index_holds(contacts: Any, sandbox: Sandbox) -> None:
    from hubspot.crm.contacts import Filter, FilterGroup, PublicObjectSearchRequest

    contact = create(contacts, email="ada@example.com")
    group = FilterGroup(filters=[Filter(property_name="email", operator="EQ", value="ada@example.com")])
    request = PublicObjectSearchRequest(filter_groups=[group], sorts=[], properties=["email"], limit=10, after="0")
    assert contacts.search_api.do_search(request).total == 0
    sandbox.clock.advance(2)
    assert [each.id for each in contacts.search_api.do_search(request).results] == [contact]


def test_a_note_is_written_with_its_contact(client: Any, contacts: Any) -> None:
    from hubspot.crm.objects.notes import (
        AssociationSpec,
        PublicAssociationsForObject,
        PublicObjectId,
        SimplePublicObjectInputForCreate,
    )

    contact = create(contacts, firstname="Ada")
    link = PublicAssociationsForObject(
        to=PublicObjectId(id=contact),
        types=[AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=202)],
    )
    body = SimplePublicObjectInputForCreate(
        properties={"hs_timestamp": STAMP, "hs_note_body": "Hello"}, associations=[link]
    )
    note = client.crm.objects.notes.basic_api.create(body)
    linked = client.crm.associations.v4.basic_api.get_page("contacts", contact, "notes")
    assert [each.to_object_id for each in linked.results] == [note.id]
    assert linked.results[0].association_types[0].type_id == 201


def test_a_merge_returns_the_survivor_and_old_ids_lead_to_it(contacts: Any) -> None:
    from hubspot.crm.contacts import PublicMergeInput

    first, second = create(contacts, email="a@example.com"), create(contacts, email="b@example.com")
    survivor = contacts.basic_api.merge(PublicMergeInput(primary_object_id=first, object_id_to_merge=second))
    assert survivor.id not in (first, second)
    assert contacts.basic_api.get_by_id(second).id == survivor.id


def test_a_property_that_exists_is_a_409(client: Any, key: str) -> None:
    from hubspot.crm.properties import PropertyCreate
    from hubspot.crm.properties.exceptions import ApiException

    body = PropertyCreate(name=key, label="Key", type="string", field_type="text", group_name="contactinformation")
    with pytest.raises(ApiException) as refused:
        client.crm.properties.core_api.create("contacts", body)
    assert json.loads(refused.value.body)["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"
    assert key in {each.name for each in client.crm.properties.core_api.get_all("contacts").results}


def test_an_expired_token_surfaces_with_its_body(contacts: Any, sandbox: Sandbox) -> None:
    sandbox.faults.add("hubspot", "expire_token", times=1)
    with pytest.raises(hubspot.crm.contacts.exceptions.ApiException) as refused:
        contacts.basic_api.get_page(limit=1)
    assert (refused.value.status, json.loads(refused.value.body)["category"]) == (401, "EXPIRED_AUTHENTICATION")


def test_a_rate_limit_is_retried_by_the_clients_own_policy(sandbox: Sandbox) -> None:
    from urllib3.util.retry import Retry

    sandbox.faults.add("hubspot", "throttle", times=2)
    patient = hubspot.HubSpot(
        access_token="pat-na1-sandbox",
        host=sandbox.url,
        ssl_ca_cert=str(sandbox.ca_file),
        retry=Retry(total=3, status_forcelist=(429,), backoff_factor=0.01),
    )
    assert patient.crm.contacts.basic_api.get_page(limit=1).results == []
    assert [call.status for call in sandbox.calls.newest()] == [200, 429, 429]


def test_a_refusal_of_the_token_endpoint_surfaces(client: Any) -> None:
    from hubspot.oauth.exceptions import ApiException

    with pytest.raises(ApiException) as refused:
        client.oauth.tokens_api.create(
            grant_type="refresh_token",
            refresh_token="na1-gone",
            client_id="sandbox-client-id",
            client_secret="sandbox-client-secret",
        )
    assert json.loads(refused.value.body)["status"] == "BAD_REFRESH_TOKEN"


APP = {"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret"}
BACK = "https://127.0.0.1:5000/crm/oauth/callback"


@pytest.fixture
def granted(client: Any, sandbox: Sandbox) -> Any:
    """What an app is given once a person has agreed on the page that HubSpot's own helper leads to."""
    from hubspot.utils.oauth import get_auth_url

    scopes = ("oauth", "crm.objects.contacts.read", "crm.objects.contacts.write")
    page = get_auth_url(APP["client_id"], BACK, scope=scopes, optional_scope=("crm.schemas.contacts.read",), state="s1")
    back = agree(sandbox.url + page.removeprefix("https://app.hubspot.com"), str(sandbox.ca_file))
    answer = parse_qs(urlsplit(back).query)
    assert answer["state"] == ["s1"]
    return client.oauth.tokens_api.create(
        grant_type="authorization_code", code=answer["code"][0], redirect_uri=BACK, **APP
    )


def test_a_signed_in_app_works_with_its_token_and_refreshes_it(client: Any, granted: Any, sandbox: Sandbox) -> None:
    app = hubspot.HubSpot(access_token=granted.access_token, host=sandbox.url, ssl_ca_cert=str(sandbox.ca_file))
    contact = create(app.crm.contacts, email="ada@example.com")
    assert app.crm.contacts.basic_api.get_by_id(contact).id == contact
    fresh = client.oauth.tokens_api.create(grant_type="refresh_token", refresh_token=granted.refresh_token, **APP)
    assert (fresh.refresh_token, fresh.expires_in) == (granted.refresh_token, 1800)
    assert fresh.access_token != granted.access_token


def test_a_tokens_scopes_are_those_that_were_granted(client: Any, granted: Any) -> None:
    told = client.oauth.access_tokens_api.get(granted.access_token)
    assert client.oauth.refresh_tokens_api.get(granted.refresh_token).hub_id == told.hub_id == 1234567
    assert told.scopes == [
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.schemas.contacts.read",
        "oauth",
    ]


def test_an_archived_refresh_token_gives_nothing_more(client: Any, granted: Any) -> None:
    from hubspot.oauth.exceptions import ApiException

    client.oauth.refresh_tokens_api.archive(granted.refresh_token)
    with pytest.raises(ApiException) as refused:
        client.oauth.tokens_api.create(grant_type="refresh_token", refresh_token=granted.refresh_token, **APP)
    assert json.loads(refused.value.body)["error"] == "invalid_grant"
