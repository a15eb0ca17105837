"""Limits and faults in Salesforce's own words."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import KEY, SalesforceClient

NEW = {"LastName": "Novak", "Company": "Northwind"}


def test_every_answer_tells_what_is_used(client: SalesforceClient) -> None:
    told = [client.call("GET", "/limits"), client.call("GET", "/sobjects/Foo"), client.call("GET", "/query")]
    assert [answer.headers["Sforce-Limit-Info"] for answer in told] == [f"api-usage={n}/100000" for n in (1, 2, 3)]
    assert told[0].json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_999}


def test_a_spent_quota_is_a_403_until_a_day_has_passed(client: SalesforceClient) -> None:
    client.own("PATCH", "org", json={"daily_requests": 15_000})
    client.own("POST", "usage", json={"used": 14_999})
    assert client.call("GET", "/sobjects").headers["Sforce-Limit-Info"] == "api-usage=15000/15000"
    refused = client.call("GET", "/sobjects")
    assert (refused.status_code, refused.json()) == (
        403,
        [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}],
    )
    client.sandbox.clock.advance(24 * 3600)
    assert client.call("GET", "/sobjects").status_code == 200


@pytest.mark.parametrize(
    ("kind", "params", "status", "code", "message"),
    [
        ("throttle", {}, 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
        ("throttle", {"policy": "TotalRequests"}, 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        ("locked", {}, 400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
        ("moving", {}, 503, "SERVER_UNAVAILABLE", "The server is busy or under maintenance."),
        ("missing_scopes", {}, 403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id"),
        ("server_error", {"status": 503}, 503, "SERVER_UNAVAILABLE", "The server is busy or under maintenance."),
        ("expire_token", {}, 401, "INVALID_SESSION_ID", "Session expired or invalid"),
        ("revoke_token", {}, 401, "INVALID_SESSION_ID", "Session expired or invalid"),
    ],
)
def test_a_fault_speaks_as_salesforce_does(
    client: SalesforceClient, kind: str, params: Any, status: int, code: str, message: str
) -> None:
    client.sandbox.faults.add("salesforce", kind, params=params, times=1)
    assert client.error("POST", "/sobjects/Lead", json=NEW) == (status, code, message)
    assert client.salesforce.contacts() == []


def test_an_unexpected_error_is_a_500_of_its_own_kind(client: SalesforceClient) -> None:
    client.sandbox.faults.add("salesforce", "server_error", params={"status": 500, "committed": True}, times=1)
    assert client.error("POST", "/sobjects/Lead", json=NEW)[:2] == (500, "UNKNOWN_EXCEPTION")
    assert len(client.salesforce.contacts()) == 1


def test_in_a_collection_each_row_tells_its_lock(client: SalesforceClient) -> None:
    client.sandbox.faults.add("salesforce", "locked", times=1)
    rows = client.many("POST", "", NEW, NEW)
    assert [row["errors"][0]["statusCode"] for row in rows] == ["UNABLE_TO_LOCK_ROW"] * 2


def test_a_write_whose_answer_is_lost_is_found_by_its_key(client: SalesforceClient) -> None:
    client.sandbox.faults.add("salesforce", "lose_reply", times=1)
    row = {KEY: "k1", **NEW}
    with pytest.raises(requests.ConnectionError):
        client.many("PATCH", f"/Lead/{KEY}", row)
    assert client.many("PATCH", f"/Lead/{KEY}", row)[0]["created"] is False
    assert len(client.salesforce.contacts()) == 1


def test_a_validation_rule_refuses_one_row_or_the_whole_call(client: SalesforceClient) -> None:
    client.sandbox.faults.add("salesforce", "reject_matching", params={"text": "Grue"}, times=1)
    good, bad = client.many("POST", "", NEW, {**NEW, "LastName": "Grue"})
    assert (good["success"], bad["errors"][0]["statusCode"]) == (True, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    whole = {"text": "Grue", "whole_batch": True}
    client.sandbox.faults.add("salesforce", "reject_matching", params=whole, times=1)
    rows = [{"attributes": {"type": "Lead"}, **NEW, "LastName": name} for name in ("Fine", "Grue")]
    refused = client.error("POST", "/composite/sobjects", json={"records": rows})
    assert refused[:2] == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert len(client.salesforce.contacts()) == 1


def test_the_token_endpoint_has_trouble_too(client: SalesforceClient) -> None:
    client.sandbox.faults.add("salesforce", "server_error", path="/oauth2/token", times=1)
    assert client.token(grant_type="client_credentials").status_code == 503


def test_a_fault_may_be_of_one_org(client: SalesforceClient, other: SalesforceClient) -> None:
    client.sandbox.faults.add("salesforce", "moving", portal=client.salesforce.desk().org.org_id)
    assert [each.call("GET", "/limits").status_code for each in (client, other)] == [503, 200]


def test_methods_that_no_route_takes_are_refused(client: SalesforceClient) -> None:
    assert client.error("PUT", "/sobjects/Lead")[:2] == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("header", [None, "Bearer ", "Basic x", "Bearer unknown"])
def test_without_a_session_nothing_opens(client: SalesforceClient, header: str | None) -> None:
    answer = client.call("GET", "/sobjects", headers={"Authorization": header})  # type: ignore[dict-item]
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    assert "Sforce-Limit-Info" not in answer.headers
