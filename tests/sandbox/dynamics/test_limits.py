"""Service protection, and the faults in Dataverse's words."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from flask_crm_sync.sandbox.dynamics.limits import TIERS, Tier

from .client import API, TOKEN, Client, part

MANY, LONG, AT_ONCE = "0x80072322", "0x80072321", "0x80072326"
ID = "3f2b0000-0000-4000-8000-000000000001"


@pytest.fixture
def tight(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of an environment with small limits: 5 calls and 10 s of execution in the window."""
    monkeypatch.setitem(TIERS, "tight", Tier(5, 10_000, 52))
    client.sandbox.dynamics.add_environment("sandbox", tier="tight", token=TOKEN)
    return client


def throttled(answer: requests.Response, code: str) -> int:
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, code), answer.text
    return int(answer.headers["Retry-After"])


def test_calls_are_counted_in_a_window_of_five_minutes(tight: Client) -> None:
    left = []
    for _ in range(5):
        answer = tight.data("GET", "WhoAmI")
        assert answer.status_code == 200
        left.append(int(answer.headers["x-ms-ratelimit-burst-remaining-xrm-requests"]))
    assert left == [4, 3, 2, 1, 0]
    throttled(tight.data("GET", "WhoAmI"), MANY)
    tight.sandbox.clock.advance(300)
    assert tight.data("GET", "WhoAmI").status_code == 200


def test_who_keeps_calling_waits_longer(tight: Client) -> None:
    for _ in range(5):
        tight.data("GET", "WhoAmI")
    waits = [throttled(tight.data("GET", "WhoAmI"), MANY) for _ in range(4)]
    assert waits == sorted(set(waits))
    assert len(waits) == 4
    tight.sandbox.clock.advance(300)
    assert tight.data("GET", "WhoAmI").status_code == 200
    for _ in range(4):
        tight.data("GET", "WhoAmI")
    assert throttled(tight.data("GET", "WhoAmI"), MANY) == waits[0]


def test_large_batches_use_up_the_execution_time(tight: Client) -> None:
    tight.sandbox.dynamics.dialect.change({"execution_ms": 100})
    answer = tight.batch([part("GET", f"{API}WhoAmI")] * 100)
    assert answer.headers["x-ms-ratelimit-time-remaining-xrm-requests"] == "10.00"
    answer = tight.data("GET", "WhoAmI")
    throttled(answer, LONG)
    assert "Decrease number of concurrent requests" in answer.json()["error"]["message"]


def test_calls_at_once_are_limited(client: Client) -> None:
    limits = client.sandbox.dynamics.limits
    tier = Tier(6000, 1_200_000, 2)
    assert [limits.admit("u", tier).exceeded for _ in range(3)] == [None, None, AT_ONCE]
    limits.finish("u", 1)
    assert limits.admit("u", tier).exceeded is None


def test_the_standard_tier_has_the_published_numbers() -> None:
    assert TIERS["standard"] == Tier(6000, 1_200_000, 52)


@pytest.mark.parametrize("code", [MANY, LONG, AT_ONCE])
def test_each_limit_can_be_asked_for_and_its_wait_grows(client: Client, code: str) -> None:
    client.sandbox.faults.add("dynamics", "throttle", params={"policy": code}, times=3)
    waits = [throttled(client.data("GET", "WhoAmI"), code) for _ in range(3)]
    assert waits == [5, 10, 20]
    assert client.data("GET", "WhoAmI").status_code == 200


@pytest.mark.parametrize(
    ("kind", "params", "status", "code"),
    [
        ("throttle", {"retry_after": 7}, 429, MANY),
        ("locked", {}, 500, "0x80044151"),
        ("moving", {"retry_after": 90}, 503, "0x8004a104"),
        ("missing_scopes", {}, 403, "0x80040220"),
        ("server_error", {"status": 504}, 504, "0x80040216"),
    ],
)
def test_a_fault_is_told_in_dataverses_words_and_nothing_is_written(
    client: Client, kind: str, params: dict[str, Any], status: int, code: str
) -> None:
    client.sandbox.faults.add("dynamics", kind, params=params, times=1)
    answer = client.data("PATCH", f"contacts({ID})", {"lastname": "X"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-ms-service-request-id"]
    if params.get("retry_after"):
        assert answer.headers["Retry-After"] == str(params["retry_after"])
    assert client.sandbox.dynamics.contacts() == []


def test_a_missing_privilege_is_named(client: Client) -> None:
    client.sandbox.faults.add("dynamics", "missing_scopes", params={"scope": "prvCreateNote"}, times=1)
    message = client.data("GET", "WhoAmI").json()["error"]["message"]
    assert "is missing prvCreateNote privilege" in message


@pytest.mark.parametrize("kind", ["revoke_token", "expire_token"])
def test_a_spoilt_token_opens_nothing(client: Client, kind: str) -> None:
    client.sandbox.faults.add("dynamics", kind, times=1)
    assert [client.data("GET", "WhoAmI").status_code for _ in range(2)] == [401, 401]


def test_an_answer_can_be_lost_after_the_work_is_done(client: Client) -> None:
    client.sandbox.faults.add("dynamics", "lose_reply", times=1)
    with pytest.raises(requests.ConnectionError):
        client.data("PATCH", f"contacts({ID})", {"lastname": "X"}, If_None_Match="*")
    again = client.data("PATCH", f"contacts({ID})", {"lastname": "X"}, If_None_Match="*")
    assert again.status_code == 412


@pytest.mark.parametrize("whole_batch", [False, True])
def test_a_rule_of_the_customers_refuses_a_row_or_the_whole_batch(client: Client, whole_batch: bool) -> None:
    params = {"text": "poison", "whole_batch": whole_batch}
    client.sandbox.faults.add("dynamics", "reject_matching", params=params)
    bodies = ['{"lastname":"good"}', '{"lastname":"poison"}', '{"lastname":"fine"}']
    parts = [part("POST", f"{API}contacts", body) for body in bodies]
    answer = client.batch(parts, "odata.continue-on-error")
    kept = sorted(row["properties"]["lastname"] for row in client.sandbox.dynamics.contacts())
    assert (answer.status_code, kept) == ((400, []) if whole_batch else (200, ["fine", "good"]))
    assert "0x80040265" in answer.text


@pytest.mark.parametrize(
    ("withheld", "method", "path"),
    [
        ("prvReadContact", "GET", "contacts?$top=1"),
        ("prvReadNote", "GET", "annotations?$select=annotationid&$top=1"),
        ("prvReadAccount", "GET", "accounts?$top=1"),
        ("prvCreateContact", "POST", "contacts"),
        ("prvCreateNote", "POST", "annotations"),
        ("prvWriteContact", "PATCH", f"contacts({ID})"),
        ("prvDeleteContact", "DELETE", f"contacts({ID})"),
    ],
)
def test_a_privilege_that_the_role_lacks_is_missed(client: Client, withheld: str, method: str, path: str) -> None:
    client.data("PATCH", f"contacts({ID})", {"lastname": "X"})
    client.sandbox.dynamics.dialect.change({"withheld_privilege": withheld})
    answer = client.data(method, path, {} if method in ("POST", "PATCH") else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "0x80040220")
    assert withheld in answer.json()["error"]["message"]
    assert client.data("GET", "WhoAmI").status_code == 200
