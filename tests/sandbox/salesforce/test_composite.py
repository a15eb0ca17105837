"""Composite calls: several calls in one, each able to use what the ones before it answered."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import SalesforceClient

BASE = "/services/data/v60.0"
NEW = {"LastName": "Novak", "Company": "Northwind"}


def run(client: SalesforceClient, *parts: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """Run sub-requests and return what is told of each; names and paths are filled in."""
    filled = [
        {"method": "GET", "referenceId": f"r{number}", **part, "url": BASE + part["url"]}
        for number, part in enumerate(parts)
    ]
    answer = client.call("POST", "/composite", json={"compositeRequest": filled, **more})
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return answers


def lead(**fields: str) -> dict[str, Any]:
    return {"method": "POST", "url": "/sobjects/Lead", "body": {**NEW, **fields}}


def test_a_task_refers_to_the_lead_made_before_it(client: SalesforceClient) -> None:
    task = {"method": "POST", "url": "/sobjects/Task/", "body": {"WhoId": "@{r0.id}", "Subject": "Web chat"}}
    made, noted = run(client, lead(), task)
    assert made["httpStatusCode"] == 201
    assert made["httpHeaders"] == {"Location": f"{BASE}/sobjects/Lead/{made['body']['id']}"}
    [note] = client.salesforce.notes()
    assert (note["id"], note["contacts"]) == (noted["body"]["id"], [made["body"]["id"]])
    assert client.salesforce.figures()["api_calls"] == 1


def test_queries_and_collections_work_inside(client: SalesforceClient) -> None:
    known = client.create(Email="a@example.com")
    found, read = run(
        client,
        {"url": "/query/?q=SELECT Id FROM Lead WHERE Email = 'a@example.com'"},
        {
            "method": "POST",
            "url": "/composite/sobjects/Lead",
            "body": {"ids": ["@{r0.records[0].Id}"], "fields": ["Email"]},
        },
    )
    assert found["body"]["records"][0]["Id"] == known
    assert read["body"][0]["Email"] == "a@example.com"


def test_errors_have_the_recorded_form(client: SalesforceClient) -> None:
    missing, wrong = run(client, {"url": "/sobjects/Foo"}, {"url": "/query/?q=select count() from XYZZY"})
    assert missing == {
        "body": [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}],
        "httpHeaders": {},
        "httpStatusCode": 404,
        "referenceId": "r0",
    }
    [error] = wrong["body"]
    assert (wrong["httpStatusCode"], error["errorCode"]) == (400, "INVALID_TYPE")
    assert "ERROR at Row:1:Column:21\nsObject type 'XYZZY' is not supported." in error["message"]


def test_one_failure_leaves_the_others_unless_all_or_none(client: SalesforceClient) -> None:
    bad = {"method": "POST", "url": "/sobjects/Lead", "body": {}}
    assert [each["httpStatusCode"] for each in run(client, lead(), bad)] == [201, 400]
    assert len(client.salesforce.contacts()) == 1
    good, _ = run(client, lead(), bad, allOrNone=True)
    assert (good["httpStatusCode"], good["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert len(client.salesforce.contacts()) == 1


def test_a_collection_inside_takes_back_its_own_rows_only(client: SalesforceClient) -> None:
    rows = [{"attributes": {"type": "Lead"}, **NEW}, {"attributes": {"type": "Lead"}}]
    bunch = {"method": "POST", "url": "/composite/sobjects", "body": {"allOrNone": True, "records": rows}}
    made, refused = run(client, lead(), bunch)
    assert [row["success"] for row in refused["body"]] == [False, False]
    assert [row["id"] for row in client.salesforce.contacts()] == [made["body"]["id"]]


def test_what_depends_on_a_failure_is_halted(client: SalesforceClient) -> None:
    bad = {"method": "POST", "url": "/sobjects/Lead", "body": {}}
    _, halted = run(client, bad, {"url": "/sobjects/Lead/@{r0.id}"})
    assert (halted["httpStatusCode"], halted["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")


@pytest.mark.parametrize(
    ("count", "url", "status"),
    [
        (25, "/sobjects", 200),
        (26, "/sobjects", 400),
        (5, "/query?q=SELECT Id FROM Lead", 200),
        (6, "/query?q=SELECT Id FROM Lead", 400),
    ],
)
def test_there_are_limits_to_what_one_call_carries(client: SalesforceClient, count: int, url: str, status: int) -> None:
    parts = [{"method": "GET", "url": BASE + url, "referenceId": f"r{number}"} for number in range(count)]
    assert client.call("POST", "/composite", json={"compositeRequest": parts}).status_code == status


@pytest.mark.parametrize("names", [["a", "a"], ["a", ""], ["a", "b.c"], ["a", None]])
def test_each_part_has_a_name_of_its_own(client: SalesforceClient, names: list[Any]) -> None:
    parts = [{"method": "GET", "url": f"{BASE}/sobjects", "referenceId": name} for name in names]
    assert client.error("POST", "/composite", json={"compositeRequest": parts})[:2] == (400, "INVALID_INPUT")


def test_long_queries_inside_obey_the_uri_limit_as_the_switch_says(client: SalesforceClient) -> None:
    text = (
        "/query?q=SELECT Id FROM Lead WHERE Email IN ('" + "','".join(f"p{n}@example.com" for n in range(1000)) + "')"
    )
    assert run(client, {"url": text})[0]["httpStatusCode"] == 414
    client.switch(composite_uri_limit=False)
    assert run(client, {"url": text})[0]["httpStatusCode"] == 200


def test_composites_are_not_nested(client: SalesforceClient) -> None:
    [answer] = run(client, {"method": "POST", "url": "/composite", "body": {}})
    assert answer["httpStatusCode"] == 400
