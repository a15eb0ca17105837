"""API keys with scopes and an end, the limit of a minute, and faults in AutoChat's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from .conftest import AutoChatClient


@pytest.mark.parametrize("key", [None, "wrong", ""])
def test_without_a_good_key_everything_is_a_401(client_for: Callable[..., AutoChatClient], key: str | None) -> None:
    answer = client_for(key).call("GET", "/clients")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "INVALID_API_KEY")
    assert "X-RateLimit-Limit" not in answer.headers


def test_a_key_ends_when_it_was_told_to(client: AutoChatClient, client_for: Callable[..., AutoChatClient]) -> None:
    body = {"portal_id": "sandbox", "token": "ac-short-key", "expires_at": "2026-09-21T15:00:00Z"}
    assert client.own("POST", "portals", json=body).status_code == 201
    short = client_for("ac-short-key")
    assert short.call("GET", "/clients").status_code == 200
    client.sandbox.clock.advance(3600)
    assert short.call("GET", "/clients").status_code == 401
    assert client.call("GET", "/clients").status_code == 200


def test_a_key_may_do_what_its_scopes_say(client: AutoChatClient, client_for: Callable[..., AutoChatClient]) -> None:
    client.sandbox.autochat.add_workspace("sandbox", "ac-reader", ["clients:read"])
    reader = client_for("ac-reader")
    assert reader.call("GET", "/clients").status_code == 200
    answer = reader.call("POST", "/clients", json={"company_name": "A"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")


def test_a_minute_has_as_many_calls_as_the_workspace_allows(client: AutoChatClient) -> None:
    client.sandbox.autochat.add_workspace("sandbox", per_minute=3)
    answers = [client.call("GET", "/clients") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"3"}
    assert answers[-1].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    resets_at = int(answers[-1].headers["X-RateLimit-Reset"])
    assert "Retry-After" not in answers[-1].headers
    client.sandbox.clock.set(resets_at - 0.5)
    assert client.call("GET", "/clients").status_code == 429
    client.sandbox.clock.set(resets_at)
    assert client.call("GET", "/clients").status_code == 200


def test_a_429_carries_retry_after_when_the_switch_says_so(client: AutoChatClient) -> None:
    client.sandbox.autochat.add_workspace("sandbox", per_minute=1)
    client.switch(retry_after_on_429=True)
    client.call("GET", "/clients")
    assert client.call("GET", "/clients").headers["Retry-After"] == "40"


def test_a_reset_brings_back_the_first_key_and_its_limit(client: AutoChatClient) -> None:
    client.sandbox.autochat.add_workspace("sandbox", per_minute=1)
    client.sandbox.faults.add("autochat", "revoke_token", times=1)
    assert client.call("GET", "/clients").status_code == 401
    client.own("POST", "reset")
    answer = client.call("GET", "/clients")
    assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (200, "100000")


@pytest.mark.parametrize(
    ("kind", "params", "status", "code"),
    [
        ("throttle", {"policy": "MINUTE", "retry_after": 7}, 429, "RATE_LIMIT_EXCEEDED"),
        ("server_error", {"status": 500}, 500, "INTERNAL_ERROR"),
        ("server_error", {"status": 504}, 504, "GATEWAY_TIMEOUT"),
        ("locked", {}, 409, "CONFLICT"),
        ("moving", {"retry_after": 60}, 503, "SERVICE_UNAVAILABLE"),
        ("missing_scopes", {}, 403, "INSUFFICIENT_PERMISSIONS"),
        ("revoke_token", {}, 401, "INVALID_API_KEY"),
        ("expire_token", {}, 401, "INVALID_API_KEY"),
        ("reject_matching", {"text": "Northwind"}, 400, "VALIDATION_ERROR"),
    ],
)
def test_a_fault_speaks_autochats_language_and_does_no_work(
    client: AutoChatClient, kind: str, params: dict[str, Any], status: int, code: str
) -> None:
    client.sandbox.faults.add("autochat", kind, params=params, times=1)
    answer = client.call("POST", "/clients", json={"company_name": "Northwind Bikes"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert client.sandbox.autochat.contacts() == []
    if params.get("retry_after"):
        assert answer.headers["Retry-After"] == str(params["retry_after"])


def test_a_lost_reply_leaves_the_client_made(client: AutoChatClient) -> None:
    client.sandbox.faults.add("autochat", "lose_reply", times=1)
    with pytest.raises(requests.ConnectionError):
        client.create()
    assert len(client.sandbox.autochat.contacts()) == 1


def test_faults_of_one_crm_leave_the_other_alone(client: AutoChatClient) -> None:
    client.sandbox.faults.add("hubspot", "server_error")
    assert client.call("GET", "/clients").status_code == 200
