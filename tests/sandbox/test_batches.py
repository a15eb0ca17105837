"""Batches: each row's fate, whole-batch refusals, keys, order."""

from __future__ import annotations

from typing import Any

import pytest

from .client import KEY, Client, row, upsert


def ids(answer: Any) -> set[str]:
    return {each["id"] for each in answer.json()["results"]}


def test_a_mixed_create_answers_207_and_maps_failures_by_trace_id(any_client: Client) -> None:
    owner = any_client.contact(email="taken@example.com")
    answer = any_client.batch(
        "contacts",
        "create",
        [
            row("t1", email="new@example.com"),
            row("t2", email="Taken@example.com"),
            row("t3", firstname="A", missing="x"),
            row("t4", email="not an address"),
        ],
    )
    body = answer.json()
    assert (answer.status_code, body["status"], body["numErrors"]) == (207, "COMPLETE", 3)
    assert [each["properties"]["email"] for each in body["results"]] == ["new@example.com"]
    errors = {each["context"]["objectWriteTraceId"][0]: each for each in body["errors"]}
    assert (errors["t2"]["category"], errors["t2"]["context"]["existingId"]) == ("CONFLICT", [owner])
    assert errors["t2"]["message"] == f"Contact already exists. Existing ID: {owner}"
    assert {errors[trace]["category"] for trace in ("t3", "t4")} == {"VALIDATION_ERROR"}
    assert len(any_client.sandbox.hubspot.contacts()) == 2


@pytest.mark.parametrize(("names_id", "ending"), [(False, "already exists"), (True, "Existing ID: ")])
def test_one_failure_without_trace_ids_fails_the_whole_batch(client: Client, names_id: bool, ending: str) -> None:
    client.sandbox.hubspot.dialect.change({"batch_conflict_names_id": names_id})
    owner = client.contact(email="taken@example.com")
    rows = [row(email="new@example.com"), row(email="taken@example.com")]
    answer = client.batch("contacts", "create", rows)
    assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
    assert answer.json()["message"].endswith(f"{ending}{owner}" if names_id else ending)
    assert len(client.sandbox.hubspot.contacts()) == 1, "nothing of the batch was kept"


def test_a_failing_row_without_trace_id_takes_rows_that_have_one_with_it(client: Client) -> None:
    rows = [row("t1", email="a@example.com"), row(email="nonsense")]
    assert client.batch("contacts", "create", rows).status_code == 400
    assert client.sandbox.hubspot.contacts() == []


def test_results_come_in_another_order_than_inputs_and_without_trace_ids(client: Client) -> None:
    rows = [row(f"t{number}", email=f"p{number}@example.com") for number in range(10)]
    results = client.batch("contacts", "create", rows).json()["results"]
    assert [each["properties"]["email"] for each in results] != [f"p{number}@example.com" for number in range(10)]
    assert len(results) == 10
    assert not any("objectWriteTraceId" in each for each in results)


def test_switches_bring_order_and_trace_ids(client: Client) -> None:
    client.sandbox.hubspot.dialect.change({"shuffle_results": False, "repeat_trace_ids": True})
    rows = [row(f"t{number}", email=f"p{number}@example.com") for number in range(10)]
    results = client.batch("contacts", "create", rows).json()["results"]
    assert [each["objectWriteTraceId"] for each in results] == [f"t{number}" for number in range(10)]


def test_an_upsert_by_own_key_creates_then_updates(any_client: Client) -> None:
    any_client.make_key()
    rows = [upsert(f"k{number}", f"t{number}", email=f"p{number}@example.com") for number in range(3)]
    first = any_client.batch("contacts", "upsert", rows)
    second = any_client.batch("contacts", "upsert", rows)
    assert (first.status_code, second.status_code) == (200, 200)
    assert [each["new"] for each in first.json()["results"]] == [True] * 3
    assert [each["new"] for each in second.json()["results"]] == [False] * 3
    assert ids(first) == ids(second)


def test_an_upsert_by_own_key_fails_row_by_row(client: Client) -> None:
    client.make_key()
    owner = client.contact(email="taken@example.com")
    rows = [upsert("k1", "t1", email="new@example.com"), upsert("k2", "t2", email="taken@example.com")]
    answer = client.batch("contacts", "upsert", rows)
    assert answer.status_code == 207
    assert [each["properties"][KEY] for each in answer.json()["results"]] == ["k1"]
    assert answer.json()["errors"][0]["context"] == {"objectWriteTraceId": ["t2"], "existingId": [owner]}


def test_an_upsert_by_address_succeeds_or_fails_as_a_whole(client: Client) -> None:
    rows = [
        upsert("a@example.com", "t1", by="email", firstname="A"),
        upsert("b@example.com", "t2", by="email", lifecyclestage="boss"),
    ]
    assert client.batch("contacts", "upsert", rows).status_code == 400
    assert client.sandbox.hubspot.contacts() == []
    client.sandbox.hubspot.dialect.change({"email_upsert_in_parts": True})
    assert client.batch("contacts", "upsert", rows).status_code == 207
    assert len(client.sandbox.hubspot.contacts()) == 1


def test_an_upsert_by_address_finds_an_additional_one(client: Client) -> None:
    owner = client.contact(email="a@example.com", hs_additional_emails="b@example.com")
    answer = client.batch("contacts", "upsert", [{**upsert("b@example.com", by="email"), "properties": {"city": "X"}}])
    assert (ids(answer), answer.json()["results"][0]["new"]) == ({owner}, False)


def test_the_key_is_shown_even_when_it_was_not_set_unless_switched_off(client: Client) -> None:
    client.make_key()
    client.batch("contacts", "upsert", [upsert("k1")])
    again = [{"id": "k1", "idProperty": KEY, "properties": {"city": "Graz"}}]
    shown = client.batch("contacts", "upsert", again).json()["results"][0]["properties"]
    assert shown[KEY] == "k1"
    client.sandbox.hubspot.dialect.change({"upsert_shows_key": False})
    shown = client.batch("contacts", "upsert", again).json()["results"][0]["properties"]
    assert KEY not in shown


@pytest.mark.parametrize("by", [KEY, "email"])
def test_one_key_twice_in_a_batch_refuses_it_whole(client: Client, by: str) -> None:
    client.make_key()
    first, second = ("k1", "k1") if by == KEY else ("A@example.com", "a@example.com")
    answer = client.batch("contacts", "upsert", [upsert(first, "t1", by=by), upsert(second, "t2", by=by)])
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Duplicate IDs found in batch input: [")
    assert client.sandbox.hubspot.contacts() == []


def test_two_keys_of_one_record_refuse_the_batch(client: Client) -> None:
    owner = client.contact(email="a@example.com", hs_additional_emails="b@example.com")
    rows = [upsert("a@example.com", "t1", by="email"), upsert("b@example.com", "t2", by="email")]
    assert client.batch("contacts", "upsert", rows).json()["context"] == {"ids": [owner]}


def test_one_id_twice_in_an_update_refuses_it_whole(client: Client) -> None:
    contact = client.contact(firstname="A")
    rows = [{"id": contact, **row("t1", city="X")}, {"id": contact, **row("t2", city="Y")}]
    answer = client.batch("contacts", "update", rows)
    assert (answer.status_code, answer.json()["context"]) == (400, {"ids": [contact]})
    assert answer.json()["message"] == f"Duplicate IDs found in batch input: [{contact}]. IDs must be unique"


def test_unknown_ids_of_an_update_make_one_entry_without_trace_ids(any_client: Client) -> None:
    contact = any_client.contact(firstname="A")
    rows = [{"id": each, **row(city="X")} for each in (contact, "999", "a@example.com")]
    answer = any_client.batch("contacts", "update", rows)
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)
    assert answer.json()["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert answer.json()["errors"][0]["context"] == {"ids": ["999", "a@example.com"]}
    assert ids(answer) == {contact}


@pytest.mark.parametrize("key", ["email", "hs_object_id", "firstname", "no_such"])
def test_an_update_takes_custom_unique_properties_only(client: Client, key: str) -> None:
    contact = client.contact(email="a@example.com", firstname="A")
    answer = client.batch("contacts", "update", [{"id": contact, "idProperty": key, **row(city="X")}])
    assert answer.status_code == 400
    assert f"Unable to perform update/upsert by non-unique 0-1 property {key}" in answer.json()["message"]


def test_an_update_by_own_key_works(client: Client) -> None:
    client.make_key()
    contact = client.contact(firstname="A", **{KEY: "k1"})
    answer = client.batch("contacts", "update", [{"id": "k1", "idProperty": KEY, **row(city="X")}])
    assert ids(answer) == {contact}


def test_an_upsert_needs_a_key_on_every_input(client: Client) -> None:
    client.make_key()
    rows = [upsert("k1"), {"id": "k2", "properties": {"city": "X"}}]
    assert client.batch("contacts", "upsert", rows).status_code == 400
    assert client.batch("contacts", "upsert", [upsert("x", by="firstname")]).status_code == 400


def test_a_read_by_key_reports_all_missing_ones_together(any_client: Client) -> None:
    any_client.make_key()
    contact = any_client.contact(firstname="A", **{KEY: "k1"})
    inputs = [{"id": "k1"}, {"id": "k2"}, {"id": "k3"}]
    answer = any_client.batch("contacts", "read", inputs, idProperty=KEY, properties=[KEY, "phone"])
    assert (answer.status_code, ids(answer)) == (207, {contact})
    assert answer.json()["errors"][0]["context"] == {"ids": ["k2", "k3"]}
    assert answer.json()["results"][0]["properties"]["phone"] is None


def test_a_read_by_address_ignores_case(client: Client) -> None:
    contact = client.contact(email="a@example.com")
    answer = client.batch("contacts", "read", [{"id": "A@EXAMPLE.com"}], idProperty="email", properties=["email"])
    assert (answer.status_code, ids(answer)) == (200, {contact})


def test_a_read_of_archived_records_finds_only_those(client: Client) -> None:
    gone, here = client.contact(firstname="A"), client.contact(firstname="B")
    assert client.batch("contacts", "archive", [{"id": gone}, {"id": "999"}]).status_code == 204
    inputs = {"inputs": [{"id": gone}, {"id": here}], "properties": []}
    answer = client.objects("POST", "contacts/batch/read", params={"archived": "true"}, json=inputs)
    assert ids(answer) == {gone}


@pytest.mark.parametrize("count", [0, 101])
@pytest.mark.parametrize("what", ["create", "read", "update", "upsert", "archive"])
def test_a_batch_has_1_to_100_inputs(client: Client, what: str, count: int) -> None:
    client.make_key()
    inputs = [{"id": str(number), "idProperty": KEY, "properties": {}} for number in range(count)]
    answer = client.batch("contacts", what, inputs)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("wrong", [1, "x", {}, {"properties": []}, {"properties": 3}, None])
def test_an_input_of_the_wrong_form_is_a_400(client: Client, wrong: Any) -> None:
    answer = client.objects("POST", "contacts/batch/create", json={"inputs": [wrong]})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_one_trace_id_twice_is_refused(client: Client) -> None:
    rows = [row("t1", firstname="A"), row("t1", firstname="B")]
    assert client.batch("contacts", "create", rows).status_code == 400


def test_a_trace_id_is_no_idempotency_key(client: Client) -> None:
    for _ in range(2):
        assert client.batch("contacts", "create", [row("t1", firstname="A")]).status_code == 201
    assert len(client.sandbox.hubspot.contacts()) == 2


def test_two_new_rows_of_one_address_leave_one_contact(client: Client) -> None:
    rows = [row("t1", email="a@example.com"), row("t2", email="A@example.com")]
    answer = client.batch("contacts", "create", rows)
    [made] = answer.json()["results"]
    assert answer.json()["errors"][0]["context"] == {"objectWriteTraceId": ["t2"], "existingId": [made["id"]]}
