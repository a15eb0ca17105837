"""Properties and groups: creating, uniqueness that cannot change, names that come back."""

from __future__ import annotations

from typing import Any

import pytest

from .client import KEY, Client

BODY = {
    "groupName": "contactinformation",
    "name": KEY,
    "label": "Key",
    "type": "string",
    "fieldType": "text",
    "hasUniqueValue": True,
}


def test_a_property_is_made_in_a_group_of_our_own(any_client: Client) -> None:
    group = any_client.properties("POST", "contacts/groups", json={"name": "autochat", "label": "AutoChat"})
    assert (group.status_code, group.json()["archived"]) == (201, False)
    made = any_client.properties("POST", "contacts", json={**BODY, "groupName": "autochat"})
    assert (made.status_code, made.json()["hasUniqueValue"], made.json()["hubspotDefined"]) == (201, True, False)
    assert any_client.properties("GET", f"contacts/{KEY}").json() == made.json()
    assert KEY in {each["name"] for each in any_client.properties("GET", "contacts").json()["results"]}


def test_a_property_is_not_unique_unless_it_says_so(client: Client) -> None:
    made = client.properties("POST", "contacts", json={k: v for k, v in BODY.items() if k != "hasUniqueValue"})
    assert (made.status_code, made.json()["hasUniqueValue"]) == (201, False)


def test_a_name_in_use_is_a_409(any_client: Client) -> None:
    any_client.make_key()
    again = any_client.make_key()
    assert (again.status_code, again.json()["category"]) == (409, "OBJECT_ALREADY_EXISTS")
    assert again.json()["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"
    group = any_client.properties("POST", "contacts/groups", json={"name": "contactinformation", "label": "C"})
    assert group.status_code == 409


def test_uniqueness_cannot_be_changed_and_nobody_says_so(client: Client) -> None:
    client.make_key(unique=False)
    answer = client.properties("PATCH", f"contacts/{KEY}", json={"hasUniqueValue": True, "label": "New"})
    assert (answer.status_code, answer.json()["hasUniqueValue"], answer.json()["label"]) == (200, False, "New")
    assert client.objects("GET", "contacts/x", params={"idProperty": KEY}).status_code == 400


def test_an_archived_name_comes_back_as_it_first_was(client: Client) -> None:
    client.make_key(unique=False)
    contact = client.contact(firstname="A", **{KEY: "k1"})
    assert client.properties("DELETE", f"contacts/{KEY}").status_code == 204
    assert client.properties("GET", f"contacts/{KEY}").status_code == 404
    archived = client.properties("GET", f"contacts/{KEY}", params={"archived": "true"}).json()
    assert archived["archived"] is True
    assert KEY not in client.read(contact, KEY)["properties"]
    back = client.make_key(unique=True)
    assert (back.status_code, back.json()["hasUniqueValue"]) == (201, False)
    assert client.read(contact, KEY)["properties"][KEY] == "k1"


def test_a_new_property_is_unknown_for_a_while_when_the_switch_says_so(client: Client) -> None:
    client.sandbox.hubspot.dialect.change({"property_visible_after_ms": 500})
    assert client.make_key().status_code == 201
    assert client.properties("GET", f"contacts/{KEY}").status_code == 404
    assert client.objects("POST", "contacts", json={"properties": {KEY: "k1"}}).status_code == 400
    client.sandbox.clock.advance(0.6)
    assert client.properties("GET", f"contacts/{KEY}").status_code == 200
    client.contact(**{KEY: "k1"})


def test_eleven_unique_properties_are_one_too_many(client: Client) -> None:
    answers = [client.make_key(name=f"key_{number}").status_code for number in range(11)]
    assert answers == [201] * 10 + [400]


@pytest.mark.parametrize(
    ("way", "status", "unique"), [("refuse", 400, None), ("allow", 201, True), ("ignore", 201, False)]
)
def test_unique_properties_on_notes_follow_the_switch(
    client: Client, way: str, status: int, unique: bool | None
) -> None:
    client.sandbox.hubspot.dialect.change({"unique_note_properties": way})
    answer = client.make_key("notes")
    assert (answer.status_code, answer.json().get("hasUniqueValue")) == (status, unique)
    if unique:
        note = {"id": "n1", "idProperty": KEY, "properties": {"hs_timestamp": "1700000000000", KEY: "n1"}}
        assert [client.batch("notes", "upsert", [note]).json()["results"][0]["new"] for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Upper"},
        {"name": "1st"},
        {"name": ""},
        {"label": None},
        {"type": "text"},
        {"fieldType": "textbox"},
        {"groupName": "no_such"},
        {"type": "enumeration", "hasUniqueValue": False},
        {"type": "datetime", "fieldType": "date"},
    ],
)
def test_a_wrong_definition_is_a_400(client: Client, wrong: dict[str, Any]) -> None:
    answer = client.properties("POST", "contacts", json={**BODY, **wrong})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_hubspots_own_properties_stay_as_they_are(client: Client) -> None:
    assert client.properties("PATCH", "contacts/email", json={"label": "X"}).status_code == 400
    assert client.properties("DELETE", "contacts/email").status_code == 400
    assert client.properties("DELETE", "contacts/no_such").status_code == 404


def test_options_of_an_own_choice_are_checked(client: Client) -> None:
    options = [{"label": value, "value": value, "hidden": False, "displayOrder": 0} for value in ("red", "blue")]
    body = {**BODY, "name": "colours", "type": "enumeration", "fieldType": "checkbox", "hasUniqueValue": False}
    assert client.properties("POST", "contacts", json={**body, "options": options}).status_code == 201
    client.contact(colours="red;blue")
    assert client.objects("POST", "contacts", json={"properties": {"colours": "red;green"}}).status_code == 400


def test_properties_in_batches(any_client: Client) -> None:
    inputs = [{**BODY, "name": "one"}, {**BODY, "name": "two"}, {**BODY, "name": "email"}]
    made = any_client.properties("POST", "contacts/batch/create", json={"inputs": inputs})
    assert (made.status_code, len(made.json()["results"]), made.json()["numErrors"]) == (207, 2, 1)
    names = {"inputs": [{"name": "one"}, {"name": "gone"}], "archived": False}
    read = any_client.properties("POST", "contacts/batch/read", json=names)
    assert (read.status_code, [each["name"] for each in read.json()["results"]]) == (207, ["one"])
    assert any_client.properties("POST", "contacts/batch/archive", json=names).status_code == 204
    assert any_client.properties("GET", "contacts/one").status_code == 404


def test_groups_are_changed_and_put_away(client: Client) -> None:
    client.properties("POST", "contacts/groups", json={"name": "autochat", "label": "AutoChat"})
    changed = client.properties("PATCH", "contacts/groups/autochat", json={"label": "New"})
    assert changed.json()["label"] == "New"
    assert client.properties("GET", "contacts/groups/autochat").json()["label"] == "New"
    assert client.properties("DELETE", "contacts/groups/autochat").status_code == 204
    assert client.properties("GET", "contacts/groups/autochat").status_code == 404
    assert "autochat" not in {each["name"] for each in client.properties("GET", "contacts/groups").json()["results"]}
    assert client.properties("POST", "contacts/groups", json={"label": "nameless"}).status_code == 400
