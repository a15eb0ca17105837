"""Search: operators, limits, an index that lags, polling."""

from __future__ import annotations

from typing import Any

import pytest

from .client import Client


@pytest.fixture
def people(client: Client) -> Client:
    """Three contacts, long enough ago to be in the index."""
    client.contact(email="ada@example.com", firstname="Ada", city="Graz", annualrevenue="10", lifecyclestage="lead")
    client.sandbox.clock.advance(60)
    client.contact(email="bob@example.com", firstname="Bob", city="Wien", annualrevenue="9")
    client.sandbox.clock.advance(60)
    client.contact(email="eve@example.org", firstname="Eve", phone="+43 1 5551234", annualrevenue="100")
    client.sandbox.clock.advance(60)
    return client


def found(client: Client, *filters: dict[str, Any], **more: Any) -> str:
    groups = [{"filters": list(filters)}] if filters else []
    answer = client.search(filterGroups=groups, properties=["firstname"], **more)
    assert answer.status_code == 200, answer.text
    return "".join(each["properties"]["firstname"][0] for each in answer.json()["results"])


@pytest.mark.parametrize(
    ("phone", "searchable"),
    [
        ("+49 30 1234567", "301234567"),
        ("0049 (30) 1234567", "301234567"),
        ("+1 (415) 555-0100", "4155550100"),
        ("415 555 0100", "4155550100"),
        ("1 415 555 0100", "4155550100"),
        ("+7 495 1234567", "4951234567"),
        ("+353 1 234 5678", "12345678"),
        ("+39 06 1234 5678", "0612345678"),
        ("+43 660 1234567", "6601234567"),
        ("+999 1234567", "1234567"),
        ("+28 1234567", "281234567"),
        ("none", None),
    ],
)
def test_the_searchable_phone_has_no_country_code(client: Client, phone: str, searchable: str | None) -> None:
    contact = client.contact(firstname="Ada", phone=phone)
    name = "hs_searchable_calculated_phone_number"
    assert client.read(contact, name)["properties"][name] == searchable


@pytest.mark.parametrize(
    ("name", "operator", "operand", "expected"),
    [
        ("firstname", "EQ", {"value": "ADA"}, "A"),
        ("firstname", "NEQ", {"value": "ada"}, "BE"),
        ("annualrevenue", "GT", {"value": "10"}, "E"),
        ("annualrevenue", "GTE", {"value": "10"}, "AE"),
        ("annualrevenue", "LT", {"value": "10"}, "B"),
        ("annualrevenue", "LTE", {"value": "10"}, "AB"),
        ("annualrevenue", "BETWEEN", {"value": "9", "highValue": "10"}, "AB"),
        ("firstname", "IN", {"values": ["ada", "eve"]}, "AE"),
        ("firstname", "IN", {"values": ["Ada", "Eve"]}, ""),
        ("firstname", "NOT_IN", {"values": ["ada"]}, "BE"),
        ("city", "HAS_PROPERTY", {}, "AB"),
        ("city", "NOT_HAS_PROPERTY", {}, "E"),
        ("email", "CONTAINS_TOKEN", {"value": "*@example.org"}, "E"),
        ("email", "CONTAINS_TOKEN", {"value": "ada"}, "A"),
        ("email", "NOT_CONTAINS_TOKEN", {"value": "*.org"}, "AB"),
        ("lifecyclestage", "EQ", {"value": "lead"}, "A"),
        ("lifecyclestage", "EQ", {"value": "LEAD"}, ""),
        ("lastmodifieddate", "GTE", {"value": "2026-09-21T14:14:20Z"}, "BE"),
        ("lastmodifieddate", "GT", {"value": "1790000060000"}, "E"),
        ("lastmodifieddate", "BETWEEN", {"value": "1790000000000", "highValue": "1790000060000"}, "AB"),
        ("hs_object_id", "GT", {"value": "0"}, "ABE"),
    ],
)
def test_an_operator(people: Client, name: str, operator: str, operand: dict[str, Any], expected: str) -> None:
    assert found(people, {"propertyName": name, "operator": operator, **operand}) == expected


def test_filters_of_a_group_join_and_groups_add_up(people: Client) -> None:
    graz = {"propertyName": "city", "operator": "EQ", "value": "graz"}
    bob = {"propertyName": "firstname", "operator": "EQ", "value": "bob"}
    assert found(people, graz, bob) == ""
    answer = people.search(filterGroups=[{"filters": [graz]}, {"filters": [bob]}])
    assert answer.json()["total"] == 2


def test_a_query_looks_into_the_usual_properties(people: Client) -> None:
    assert found(people, query="5551234") == "E"
    assert found(people, query="EXAMPLE.COM") == "AB"


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ({"propertyName": "annualrevenue", "direction": "DESCENDING"}, "EAB"),
        ({"propertyName": "annualrevenue", "direction": "ASCENDING"}, "BAE"),
        ("-firstname", "EBA"),
        ("city", "EAB"),
    ],
)
def test_sorting(people: Client, sort: Any, expected: str) -> None:
    assert found(people, sorts=[sort]) == expected


def test_results_are_paged(people: Client) -> None:
    first = people.search(limit=2).json()
    assert (first["total"], first["paging"]) == (3, {"next": {"after": "2"}})
    rest = people.search(limit=2, after="2").json()
    assert len(rest["results"]) == 1
    assert "paging" not in rest


def test_what_was_just_written_is_not_found_yet(client: Client) -> None:
    client.contact(firstname="Ada")
    assert found(client) == ""
    client.sandbox.clock.advance(1.1)
    assert found(client) == "A"


def test_the_index_still_holds_the_value_from_before_a_change(people: Client) -> None:
    [ada] = people.search(
        filterGroups=[{"filters": [{"propertyName": "firstname", "operator": "EQ", "value": "Ada"}]}]
    ).json()["results"]
    people.objects("PATCH", f"contacts/{ada['id']}", json={"properties": {"firstname": "Zoe"}})
    assert found(people) == "ABE"
    people.sandbox.clock.advance(2)
    assert found(people) == "ZBE"


def test_archived_contacts_are_never_found(people: Client) -> None:
    people.objects("DELETE", f"contacts/{people.sandbox.hubspot.contacts()[0]['id']}")
    assert found(people) == "BE"


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 0},
        {"limit": "many"},
        {"after": "9999", "limit": 2},
        {"after": "x"},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "HAS_PROPERTY"}]}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "HAS_PROPERTY"}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "HAS_PROPERTY"}] * 5}] * 4},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "LIKE", "value": "x"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "EQ"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "no_such", "operator": "HAS_PROPERTY"}]}]},
        {"filterGroups": [{}]},
        {"filterGroups": "x"},
        {"filterGroups": [{"filters": ["x"]}]},
        {"sorts": ["city", "email"]},
        {"sorts": ["no_such"]},
        {"sorts": [3]},
        {"query": "x" * 3000},
    ],
)
def test_a_search_over_a_limit_or_out_of_form_is_a_400(client: Client, body: dict[str, Any]) -> None:
    answer = client.search(**body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_the_last_page_before_ten_thousand_is_served(client: Client) -> None:
    assert client.search(after="9800", limit=200).status_code == 200


def test_notes_are_searched_by_their_own_modification_time(client: Client) -> None:
    note = client.note()
    client.sandbox.clock.advance(10)
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "1790000000000"}
    answer = client.search("notes", filterGroups=[{"filters": [since]}])
    assert [each["id"] for each in answer.json()["results"]] == [note]
