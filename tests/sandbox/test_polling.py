"""Searches that pollers make: answered from an index, and in no other way than all the others."""

from __future__ import annotations

import random
from typing import Any

import pytest

from .client import Client

NOON_MS = 1_790_000_000_000
CHANGED = "lastmodifieddate"


def by_time(operator: str, value: int, **more: Any) -> dict[str, Any]:
    return {"propertyName": CHANGED, "operator": operator, "value": str(value), **more}


ANYBODY = {"propertyName": "hs_object_id", "operator": "HAS_PROPERTY"}
"""A filter that lets everybody through, and keeps the search from the index."""


@pytest.fixture
def busy(client: Client) -> Client:
    """A portal in which contacts came, changed and went within eight seconds, on an index that runs three behind."""
    dice, hubspot = random.Random(7), client.sandbox.hubspot
    ids: list[str] = []
    for _step in range(60):
        what = dice.random()
        if what < 0.5 or not ids:
            ids.append(hubspot.add_contact({"firstname": "Ada"}))
        elif what < 0.9:
            hubspot.edit_contact(dice.choice(ids), {"city": str(_step)})
        else:
            hubspot.delete_contact(ids.pop(dice.randrange(len(ids))))
        if dice.random() < 0.5:
            client.sandbox.clock.advance(0.25)
    hubspot.dialect.change({"search_lag_ms": 3000})
    return client


FILTERS: list[list[dict[str, Any]]] = [
    [],
    [by_time("GTE", NOON_MS + 2000)],
    [by_time("GT", NOON_MS + 2000)],
    [by_time("BETWEEN", NOON_MS + 1000, highValue=str(NOON_MS + 3000))],
    [by_time("EQ", NOON_MS + 250), {"propertyName": "hs_object_id", "operator": "GT", "value": "33001"}],
    [by_time("GTE", NOON_MS), {"propertyName": "hs_object_id", "operator": "GT", "value": "33005"}],
]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("name", [CHANGED, "hs_object_id"])
@pytest.mark.parametrize("direction", ["ASCENDING", "DESCENDING"])
def test_the_index_answers_as_the_whole_store_does(
    busy: Client, filters: list[dict[str, Any]], name: str, direction: str
) -> None:
    sorts = [{"propertyName": name, "direction": direction}]
    groups = [{"filters": filters}] if filters else []
    body = {"sorts": sorts, "limit": 7, "properties": ["city"]}
    quick = busy.search(filterGroups=groups, **body).json()
    slow = busy.search(filterGroups=[{"filters": [*filters, ANYBODY]}], **body).json()
    assert quick == slow
    after = {**body, "after": "7"}
    assert (
        busy.search(filterGroups=groups, **after).json()
        == busy.search(filterGroups=[{"filters": [*filters, ANYBODY]}], **after).json()
    )


@pytest.mark.parametrize("value", ["9" * 30, "soon", "-1", ""])
def test_an_id_that_is_none_is_no_trouble(client: Client, value: str) -> None:
    filters = [{"propertyName": "hs_object_id", "operator": "GT", "value": value}]
    sorts = [{"propertyName": CHANGED, "direction": "ASCENDING"}]
    assert client.search(filterGroups=[{"filters": filters}], sorts=sorts).status_code == 200


def test_a_contact_comes_back_from_the_bin_unless_its_address_is_taken(client: Client) -> None:
    hubspot = client.sandbox.hubspot
    first = hubspot.add_contact({"email": "ada@example.com"})
    note = client.note(first)
    hubspot.delete_contact(first)
    restore = f"/_sandbox/api/hubspot/contacts/{first}/restore"
    second = hubspot.add_contact({"email": "ada@example.com"})
    assert client.call("POST", restore).status_code == 409
    hubspot.delete_contact(second)
    assert client.call("POST", restore).status_code == 200
    assert client.read(first, "email")["properties"]["email"] == "ada@example.com"
    assert hubspot.notes()[0]["contacts"] == [first] or hubspot.notes()[0]["id"] == note
    assert client.call("POST", restore).status_code == 404


def test_a_person_may_be_erased_by_hand(client: Client) -> None:
    made = client.contact(firstname="Ada")
    assert client.call("POST", f"/_sandbox/api/hubspot/contacts/{made}/erase").status_code == 204
    assert client.sandbox.hubspot.contacts() == []


def test_answers_tell_the_time_that_records_bear(client: Client) -> None:
    answer = client.objects("GET", "contacts")
    assert answer.headers["Date"] == "Mon, 21 Sep 2026 14:13:20 GMT"
    page = client.call("GET", "/_sandbox/")
    assert page.headers["Date"]
