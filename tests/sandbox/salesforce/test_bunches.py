"""The collections: 200 records in a call, each with a fate of its own."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import SalesforceClient

NEW = {"LastName": "Novak", "Company": "Northwind"}


def test_one_bad_row_fails_alone_with_a_status_code(client: SalesforceClient) -> None:
    good, bad, other = client.many("POST", "", NEW, {"Company": "x"}, NEW)
    assert (good["success"], other["success"]) == (True, True)
    assert bad == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [LastName]",
                "fields": ["LastName"],
            }
        ],
    }


def test_all_or_none_takes_everything_back(client: SalesforceClient) -> None:
    good, bad = client.many("POST", "", NEW, {"Company": "x"}, allOrNone=True)
    assert good["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert bad["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert client.salesforce.contacts() == []


def test_more_than_200_records_are_too_many(client: SalesforceClient) -> None:
    def sent(count: int) -> Any:
        rows = [{"attributes": {"type": "Lead"}, **NEW} for _ in range(count)]
        return client.call("POST", "/composite/sobjects", json={"records": rows})

    refused = sent(201)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert client.salesforce.contacts() == []
    assert [row["success"] for row in sent(200).json()] == [True] * 200
    newest, _ = client.sandbox.calls.newest(crm="salesforce", limit=2)
    assert (newest.items, client.salesforce.figures()["api_calls"]) == (200, 2)


def test_types_may_be_mixed_in_ten_runs(client: SalesforceClient) -> None:
    def sent(runs: int) -> Any:
        kinds = [("Lead", NEW), ("Contact", {"LastName": "x"})] * 6
        rows = [{"attributes": {"type": kind}, **fields} for kind, fields in kinds[:runs]]
        return client.call("POST", "/composite/sobjects", json={"records": rows})

    assert [row["success"] for row in sent(10).json()] == [True] * 10
    assert sent(11).status_code == 400


@pytest.mark.parametrize(
    "body",
    [{}, {"records": []}, {"records": "x"}, {"records": [1]}, {"records": [NEW]}, {"records": [{"attributes": {}}]}],
)
def test_a_malformed_collection_is_refused_as_a_whole(client: SalesforceClient, body: Any) -> None:
    assert client.error("POST", "/composite/sobjects", json=body)[:2] == (400, "INVALID_INPUT")


def test_an_unknown_type_refuses_the_whole_call(client: SalesforceClient) -> None:
    rows = [{"attributes": {"type": "Foo"}}]
    assert client.error("POST", "/composite/sobjects", json={"records": rows})[1] == "INVALID_TYPE"


def test_a_value_of_a_wrong_json_type_refuses_the_whole_call(client: SalesforceClient) -> None:
    rows = [{"attributes": {"type": "Lead"}, **NEW}, {"attributes": {"type": "Lead"}, **NEW, "City": 5}]
    assert client.error("POST", "/composite/sobjects", json={"records": rows})[:2] == (400, "JSON_PARSER_ERROR")
    assert client.salesforce.contacts() == []


def test_records_are_changed_by_their_ids(client: SalesforceClient) -> None:
    lead, gone = client.create(), client.create()
    client.call("DELETE", f"/sobjects/Lead/{gone}")
    missing = "00Q5g00000zzzzz"
    rows = [{"Id": lead, "City": "Graz"}, {"Id": gone}, {"Id": missing}, {"Id": "x"}, {"City": "Graz"}]
    answers = client.many("PATCH", "", *rows)
    assert answers[0] == {"id": lead, "success": True, "errors": []}
    assert [row["errors"][0]["statusCode"] for row in answers[1:]] == [
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "MISSING_ARGUMENT",
    ]
    [row] = client.many("POST", "", {**NEW, "Id": lead})
    assert row["errors"][0]["statusCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_retrieving_keeps_the_order_and_says_null_for_what_is_gone(client: SalesforceClient) -> None:
    first, second, gone = (client.create(Email=f"{name}@example.com") for name in "abc")
    client.call("DELETE", f"/sobjects/Lead/{gone}")
    body = {"ids": [second, gone, "00Q5g00000zzzzz", first[:15]], "fields": ["Email", "isconverted"]}
    answer = client.call("POST", "/composite/sobjects/Lead", json=body).json()
    assert [row and (row["Id"], row["Email"], row["IsConverted"]) for row in answer] == [
        (second, "b@example.com", False),
        None,
        None,
        (first, "a@example.com", False),
    ]
    params = {"ids": f"{first},{second}", "fields": "Id"}
    assert [row["Id"] for row in client.call("GET", "/composite/sobjects/Lead", params=params).json()] == [
        first,
        second,
    ]


def test_retrieving_is_refused_for_what_cannot_be(client: SalesforceClient) -> None:
    path, lead = "/composite/sobjects/Lead", client.create()
    assert client.error("POST", path, json={"ids": [lead], "fields": ["Foo"]})[1] == "INVALID_FIELD"
    assert client.error("POST", path, json={"ids": ["x"], "fields": ["Id"]})[1] == "MALFORMED_ID"
    assert client.error("POST", path, json={"ids": [lead]})[1] == "INVALID_INPUT"
    assert client.error("POST", path, json={"ids": [lead] * 2001, "fields": ["Id"]})[1] == "EXCEEDED_ID_LIMIT"


def test_records_are_deleted_together(client: SalesforceClient) -> None:
    lead, contact = client.create(), client.create("Contact")
    answer = client.call("DELETE", "/composite/sobjects", params={"ids": f"{lead},{contact},{lead}"}).json()
    assert [row["success"] for row in answer] == [True, True, False]
    assert {row["archived"] for row in client.salesforce.contacts()} == {True}
