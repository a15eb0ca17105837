"""Each recorded error body is produced by the sandbox in the situation it was recorded in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from .client import Client, row
from .contracts import contract_file
from .test_oauth import token

UNKNOWN = {"properties": {"x": "1"}}


def taken_address(client: Client) -> requests.Response:
    client.contact(email="a@example.com")
    return client.objects("POST", "contacts", json={"properties": {"email": "a@example.com"}})


def taken_in_batch(client: Client) -> requests.Response:
    client.contact(email="a@example.com")
    return client.batch("contacts", "create", [row(email="a@example.com"), row(email="b@example.com")])


def taken_in_batch_with_traces(client: Client) -> requests.Response:
    client.contact(email="a@example.com")
    return client.batch("contacts", "create", [row("0", email="a@example.com"), row("1", email="new@example.com")])


def unknown_property_in_batch(client: Client) -> requests.Response:
    return client.batch("contacts", "create", [row("549b1c2a9351", missing="x"), row("2", firstname="B")])


def unknown_ids(client: Client) -> requests.Response:
    return client.batch("contacts", "update", [{"id": "999", **row("0", city="X")}])


def same_id_twice(client: Client) -> requests.Response:
    contact = client.contact(firstname="A")
    return client.batch("contacts", "update", [{"id": contact, **row()}, {"id": contact, **row()}])


def unknown_property(client: Client) -> requests.Response:
    return client.objects("POST", "contacts", json=UNKNOWN)


def missing_scope(client: Client) -> requests.Response:
    client.sandbox.hubspot.add_portal(1, "pat-na1-none", [])
    return client.objects("GET", "contacts", headers={"Authorization": "Bearer pat-na1-none"})


def expired(client: Client) -> requests.Response:
    client.sandbox.hubspot.access.expire("pat-na1-sandbox", client.sandbox.clock.now_ms())
    return client.objects("GET", "contacts")


def refused_refresh(client: Client) -> requests.Response:
    answer: requests.Response = token(client, grant_type="refresh_token", refresh_token="na1-gone")
    return answer


def throttled(policy: str) -> Callable[[Client], requests.Response]:
    def call(client: Client) -> requests.Response:
        client.sandbox.faults.add("hubspot", "throttle", params={"policy": policy}, times=1)
        return client.search()

    return call


def property_exists(client: Client) -> requests.Response:
    client.make_key()
    return client.make_key()


SITUATIONS: dict[str, Callable[[Client], requests.Response]] = {
    "create, e-mail taken": taken_address,
    "batch create, no trace ids, e-mail taken": taken_in_batch,
    "batch create with trace ids, one e-mail taken": taken_in_batch_with_traces,
    "batch create with trace ids, unknown property": unknown_property_in_batch,
    "batch update, unknown ids": unknown_ids,
    "batch, the same id twice": same_id_twice,
    "unknown property": unknown_property,
    "missing scope": missing_scope,
    "access token expired": expired,
    "refresh refused": refused_refresh,
    "burst limit": throttled("TEN_SECONDLY_ROLLING"),
    "daily limit": throttled("DAILY"),
    "search limit": throttled("SECONDLY"),
    "property exists already": property_exists,
}

VOLATILE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z|\d+")
FREE = {"correlationId", "groupName"}
"""Members that differ from call to call, or that some recordings have and others lack."""


def form(value: Any) -> Any:
    """Return a body with everything that differs from call to call taken out."""
    if isinstance(value, dict):
        return {name: form(each) for name, each in value.items() if name not in FREE}
    if isinstance(value, list):
        return [form(each) for each in value]
    if isinstance(value, str):
        return VOLATILE.sub("#", value)
    return value


def recorded() -> list[dict[str, Any]]:
    bodies: list[dict[str, Any]] = contract_file("error_bodies.json")
    return bodies


def test_every_recorded_case_has_its_situation() -> None:
    assert {each["case"] for each in recorded()} == set(SITUATIONS)


@pytest.mark.parametrize("case", SITUATIONS)
def test_the_recorded_body_comes_back(client: Client, case: str) -> None:
    [wanted] = [each for each in recorded() if each["case"] == case]
    answer = SITUATIONS[case](client)
    assert answer.status_code == wanted["status"]
    got = answer.json()
    if "body" in wanted and "results" not in wanted["body"]:
        assert form(got) == form(wanted["body"])
    if "body" in wanted and "results" in wanted["body"]:
        assert set(got) == set(wanted["body"])
        assert form(got["errors"]) == form(wanted["body"]["errors"])
    if "row" in wanted:
        assert form(got["errors"]) == [form(wanted["row"])]
    if "partial" in wanted:
        assert {name: got[name] for name in wanted["partial"]} == wanted["partial"]
