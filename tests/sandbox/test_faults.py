"""Faults: each does what it says, where and as often as it was told."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from flask_crm_sync.sandbox import Sandbox
from flask_crm_sync.sandbox.faults import KINDS

from .client import Client, row

FAULTS = "/_sandbox/api/hubspot/faults"
DETAILS = "/account-info/2026-09/details"


def create(client: Client) -> requests.Response:
    return client.objects("POST", "contacts", json={"properties": {"firstname": "A"}})


def contacts(client: Client) -> int:
    return len(client.sandbox.hubspot.contacts())


@pytest.mark.parametrize(("kind", "kept"), [("lose_reply", 1), ("drop_request", 0)])
def test_a_lost_reply_leaves_the_work_done_and_a_dropped_request_does_not(client: Client, kind: str, kept: int) -> None:
    client.sandbox.faults.add("hubspot", kind, times=1)
    with pytest.raises(requests.ConnectionError):
        create(client)
    assert contacts(client) == kept
    assert create(client).status_code == 201
    assert [(call.status, call.note) for call in client.sandbox.calls.newest()] == [(201, ""), (None, kind)]


@pytest.mark.parametrize(("committed", "kept"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 521, 523, 524, 526])
def test_a_server_error_strikes_before_or_after_the_work(
    client: Client, status: int, committed: bool, kept: int
) -> None:
    client.sandbox.faults.add("hubspot", "server_error", params={"status": status, "committed": committed}, times=1)
    answer = create(client)
    assert (answer.status_code, answer.json()["status"]) == (status, "error")
    assert contacts(client) == kept


@pytest.mark.parametrize(
    ("kind", "params", "status", "header"),
    [
        ("throttle", {"policy": "TEN_SECONDLY_ROLLING"}, 429, {"X-HubSpot-RateLimit-Remaining": "0"}),
        ("throttle", {"policy": "DAILY", "retry_after": 7}, 429, {"Retry-After": "7"}),
        ("throttle", {"policy": "SECONDLY"}, 429, {}),
        ("locked", {}, 423, {}),
        ("moving", {"retry_after": 3600}, 477, {"Retry-After": "3600"}),
        ("missing_scopes", {"scope": "crm.objects.contacts.write"}, 403, {}),
        ("html_error", {"status": 502}, 502, {"Content-Type": "text/html"}),
        ("revoke_token", {}, 401, {}),
        ("expire_token", {}, 401, {}),
    ],
)
def test_a_refusal_does_no_work(
    client: Client, kind: str, params: dict[str, Any], status: int, header: dict[str, str]
) -> None:
    client.sandbox.faults.add("hubspot", kind, params=params, times=1)
    answer = create(client)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in header} == header
    assert contacts(client) == 0


def test_an_html_error_is_no_json(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "html_error")
    answer = create(client)
    assert answer.text.startswith("<html>")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_broken_json_follows_finished_work(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "malformed_json", times=1)
    answer = create(client)
    assert answer.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert contacts(client) == 1


def test_a_truncated_answer_breaks_off_under_a_full_content_length(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "truncated", times=1)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        create(client)
    assert contacts(client) == 1


def test_a_slow_drip_arrives_byte_by_byte(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "slow_drip", params={"ms": 1}, times=1)
    with client.objects("POST", "contacts", json={"properties": {}}, stream=True) as answer:
        pieces = []
        while piece := answer.raw.read1(65536):
            pieces.append(piece)
    assert len(pieces) > 10


def test_latency_waits_before_the_work(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "latency", params={"ms": 30_000}, times=1)
    with pytest.raises(requests.ReadTimeout):
        client.objects("POST", "contacts", json={"properties": {}}, timeout=0.2)
    assert contacts(client) == 0


def test_latency_ends_when_the_sandbox_stops(certificates: Any) -> None:
    sandbox = Sandbox(certificates, keep=False).start()
    sandbox.faults.add("hubspot", "latency", params={"ms": 3_600_000})
    with Client(sandbox) as client, pytest.raises(requests.ReadTimeout):
        client.call("GET", DETAILS, timeout=0.2)
    sandbox.stop()


def test_one_bad_record_in_a_batch_is_refused_by_itself(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "reject_matching", params={"text": "poison"})
    rows = [row("t1", firstname="A"), row("t2", firstname="a poison pill"), row("t3", firstname="C")]
    answer = client.batch("contacts", "create", rows)
    assert (answer.status_code, len(answer.json()["results"])) == (207, 2)
    assert answer.json()["errors"][0]["context"] == {"objectWriteTraceId": ["t2"]}


def test_one_bad_record_may_take_the_whole_batch_with_it_unnamed(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "reject_matching", params={"text": "poison", "whole_batch": True})
    answer = client.batch("contacts", "create", [row("t1", firstname="A"), row("t2", firstname="poison")])
    assert answer.status_code == 400
    assert "poison" not in answer.text
    assert "t2" not in answer.text
    assert contacts(client) == 0
    assert client.batch("contacts", "create", [row("t1", firstname="A")]).status_code == 201


def test_a_fault_strikes_only_where_it_matches(client: Client) -> None:
    client.sandbox.hubspot.add_portal(99, "pat-na1-other")
    client.sandbox.faults.add("hubspot", "locked", method="post", path="contacts/batch", portal="1234567")
    assert client.batch("contacts", "create", [row(firstname="A")]).status_code == 423
    assert client.batch("notes", "create", [row(hs_timestamp="1700000000000")]).status_code == 201
    assert create(client).status_code == 201
    with Client(client.sandbox, token="pat-na1-other") as other:
        assert other.batch("contacts", "create", [row(firstname="A")]).status_code == 201


def test_skipping_and_counting(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "locked", after=2, times=2)
    assert [client.call("GET", DETAILS).status_code for _ in range(6)] == [200, 200, 423, 423, 200, 200]
    [fault] = client.call("GET", FAULTS).json()["faults"]
    assert (fault["seen"], fault["fired"], fault["spent"]) == (4, 2, True)


def test_chance_is_repeatable(client: Client) -> None:
    runs = []
    for _ in range(2):
        client.sandbox.faults.clear()
        client.sandbox.faults.add("hubspot", "locked", probability=0.5, seed=7)
        runs.append([client.call("GET", DETAILS).status_code for _ in range(40)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 423}


def test_several_faults_strike_together(client: Client) -> None:
    client.sandbox.faults.add("hubspot", "expire_token", times=1)
    client.sandbox.faults.add("hubspot", "lose_reply", times=1)
    with pytest.raises(requests.ConnectionError):
        create(client)
    assert create(client).json()["category"] == "EXPIRED_AUTHENTICATION"


def test_the_interface_adds_lists_and_removes(client: Client) -> None:
    body = {"kind": "latency", "params": {"ms": 5}, "times": 3, "path": "batch"}
    made = client.call("POST", FAULTS, json=body)
    assert (made.status_code, made.json()["params"]) == (201, {"ms": 5})
    assert client.call("DELETE", f"{FAULTS}/{made.json()['id']}").status_code == 204
    assert client.call("DELETE", f"{FAULTS}/{made.json()['id']}").status_code == 404
    client.call("POST", FAULTS, json={"kind": "locked"})
    assert client.call("DELETE", FAULTS).status_code == 204
    assert client.call("GET", FAULTS).json() == {"faults": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "earthquake"},
        {},
        {"kind": "latency", "params": {"hours": 1}},
        {"kind": "latency", "params": {"ms": "long"}},
        {"kind": "latency", "probability": 2},
        {"kind": "latency", "colour": "red"},
        {"kind": "throttle", "params": {"policy": "MONTHLY"}},
        {"kind": "server_error", "params": {"status": 200}},
    ],
)
def test_a_wrong_fault_is_refused_with_a_reason(client: Client, wrong: dict[str, Any]) -> None:
    answer = client.call("POST", FAULTS, json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_our_own_pages_never_go_wrong(client: Client) -> None:
    for kind in KINDS.values():
        client.sandbox.faults.add("hubspot" if kind.is_of("hubspot") else next(iter(kind.crms)), kind.name)
    assert client.call("GET", "/_sandbox/").status_code == 200
    assert client.call("GET", FAULTS).status_code == 200
