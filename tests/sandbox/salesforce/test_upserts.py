"""Upserts by an external id: the key in the path or in the rows, and what happens when it is already there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import KEY, SalesforceClient

NEW = {"LastName": "Novak", "Company": "Northwind"}


def test_a_single_upsert_creates_and_then_changes(client: SalesforceClient) -> None:
    path = f"/sobjects/Lead/{KEY}/client-1"
    made = client.call("PATCH", path, json=NEW)
    again = client.call("PATCH", path, json={"City": "Graz"})
    lead = made.json()["id"]
    assert (made.status_code, made.json()["created"]) == (201, True)
    assert (again.status_code, again.json()) == (200, {"id": lead, "success": True, "errors": [], "created": False})
    assert client.call("PATCH", path, version="45.0", json={"City": "Wien"}).status_code == 204
    assert client.call("GET", f"/sobjects/Lead/{KEY}/CLIENT-1").json()["City"] == "Wien"


def test_the_key_of_a_single_upsert_stands_in_the_path_only(client: SalesforceClient) -> None:
    path = f"/sobjects/Lead/{KEY}/client-1"
    for body in ({**NEW, KEY: "client-1"}, {**NEW, "Id": None}):
        assert client.error("PATCH", path, json=body)[:2] == (400, "INVALID_FIELD")
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


def test_a_field_that_is_no_key_is_not_found(client: SalesforceClient) -> None:
    told = client.error("PATCH", "/sobjects/Lead/Company/x", json=NEW)
    assert told == (404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: Company")
    client.settle(key_field_on=["Contact"])
    assert client.error("PATCH", f"/sobjects/Lead/{KEY}/x", json=NEW)[:2] == (404, "NOT_FOUND")


def test_a_value_that_looks_like_a_file_is_not_found(client: SalesforceClient) -> None:
    assert client.error("PATCH", "/sobjects/Lead/Email/sales@shop.inc", json=NEW)[:2] == (404, "NOT_FOUND")


def test_update_only_makes_nothing(client: SalesforceClient) -> None:
    answer = client.error("PATCH", f"/sobjects/Lead/{KEY}/x", json=NEW, params={"updateOnly": "true"})
    assert answer[:2] == (404, "NOT_FOUND")
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


def test_two_matches_are_a_300_with_their_addresses(client: SalesforceClient) -> None:
    leads = [client.create(Email="twin@example.com") for _ in range(2)]
    answer = client.call("PATCH", "/sobjects/Lead/Email/TWIN@example.com", json={"City": "Graz"})
    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v60.0/sobjects/Lead/{each}" for each in leads]
    [row] = client.many("PATCH", "/Lead/Email", {"Email": "twin@example.com", "City": "Graz"})
    assert row["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"


def test_a_collection_upsert_wants_the_key_in_each_row(client: SalesforceClient) -> None:
    first = client.many("PATCH", f"/Lead/{KEY}", {KEY: "a", **NEW}, {KEY: "b", **NEW}, NEW, {KEY: "", **NEW})
    assert [row.get("created") for row in first] == [True, True, None, None]
    assert [row["errors"][0]["statusCode"] for row in first[2:]] == ["MISSING_ARGUMENT"] * 2
    second = client.many("PATCH", f"/Lead/{KEY}", {KEY: "B", "City": "Graz"}, {KEY: "c", **NEW})
    assert [(row["id"] == first[1]["id"], row["created"]) for row in second] == [(True, False), (False, True)]


def test_a_collection_upsert_takes_no_id(client: SalesforceClient) -> None:
    lead = client.create(**{KEY: "a"})
    [row] = client.many("PATCH", f"/Lead/{KEY}", {KEY: "a", "Id": lead, "City": "Graz"})
    assert row["errors"][0]["statusCode"] == "INVALID_FIELD"


def test_the_same_key_twice_in_one_call_fails_both_rows(client: SalesforceClient) -> None:
    rows = client.many("PATCH", f"/Lead/{KEY}", {KEY: "a", **NEW}, {KEY: "A", **NEW}, {KEY: "b", **NEW})
    assert [row["success"] for row in rows] == [False, False, True]
    assert rows[0]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"


def test_a_unique_value_names_its_owner_in_fifteen_characters(client: SalesforceClient) -> None:
    owner = client.create(**{KEY: "a"})
    status, code, message = client.error("POST", "/sobjects/Lead", json={**NEW, KEY: "A"})
    assert (status, code) == (400, "DUPLICATE_VALUE")
    assert message == f"duplicate value found: {KEY} duplicates value on record with id: {owner[:15]}"


def test_a_deleted_record_frees_its_key(client: SalesforceClient) -> None:
    client.call("DELETE", f"/sobjects/Lead/{client.create(**{KEY: 'a'})}")
    assert client.call("PATCH", f"/sobjects/Lead/{KEY}/a", json=NEW).status_code == 201


@pytest.mark.parametrize("finds", [True, False])
def test_a_converted_lead_is_never_upserted_over(client: SalesforceClient, finds: bool) -> None:
    lead = client.create(**{KEY: "a"})
    client.salesforce.convert_lead(lead)
    client.switch(key_finds_converted=finds)
    [row] = client.many("PATCH", f"/Lead/{KEY}", {KEY: "a", **NEW})
    told = row["errors"][0]["statusCode"]
    assert told == ("CANNOT_UPDATE_CONVERTED_LEAD" if finds else "DUPLICATE_VALUE")


def test_id_is_a_key_too(client: SalesforceClient) -> None:
    lead = client.create()
    rows = client.many("PATCH", "/Lead/Id", {"Id": lead, "City": "Graz"}, {"Id": None, **NEW})
    assert [row["created"] for row in rows] == [False, True]


def test_tasks_are_upserted_by_our_field(client: SalesforceClient) -> None:
    lead = client.create()
    note = {KEY: "note-1", "WhoId": lead, "Subject": "Web chat", "Status": "Completed"}
    first = client.many("PATCH", f"/Task/{KEY}", note, kind="Task")
    second = client.many("PATCH", f"/Task/{KEY}", {**note, "Description": "More"}, kind="Task")
    assert [row[0]["created"] for row in (first, second)] == [True, False]
    assert len(client.salesforce.notes()) == 1


def test_many_at_once_make_one_record_for_each_key(
    client_for: Callable[..., SalesforceClient], client: SalesforceClient
) -> None:
    clients = [client_for() for _ in range(6)]
    rows = [{KEY: f"k{number}", **NEW} for number in range(20)]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda each: each.many("PATCH", f"/Lead/{KEY}", *rows), clients))
    created = [row["created"] for rows_told in answers for row in rows_told]
    assert (created.count(True), len(client.salesforce.contacts())) == (20, 20)
