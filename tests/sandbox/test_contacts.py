"""One contact at a time: shapes, values, addresses, keys, archiving."""

from __future__ import annotations

import json

import pytest

from .client import KEY, Client


def test_a_contact_has_the_documented_shape(any_client: Client) -> None:
    answer = any_client.objects(
        "POST", "contacts", json={"properties": {"email": "L@Example.COM", "firstname": "L", "lastname": ""}}
    )
    assert answer.status_code == 201
    made = answer.json()
    assert made["id"].isdecimal()
    assert made["properties"] == {
        "createdate": "2026-09-21T14:13:20.000Z",
        "email": "l@example.com",
        "firstname": "L",
        "hs_object_id": made["id"],
        "lastmodifieddate": "2026-09-21T14:13:20.000Z",
    }
    assert (made["createdAt"], made["updatedAt"], made["archived"]) == (
        "2026-09-21T14:13:20.000Z",
        "2026-09-21T14:13:20.000Z",
        False,
    )


def test_asked_for_and_empty_is_null_while_unknown_is_absent(client: Client) -> None:
    contact = client.contact(email="a@example.com")
    properties = client.read(contact, "email", "phone", "no_such")["properties"]
    assert properties["phone"] is None
    assert properties["email"] == "a@example.com"
    assert "no_such" not in properties


def test_default_properties_come_without_asking(client: Client) -> None:
    contact = client.contact(email="a@example.com", phone="1")
    shown = client.objects("GET", f"contacts/{contact}").json()["properties"]
    assert set(shown) == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}


def test_an_empty_text_clears_and_null_says_nothing(client: Client) -> None:
    contact = client.contact(email="a@example.com", phone="1", city="Graz")
    client.objects("PATCH", f"contacts/{contact}", json={"properties": {"phone": "", "city": None}})
    shown = client.read(contact, "phone", "city")["properties"]
    assert (shown["phone"], shown["city"]) == (None, "Graz")


def test_a_contact_is_found_by_address_in_any_case_and_by_unique_property(client: Client) -> None:
    client.make_key()
    contact = client.contact(email="a@example.com", **{KEY: "k1"})
    by_address = client.objects("GET", "contacts/A%40Example.com", params={"idProperty": "email"})
    by_key = client.objects("GET", "contacts/k1", params={"idProperty": KEY})
    assert (by_address.json()["id"], by_key.json()["id"]) == (contact, contact)


def test_a_property_that_is_not_unique_is_no_key(client: Client) -> None:
    answer = client.objects("GET", "contacts/Ada", params={"idProperty": "firstname"})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_an_address_may_be_changed_through_itself(client: Client) -> None:
    contact = client.contact(email="a@example.com")
    answer = client.objects(
        "PATCH",
        "contacts/a@example.com",
        params={"idProperty": "email"},
        json={"properties": {"email": "B@example.com"}},
    )
    assert answer.json()["id"] == contact
    assert client.contact(email="a@example.com") != contact, "the old address is free again"


def test_a_taken_address_names_its_owner(any_client: Client) -> None:
    owner, other = any_client.contact(email="a@example.com"), any_client.contact(email="b@example.com")
    for answer in (
        any_client.objects("POST", "contacts", json={"properties": {"email": "A@EXAMPLE.com"}}),
        any_client.objects("PATCH", f"contacts/{other}", json={"properties": {"email": "a@example.com"}}),
    ):
        assert answer.status_code == 409
        assert answer.json()["category"] == "CONFLICT"
        assert answer.json()["message"] == f"Contact already exists. Existing ID: {owner}"


def test_additional_addresses_are_taken_too(client: Client) -> None:
    owner = client.contact(email="a@example.com", hs_additional_emails="b@example.com;C@example.com")
    for address in ("b@example.com", "c@example.com"):
        answer = client.objects("POST", "contacts", json={"properties": {"email": address}})
        assert answer.json()["message"].endswith(f"Existing ID: {owner}")
    found = client.objects("GET", "contacts/b@example.com", params={"idProperty": "email"})
    assert found.json()["id"] == owner


def test_additional_addresses_are_no_key_when_the_switch_says_so(client: Client) -> None:
    client.sandbox.hubspot.dialect.change({"additional_email_is_key": False})
    client.contact(email="a@example.com", hs_additional_emails="b@example.com")
    assert client.objects("GET", "contacts/b@example.com", params={"idProperty": "email"}).status_code == 404


@pytest.mark.parametrize(
    ("envelope", "category"), [("category", "UNIQUE_VALUE_CONFLICT"), ("validation", "VALIDATION_ERROR")]
)
def test_a_taken_unique_value_is_refused_in_either_envelope(client: Client, envelope: str, category: str) -> None:
    client.make_key()
    client.sandbox.hubspot.dialect.change({"unique_conflict_envelope": envelope})
    owner = client.contact(firstname="A", **{KEY: "k1"})
    answer = client.objects("POST", "contacts", json={"properties": {"firstname": "B", KEY: "k1"}})
    assert (answer.status_code, answer.json()["category"]) == (400, category)
    assert f"value=k1}} on new. {owner} already has that value." in answer.json()["message"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("no_such", "x", "PROPERTY_DOESNT_EXIST"),
        ("email", "no address", "INVALID_EMAIL"),
        ("email", "a@example.com\nBcc: b@example.com", "INVALID_EMAIL"),
        ("lifecyclestage", "boss", "INVALID_OPTION"),
        ("annualrevenue", "much", "INVALID_INTEGER"),
        ("createdate", "2026-01-01", "READ_ONLY_VALUE"),
        ("hs_object_id", "7", "READ_ONLY_VALUE"),
        ("firstname", "x" * 65_537, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_a_wrong_value_is_named_in_both_layers(client: Client, name: str, value: str, code: str) -> None:
    answer = client.objects("POST", "contacts", json={"properties": {"firstname": "A", name: value}})
    body = answer.json()
    assert (answer.status_code, body["category"]) == (400, "VALIDATION_ERROR")
    printed = json.loads(body["message"].removeprefix("Property values were not valid: "))
    assert [(each["name"], each["error"], each["isValid"]) for each in printed] == [(name, code, False)]
    assert body["errors"][0]["code"] == code
    assert body["errors"][0]["context"] == {"propertyName": [name]}
    assert client.sandbox.hubspot.contacts() == []


def test_every_wrong_value_is_listed(client: Client) -> None:
    answer = client.objects("POST", "contacts", json={"properties": {"a1": "x", "a2": "y", "firstname": "A"}})
    assert [each["context"]["propertyName"] for each in answer.json()["errors"]] == [["a1"], ["a2"]]


def test_numbers_and_booleans_are_kept_as_texts(client: Client) -> None:
    contact = client.contact(firstname="A")
    client.objects("PATCH", f"contacts/{contact}", json={"properties": {"annualrevenue": 12.5, "city": True}})
    shown = client.read(contact, "annualrevenue", "city")["properties"]
    assert (shown["annualrevenue"], shown["city"]) == ("12.5", "true")


@pytest.mark.parametrize("text", ["Zoë 🦊", "שלום", "أحمد", "日本 語", "a\u2028b", "x\x00y", "<b>&amp;"])
def test_any_text_comes_back_as_it_was_sent(client: Client, text: str) -> None:
    contact = client.contact(firstname=text)
    assert client.read(contact, "firstname")["properties"]["firstname"] == text


def test_a_lone_surrogate_is_refused_not_stored(client: Client) -> None:
    answer = client.objects(
        "POST",
        "contacts",
        data=b'{"properties": {"firstname": "\\ud800"}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert client.sandbox.hubspot.contacts() == []


@pytest.mark.parametrize("body", [b"", b"NaN", b"{", b"[]", b"[" * 100_000, b'{"properties": 1}', b"\xff"])
def test_an_unreadable_body_is_a_400(client: Client, body: bytes) -> None:
    answer = client.objects("POST", "contacts", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("given", ["9" * 30, "-1", "1e3", "٣٣", "a/b", " "])
def test_what_no_id_can_be_is_not_found(client: Client, given: str) -> None:
    assert client.objects("GET", f"contacts/{given}").status_code == 404
    assert client.batch("contacts", "read", [{"id": given}]).status_code == 207
    assert client.objects("GET", "contacts", params={"after": given}).status_code == 400


def test_a_form_is_no_json(client: Client) -> None:
    assert client.objects("POST", "contacts", data={"email": "a@example.com"}).status_code == 415


def test_an_archived_contact_is_gone_but_listed_apart(any_client: Client) -> None:
    contact = any_client.contact(email="a@example.com")
    assert any_client.objects("DELETE", f"contacts/{contact}").status_code == 204
    assert any_client.objects("GET", f"contacts/{contact}").status_code == 404
    kept = any_client.objects("GET", f"contacts/{contact}", params={"archived": "true"}).json()
    assert (kept["archived"], kept["archivedAt"]) == (True, "2026-09-21T14:13:20.000Z")
    listed = any_client.objects("GET", "contacts", params={"archived": "true"}).json()["results"]
    assert [each["id"] for each in listed] == [contact]
    assert any_client.contact(email="a@example.com") != contact, "its address is free"


def test_lists_are_paged_by_id(client: Client) -> None:
    ids = [client.contact(email=f"p{number}@example.com") for number in range(5)]
    seen: list[str] = []
    params = {"limit": "2"}
    while True:
        page = client.objects("GET", "contacts", params=params).json()
        seen += [each["id"] for each in page["results"]]
        if "paging" not in page:
            break
        params["after"] = page["paging"]["next"]["after"]
    assert seen == ids


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1"])
def test_a_page_has_1_to_100_records(client: Client, limit: str) -> None:
    assert client.objects("GET", "contacts", params={"limit": limit}).status_code == 400


def test_history_tells_who_set_what(client: Client) -> None:
    contact = client.contact(phone="1")
    client.sandbox.clock.advance(60)
    client.sandbox.hubspot.edit_contact(contact, {"phone": "2"})
    params = {"propertiesWithHistory": "phone"}
    history = client.objects("GET", f"contacts/{contact}", params=params).json()["propertiesWithHistory"]["phone"]
    assert [(each["value"], each["sourceType"], each["timestamp"]) for each in history] == [
        ("2", "CRM_UI", "2026-09-21T14:14:20.000Z"),
        ("1", "INTEGRATION", "2026-09-21T14:13:20.000Z"),
    ]


@pytest.mark.parametrize(("answer", "kept"), [("ignore", "customer"), ("refuse", "customer")])
def test_the_lifecycle_stage_moves_forward_only(client: Client, answer: str, kept: str) -> None:
    client.sandbox.hubspot.dialect.change({"lifecycle_backward": answer})
    contact = client.contact(lifecyclestage="customer")
    back = client.objects("PATCH", f"contacts/{contact}", json={"properties": {"lifecyclestage": "lead"}})
    assert back.status_code == (200 if answer == "ignore" else 400)
    assert client.read(contact, "lifecyclestage")["properties"]["lifecyclestage"] == kept
    client.objects("PATCH", f"contacts/{contact}", json={"properties": {"lifecyclestage": ""}})
    client.objects("PATCH", f"contacts/{contact}", json={"properties": {"lifecyclestage": "lead"}})
    assert client.read(contact, "lifecyclestage")["properties"]["lifecyclestage"] == "lead"


def test_a_nameless_contact_is_refused_only_behind_the_switch(client: Client) -> None:
    client.contact(phone="1")
    client.sandbox.hubspot.dialect.change({"create_needs_identity": True})
    answer = client.objects("POST", "contacts", json={"properties": {"phone": "1"}})
    assert answer.json()["context"] == {"properties": ["email", "firstname", "lastname"]}


def test_erasing_removes_for_good_and_bars_an_unknown_address(client: Client) -> None:
    contact = client.contact(email="a@example.com")
    note = client.note(contact)
    assert client.objects("POST", "contacts/gdpr-delete", json={"objectId": contact}).status_code == 204
    assert client.objects("GET", f"contacts/{contact}", params={"archived": "true"}).status_code == 404
    assert client.record_links("GET", f"notes/{note}/associations/contacts").json()["results"] == []
    unknown = {"objectId": "Gone@example.com", "idProperty": "email"}
    assert client.objects("POST", "contacts/gdpr-delete", json=unknown).status_code == 204
    assert client.objects("POST", "contacts", json={"properties": {"email": "gone@example.com"}}).status_code == 400
    assert client.objects("POST", "contacts/gdpr-delete", json={"objectId": "9"}).status_code == 404


def test_type_ids_and_singulars_name_the_same_objects(client: Client) -> None:
    contact = client.contact(firstname="A")
    for word in ("0-1", "contact", "contacts"):
        assert client.objects("GET", f"{word}/{contact}").json()["id"] == contact
    assert client.objects("GET", "spaceships/1").status_code == 400


def test_a_path_or_method_that_is_not_there_is_answered_in_json(client: Client) -> None:
    assert client.call("GET", "/crm/nothing").json()["status"] == "error"
    wrong = client.objects("PUT", "contacts")
    assert (wrong.status_code, wrong.json()["status"]) == (405, "error")
