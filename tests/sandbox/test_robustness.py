"""Whatever JSON arrives at whatever path: an answer in the vendor's form, never a breakdown, never half a write."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_crm_sync.sandbox import Sandbox
from flask_crm_sync.sandbox.hubspot.routes import ROUTES, Route

from .client import Client, row, upsert

# fmt: off
WORDS = [
    "inputs", "id", "idProperty", "properties", "associations", "to", "from", "types", "associationCategory",
    "associationTypeId", "email", "firstname", "objectWriteTraceId", "filterGroups", "filters",
    "propertyName", "operator", "value", "values", "highValue", "sorts", "direction", "query", "limit",
    "after", "name", "label", "type", "fieldType", "groupName", "options", "hasUniqueValue",
    "primaryObjectId", "objectIdToMerge", "objectId", "targetUrl", "throttling", "eventType", "active",
    "hs_timestamp", "hs_note_body",
]
# fmt: on
VALUES = ("email", "a@example.com", "33001", "EQ", "IN", "BETWEEN", "string", "enumeration", "contactinformation", "")
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
values = st.recursive(
    leaves | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
rows = st.dictionaries(st.sampled_from(WORDS), values, max_size=5)
bodies = (
    rows
    | values
    | st.fixed_dictionaries({"inputs": st.lists(rows, min_size=1, max_size=3)})
    | st.fixed_dictionaries({"filterGroups": st.lists(st.fixed_dictionaries({"filters": st.lists(rows, max_size=3)}))})
)
taking_json = [route for route in ROUTES if route.method in ("POST", "PUT", "PATCH")]


def path_of(route: Route) -> str:
    path = route.bases[-1] + route.path
    words = {"<kind>": "contacts", "<to_kind>": "notes", "<record_id>": "33001", "<to_id>": "33002", "<name>": "email"}
    for variable, word in {**words, "<app_id>": "7", "<subscription_id>": "1"}.items():
        path = path.replace(variable, word)
    return path


@pytest.mark.parametrize("route", taking_json, ids=lambda route: f"{route.method} {route.path}")
def test_no_body_breaks_a_route(client: Client, route: Route) -> None:
    client.contact(email="a@example.com")
    client.note()

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(body=bodies)
    def check(body: Any) -> None:
        answer = client.call(route.method, path_of(route), json=body)
        assert answer.status_code < 500, (body, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["status"] == "error"

    check()


def test_a_batch_that_fails_half_way_keeps_nothing(client: Client) -> None:
    client.make_key()
    rows = [upsert(f"k{number}", email=f"p{number}@example.com") for number in range(99)]
    assert client.batch("contacts", "upsert", [*rows, upsert("k99", email="nonsense")]).status_code == 400
    assert client.sandbox.hubspot.contacts() == []
    assert client.batch("contacts", "upsert", rows).json()["status"] == "COMPLETE"


def test_writers_at_the_same_time_never_make_two_of_one_key(sandbox: Sandbox) -> None:
    with Client(sandbox) as first:
        first.make_key()
    rows = [upsert(f"k{number}", str(number), email=f"p{number}@example.com") for number in range(50)]
    answers: list[int] = []

    def write() -> None:
        with Client(sandbox) as client:
            answers.append(client.batch("contacts", "upsert", rows).status_code)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 6
    assert len(sandbox.hubspot.contacts()) == 50


def test_racing_creates_of_one_address_leave_one_contact(sandbox: Sandbox) -> None:
    answers: list[int] = []

    def write() -> None:
        with Client(sandbox) as client:
            answers.append(client.batch("contacts", "create", [row(email="a@example.com")]).status_code)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [409] * 5
