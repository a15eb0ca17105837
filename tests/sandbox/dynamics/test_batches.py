"""Batches: order, failures with and without going on, change sets, and everything the format demands."""

from __future__ import annotations

import json
import re

import pytest
import requests

from .client import API, BOUNDARY, Client, change_set, in_batch, part

GO_ON = "odata.continue-on-error"


def contact(number: int) -> str:
    return f"3f2b0000-0000-4000-8000-{number:012d}"


def creation(number: int, **columns: str) -> bytes:
    body = json.dumps({"lastname": f"Number {number}", **columns})
    return part("PATCH", f"{API}contacts({contact(number)})", body, If_None_Match="*")


def statuses(answer: requests.Response) -> list[int]:
    return [int(found) for found in re.findall(r"^HTTP/1\.1 (\d+) ", answer.text, re.M)]


def names(client: Client) -> list[str]:
    return [row["properties"]["lastname"] for row in client.sandbox.dynamics.contacts()]


def test_parts_are_answered_in_their_order(client: Client) -> None:
    read = part("GET", f"{API}contacts({contact(1)})?$select=lastname", Accept="application/json")
    answer = client.batch([creation(1), read, part("DELETE", f"contacts({contact(1)})"), read], GO_ON)
    assert (answer.status_code, statuses(answer)) == (200, [204, 200, 204, 404])
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert '"lastname":"Number 1"' in answer.text
    assert f"OData-EntityId: {client.sandbox.url}{API}contacts({contact(1)})" in answer.text


def test_the_answer_is_formed_as_strictly_as_the_question(client: Client) -> None:
    answer = client.batch([creation(1), part("GET", f"{API}WhoAmI")])
    boundary = answer.headers["Content-Type"].partition("boundary=")[2]
    opening = f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 "
    assert answer.text.startswith(f"{opening}204 No Content\r\n")
    assert answer.text.count(opening) == 2
    assert answer.text.endswith(f"\r\n--{boundary}--\r\n")
    assert b"\n" not in answer.content.replace(b"\r\n", b"")


def test_without_going_on_the_first_failure_ends_the_batch(client: Client) -> None:
    answer = client.batch([creation(1), creation(1), creation(2)])
    assert (answer.status_code, statuses(answer)) == (400, [204, 412])
    assert names(client) == ["Number 1"]


def test_with_going_on_the_others_are_done(client: Client) -> None:
    answer = client.batch([creation(1), creation(2, firstname="x" * 51), creation(3)], GO_ON)
    assert (answer.status_code, statuses(answer)) == (200, [204, 400, 204])
    assert '{"error":{"code":"0x80044331","message":"A validation error occurred.  The length' in answer.text
    assert len(re.findall(r"^REQ_ID: [0-9a-f-]{36}\r?$", answer.text, re.M)) == 1
    assert names(client) == ["Number 1", "Number 3"]


def test_a_preference_of_a_part_is_its_own(client: Client) -> None:
    with_row = part("PATCH", f"{API}contacts({contact(1)})", '{"lastname":"Shown"}', Prefer="return=representation")
    answer = client.batch([with_row, creation(2)], GO_ON)
    assert statuses(answer) == [201, 204]


def test_a_change_set_succeeds_as_one_and_refers_to_itself(client: Client) -> None:
    account = part("POST", f"{API}accounts", '{"name":"Engines"}', "1")
    person = part(
        "POST", f"{API}contacts", '{"lastname":"L","parentcustomerid_account@odata.bind":"$1"}', content_id="2"
    )
    changed = part("PATCH", "$2", '{"jobtitle":"Inventor"}', content_id="3")
    answer = client.batch([change_set([account, person, changed])])
    assert (answer.status_code, statuses(answer)) == (200, [204, 204, 204])
    assert re.findall(r"^Content-ID: (\d)\r?$", answer.text, re.M) == ["1", "2", "3"]
    [row] = client.sandbox.dynamics.contacts()
    assert (row["properties"]["parentcustomerid"], row["properties"]["jobtitle"]) == ("Engines", "Inventor")


def test_a_change_set_that_fails_leaves_nothing_and_the_rest_goes_on(client: Client) -> None:
    good = part("POST", f"{API}contacts", '{"lastname":"Undone"}', "1")
    bad = part("POST", f"{API}contacts", json.dumps({"lastname": "x" * 51}), "2")
    answer = client.batch([creation(1), change_set([good, bad]), creation(2)], GO_ON)
    assert (answer.status_code, statuses(answer)) == (200, [204, 400, 204])
    assert "Content-ID: 2" in answer.text
    assert names(client) == ["Number 1", "Number 2"]


def test_an_unknown_reference_is_refused(client: Client) -> None:
    answer = client.batch([change_set([part("PATCH", "$7", '{"jobtitle":"X"}', "1")])])
    assert statuses(answer) == [400]
    assert "Content-ID Reference: '$7' does not exist in the batch context." in answer.text


def test_a_thousand_parts_are_taken_and_one_more_is_not(client: Client) -> None:
    read = part("GET", f"{API}WhoAmI")
    assert len(statuses(client.batch([read] * 1000))) == 1000
    refused = client.batch([creation(1)] + [read] * 1000)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].endswith("1000.")
    assert names(client) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        in_batch([]),
        in_batch([creation(1)]).replace(b"\r\n", b"\n"),
        in_batch([creation(1)]).replace(b"If-None-Match: *\r\n", b"If-None-Match: *\n"),
        in_batch([creation(1)]).replace(f"--{BOUNDARY}--".encode(), b""),
        in_batch([creation(1)], "another"),
        in_batch([creation(1)]).replace(b"batch_test\r\n", b"batch_test\n\n", 1),
        in_batch([creation(1)]) + b"tail",
        b"head\r\n" + in_batch([creation(1)]),
        in_batch([creation(1).replace(b"Content-Transfer-Encoding: binary\r\n", b"")]),
        in_batch([creation(1).replace(b"application/http", b"text/plain")]),
        in_batch([creation(1).replace(b" HTTP/1.1", b"")]),
        in_batch([creation(1).replace(b" HTTP/1.1", b" HTTP/1.0")]),
        in_batch([creation(1).replace(b"\r\n\r\nPATCH", b"\r\nPATCH")]),
        in_batch([change_set([part("GET", f"{API}WhoAmI", content_id="1")])]),
        in_batch([change_set([part("POST", f"{API}contacts", "{}")])]),
        in_batch([change_set([part("POST", f"{API}contacts", "{}", "1")] * 2)]),
        in_batch([change_set([change_set([part("POST", f"{API}contacts", "{}", "1")])])]),
    ],
)
def test_a_batch_that_breaks_the_format_is_refused_as_a_whole(client: Client, body: bytes) -> None:
    answer = client.raw_batch(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80048d19"), answer.text
    assert names(client) == []


def test_a_batch_in_a_batch_is_refused(client: Client) -> None:
    assert client.batch([part("POST", f"{API}$batch", "{}")]).status_code == 400


def test_an_address_of_a_part_is_absolute_or_relative_to_the_service(client: Client) -> None:
    targets = [f"{client.sandbox.url}{API}WhoAmI", f"{API}WhoAmI", "/api/data/v9.2/WhoAmI", "WhoAmI", "nothing"]
    assert statuses(client.batch([part("GET", target) for target in targets], GO_ON)) == [200] * 4 + [404]


def test_a_batch_counts_its_operations_as_items_of_one_call(client: Client) -> None:
    client.batch([creation(1), creation(2), part("GET", f"{API}WhoAmI")])
    [call] = client.api("GET", "calls").json()["calls"]
    assert (call["template"], call["items"], call["portal"]) == ("/api/data/{version}/$batch", 3, "sandbox")
    assert client.sandbox.dynamics.figures()["calls"] == {"POST /api/data/{version}/$batch": 1}


def test_rows_are_created_changed_and_upserted_in_bulk(client: Client) -> None:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}
    base = "contacts/Microsoft.Dynamics.CRM."
    made = client.data("POST", f"{base}CreateMultiple", {"Targets": [{**kind, "lastname": n} for n in "ab"]})
    assert made.status_code == 200
    first, second = made.json()["Ids"]
    changed = [{**kind, "contactid": each, "jobtitle": "X"} for each in (first, second)]
    assert client.data("POST", f"{base}UpdateMultiple", {"Targets": changed}).status_code == 204
    put = [
        {**kind, "@odata.id": f"contacts({first})", "lastname": "A"},
        {**kind, "contactid": contact(9), "lastname": "c"},
    ]
    assert client.data("POST", f"{base}UpsertMultiple", {"Targets": put}).status_code == 204
    assert sorted(names(client)) == ["A", "b", "c"]


@pytest.mark.parametrize("message", ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"])
def test_one_bad_row_undoes_a_bulk_call(client: Client, message: str) -> None:
    client.data("PATCH", f"contacts({contact(1)})", {"lastname": "Old"})
    target = {"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": contact(1), "lastname": "New"}
    fresh = {} if message != "CreateMultiple" else {"contactid": contact(2)}
    bad = {**target, "contactid": contact(3), "lastname": "x" * 51}
    body = {"Targets": [{**target, **fresh}, bad]}
    answer = client.data("POST", f"contacts/Microsoft.Dynamics.CRM.{message}", body)
    assert answer.status_code in (400, 404)
    assert names(client) == ["Old"]


@pytest.mark.parametrize("targets", [None, [], ["x"], [{"lastname": "no type"}], [{"@odata.type": "account"}]])
def test_targets_that_are_none_are_refused(client: Client, targets: object) -> None:
    answer = client.data("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets})
    assert answer.status_code == 400
