"""The 2026-03 scenario through HubSpot's own ``hubspot-sdk``."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from flask_crm_sync.sandbox import Sandbox

sdk = pytest.importorskip("hubspot_sdk", reason="hubspot-sdk is not installed")

KEY = "autochat_client_key"
STAMP = "1700000000000"


def connected(sandbox: Sandbox, retries: int = 0) -> Any:
    trust = sdk.DefaultHttpxClient(verify=ssl.create_default_context(cafile=str(sandbox.ca_file)))
    return sdk.HubSpot(access_token="pat-na1-sandbox", base_url=sandbox.url, http_client=trust, max_retries=retries)


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Any]:
    with connected(sandbox) as opened:
        yield opened


@pytest.fixture
def key(client: Any) -> str:
    made = client.crm.properties.create(
        object_type="contacts",
        name=KEY,
        label="Key",
        type="string",
        field_type="text",
        group_name="contactinformation",
        has_unique_value=True,
    )
    assert made.has_unique_value is True
    return KEY


def create(client: Any, **properties: str) -> str:
    return str(client.crm.objects.contacts.create(properties=properties, associations=[]).id)


def upsert(client: Any, *rows: dict[str, str]) -> Any:
    inputs = [
        {"id": each[KEY], "id_property": KEY, "properties": each, "object_write_trace_id": str(number)}
        for number, each in enumerate(rows)
    ]
    return client.crm.objects.contacts.batch.upsert(inputs=inputs)


def test_the_account_is_told(client: Any) -> None:
    details = client.account.get()
    assert (details.portal_id, details.account_type) == (1234567, "DEVELOPER_TEST")


def test_a_duplicate_is_a_conflict_error(client: Any) -> None:
    owner = create(client, email="ada@example.com")
    with pytest.raises(sdk.ConflictError) as refused:
        create(client, email="ADA@example.com")
    assert refused.value.body["message"] == f"Contact already exists. Existing ID: {owner}"


def test_an_upsert_twice_leaves_one_contact(client: Any, key: str, sandbox: Sandbox) -> None:
    rows = [{key: f"k{number}", "email": f"p{number}@example.com"} for number in range(100)]
    assert {each.new for each in upsert(client, *rows).results} == {True}
    assert {each.new for each in upsert(client, *rows).results} == {False}
    assert len(sandbox.hubspot.contacts()) == 100


def test_a_207_keeps_its_errors(client: Any, key: str) -> None:
    owner = create(client, email="taken@example.com")
    answer = upsert(client, {key: "k1", "email": "ada@example.com"}, {key: "k2", "email": "taken@example.com"})
    assert [each.properties[key] for each in answer.results] == ["k1"]
    [error] = answer.to_dict()["errors"]
    assert (error["category"], error["context"]["existingId"]) == ("CONFLICT", [owner])


def test_search_waits_for_the_index(client: Any, sandbox: Sandbox) -> None:
    contact = create(client, email="ada@example.com")
    asked = {
        "filter_groups": [{"filters": [{"property_name": "email", "operator": "EQ", "value": "ada@example.com"}]}],
        "limit": 10,
        "after": "0",
        "properties": ["email"],
        "sorts": [],
    }
    assert client.crm.objects.contacts.search(**asked).total == 0
    sandbox.clock.advance(2)
    assert [each.id for each in client.crm.objects.contacts.search(**asked).results] == [contact]


def test_a_note_is_written_with_its_contact(client: Any, sandbox: Sandbox) -> None:
    contact = create(client, firstname="Ada")
    types = [{"association_category": "HUBSPOT_DEFINED", "association_type_id": 202}]
    note = client.crm.objects.notes.create(
        properties={"hs_timestamp": STAMP, "hs_note_body": "Hello"},
        associations=[{"to": {"id": contact}, "types": types}],
    )
    assert [(each["id"], each["contacts"]) for each in sandbox.hubspot.notes()] == [(note.id, [contact])]


def test_a_merge_returns_the_survivor(client: Any) -> None:
    first, second = create(client, email="a@example.com"), create(client, email="b@example.com")
    survivor = client.crm.objects.contacts.merge(primary_object_id=first, object_id_to_merge=second)
    assert client.crm.objects.contacts.get(contact_id=second).id == survivor.id


def test_a_property_that_exists_is_a_conflict(client: Any, key: str) -> None:
    with pytest.raises(sdk.ConflictError) as refused:
        client.crm.properties.create(
            object_type="contacts",
            name=key,
            label="Key",
            type="string",
            field_type="text",
            group_name="contactinformation",
        )
    assert refused.value.body["category"] == "OBJECT_ALREADY_EXISTS"


def test_a_rate_limit_is_retried(sandbox: Sandbox) -> None:
    sandbox.faults.add("hubspot", "throttle", times=1)
    with connected(sandbox, retries=2) as client:
        assert client.account.get().portal_id == 1234567
    assert [call.status for call in sandbox.calls.newest()] == [200, 429]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("throttle", "RateLimitError"),
        ("missing_scopes", "PermissionDeniedError"),
        ("expire_token", "AuthenticationError"),
        ("server_error", "InternalServerError"),
        ("lose_reply", "APIConnectionError"),
    ],
)
def test_each_failure_surfaces_as_its_error(client: Any, sandbox: Sandbox, fault: str, error: str) -> None:
    sandbox.faults.add("hubspot", fault, times=1)
    with pytest.raises(getattr(sdk, error)):
        create(client, firstname="Ada")
