"""HubSpot's answers, in the words that its documentation and others' records give them, and what we make of them.

Only what the sandbox does not show: the sandbox's own suite is `tests/contract`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.base import Lookup, NoteWrite, RemoteRecord, Write, Written
from flask_crm_sync.crm.http import Allowance
from flask_crm_sync.crm.hubspot import HubSpotAdapter
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.errors import (
    AccountMoving,
    CredentialsRefused,
    CRMError,
    Duplicate,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    ReconnectRequired,
    RecordLocked,
    RecordMissing,
    RejectedByCRM,
    ServerFault,
    Unreachable,
)

_PAYLOADS = Path(__file__).parent / "payloads"
_ORIGIN = "https://api.hubapi.com"
_CONTACTS = f"{_ORIGIN}/crm/objects/2026-09/contacts"
_NOTES = f"{_ORIGIN}/crm/objects/2026-09/notes"
_NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
_KEYED = {"key_property": "crm_sync_client_key", "time_zone": "US/Eastern"}


class _Clock(SystemClock):
    def now(self) -> datetime:
        return _NOW

    def sleep(self, seconds: float) -> None:
        pass


class _Meter:
    def __init__(self) -> None:
        self.told: list[Allowance] = []

    def spend(self, kind: str) -> None:
        pass

    def learn(self, allowance: Allowance) -> None:
        self.told.append(allowance)


def _adapter(traits: dict[str, Any] | None = None, meter: _Meter | None = None) -> HubSpotAdapter:
    settings = Settings(encryption_keys=(b"k" * 32,))
    known = _KEYED if traits is None else traits
    made = connect("hubspot", {"token": "pat-na1-test"}, settings, known, meter=meter, clock=_Clock())
    assert isinstance(made, HubSpotAdapter)
    return made


@pytest.fixture
def hubspot() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def _payload(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_PAYLOADS / f"{name}.json").read_text())
    return loaded


def _answer(mock: responses.RequestsMock, url: str, name: str, method: str = "POST") -> None:
    told = _payload(name)
    body = told["body"] if isinstance(told["body"], str) else json.dumps(told["body"])
    mock.add(method, url, body=body, status=told["status"], headers=told.get("headers"))


def _create(email: str = "ann@example.com", key: str = "k") -> Write:
    return Write(key, {"email": email})


@pytest.mark.parametrize(
    ("name", "of_a_write", "told"),
    [
        ("conflict_with_id", Duplicate, {"existing_id": "12345", "status_code": 409}),
        ("conflict_without_id", Duplicate, {"existing_id": None}),
        ("unique_value_taken", Duplicate, {"existing_id": "88"}),
        ("unique_value_taken_older_form", Duplicate, {"existing_id": "88"}),
        ("property_exists", Duplicate, {}),
        ("invalid_email", InvalidRecord, {"fields": {"email": "Email address nobody is invalid"}}),
        (
            "invalid_in_message_only",
            InvalidRecord,
            {"fields": {"zip": "zip was not one of the allowed options: [1, 2]"}},
        ),
        ("duplicate_ids", InvalidRecord, {"fields": {}}),
        ("nothing_said", InvalidRecord, {"crm_message": "", "request_id": None}),
        ("unknown_property", ReconnectRequired, {"whole_connection": True}),
        ("missing_scope", PermissionMissing, {"permissions": ("crm.objects.contacts.read",)}),
        ("forbidden_by_rule", PermissionMissing, {"permissions": ()}),
        ("token_expired", CredentialsRefused, {"status_code": 401}),
        ("token_wrong", CredentialsRefused, {"crm_message": "Authentication credentials not found: [removed]"}),
        ("property_unknown", RecordMissing, {}),
        ("uri_too_long", RejectedByCRM, {"status_code": 414}),
        ("locked", RecordLocked, {"retry_after": 2.0}),
        ("moving", AccountMoving, {"retry_after": 5400.0}),
        ("limit_burst", RateLimited, {"retry_after": 10.0}),
        ("limit_search", RateLimited, {"retry_after": 1.0}),
        ("limit_with_retry_after", RateLimited, {"retry_after": 7.0}),
        ("limit_other_word", RateLimited, {"retry_after": 10.0}),
        ("limit_daily", RateLimited, {"retry_after": 6.5 * 3600}),
        ("proxy_page", OutcomeUnknown, {"crm_message": "<html><h1>502 Bad Gateway</h1></html>", "status_code": 502}),
    ],
)
def test_answer_to_a_write_becomes_its_class(
    hubspot: responses.RequestsMock, name: str, of_a_write: type[CRMError], told: dict[str, Any]
) -> None:
    _answer(hubspot, f"{_CONTACTS}/batch/upsert", name)
    (outcome,) = _adapter().upsert([_create()])
    assert type(outcome) is of_a_write
    assert {attribute: getattr(outcome, attribute) for attribute in told} == told
    if isinstance(_payload(name)["body"], dict) and "correlationId" in _payload(name)["body"]:
        assert outcome.request_id == "0f62ce4a-0c17-4468-a0fe-eb3d1d803832"


@pytest.mark.parametrize(
    ("status", "of_a_write", "of_a_read"),
    [
        (302, OutcomeUnknown, ServerFault),
        (408, OutcomeUnknown, ServerFault),
        (410, RejectedByCRM, RejectedByCRM),
        (415, RejectedByCRM, RejectedByCRM),
        (500, OutcomeUnknown, ServerFault),
        (502, OutcomeUnknown, ServerFault),
        (503, OutcomeUnknown, ServerFault),
        (504, OutcomeUnknown, ServerFault),
        (521, OutcomeUnknown, ServerFault),
        (522, OutcomeUnknown, ServerFault),
        (523, OutcomeUnknown, ServerFault),
        (524, OutcomeUnknown, ServerFault),
        (525, Unreachable, Unreachable),
        (526, Unreachable, Unreachable),
        (599, OutcomeUnknown, ServerFault),
    ],
)
def test_bare_status_becomes_its_class(
    hubspot: responses.RequestsMock, status: int, of_a_write: type, of_a_read: type
) -> None:
    hubspot.add("POST", f"{_CONTACTS}/batch/upsert", status=status)
    hubspot.add("POST", f"{_CONTACTS}/batch/read", status=status)
    assert type(_adapter().upsert([_create()])[0]) is of_a_write
    assert type(_adapter().find([Lookup("k", "ann@example.com", by_key=False)])[0]) is of_a_read


@pytest.mark.parametrize(
    ("time_zone", "seconds"),
    [
        ("US/Eastern", 6.5 * 3600),
        ("UTC", 1.5 * 3600),
        ("Asia/Tokyo", 16.5 * 3600),
        ("", 3600),
        ("No/Where", 3600),
        ("/x", 3600),
    ],
)
def test_daily_limit_ends_at_the_portals_midnight(
    hubspot: responses.RequestsMock, time_zone: str, seconds: float
) -> None:
    _answer(hubspot, f"{_CONTACTS}/batch/upsert", "limit_daily")
    (outcome,) = _adapter({**_KEYED, "time_zone": time_zone}).upsert([_create()])
    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("Fri, 20 Nov 2026 22:31:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 22:00:00 GMT", 0.0),
        ("9999999", 86400.0),
        ("soon", 10.0),
        ("-5", 10.0),
        ("nan", 10.0),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(
    hubspot: responses.RequestsMock, header: str, seconds: float
) -> None:
    hubspot.add("POST", f"{_CONTACTS}/batch/upsert", json={}, status=429, headers={"Retry-After": header})
    (outcome,) = _adapter().upsert([_create()])
    assert isinstance(outcome, CRMError)
    assert outcome.retry_after == seconds


def test_limits_in_the_headers_are_told_to_the_meter(hubspot: responses.RequestsMock) -> None:
    headers = {
        "X-HubSpot-RateLimit-Max": "190",
        "X-HubSpot-RateLimit-Remaining": "188",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Daily": "650000",
        "X-HubSpot-RateLimit-Daily-Remaining": "lots",
    }
    hubspot.add("POST", f"{_CONTACTS}/batch/upsert", json={}, headers=headers)
    meter = _Meter()
    _adapter(meter=meter).upsert([_create()])
    assert meter.told == [Allowance(190, 188, 10.0, 650000, None)]


def test_taken_email_without_the_property_names_the_owner_and_the_rest_is_created(
    hubspot: responses.RequestsMock,
) -> None:
    _answer(hubspot, f"{_CONTACTS}/batch/create", "batch_create_one_taken")
    taken, made = _adapter({}).upsert([_create("taken@example.com", "k1"), _create("new@example.com", "k2")])
    assert isinstance(taken, Duplicate)
    assert taken.existing_id == "171591000198"
    assert isinstance(made, Written)
    assert (made.record.id, made.record.values["email"]) == ("2", "new@example.com")


def test_grouped_unknown_ids_are_each_missing_and_the_rest_is_updated(hubspot: responses.RequestsMock) -> None:
    _answer(hubspot, f"{_CONTACTS}/batch/update", "batch_update_unknown_ids")
    _answer(hubspot, f"{_CONTACTS}/batch/read", "batch_update_unknown_ids")
    for record_id in ("998", "999"):
        hubspot.add("GET", f"{_CONTACTS}/{record_id}", json={"category": "OBJECT_NOT_FOUND"}, status=404)
    outcomes = _adapter().upsert([Write("k", {"city": "Rome"}, record_id) for record_id in ("998", "12", "999")])
    assert [type(outcome) for outcome in outcomes] == [RecordMissing, Written, RecordMissing]


def test_update_that_a_merge_overtook_is_sent_to_the_survivor(hubspot: responses.RequestsMock) -> None:
    _answer(hubspot, f"{_CONTACTS}/batch/update", "batch_update_unknown_ids")
    hubspot.add("POST", f"{_CONTACTS}/batch/read", json={"results": []})
    hubspot.add("GET", f"{_CONTACTS}/999", json={"id": "1234", "properties": {"city": "Oslo"}})
    hubspot.add("POST", f"{_CONTACTS}/batch/update", json={"results": [{"id": "1234", "properties": {"city": "Rome"}}]})
    (outcome,) = _adapter().upsert([Write("k", {"city": "Rome"}, "999")])
    assert isinstance(outcome, Written)
    assert outcome.record == RemoteRecord("1234", {"city": "Rome"})


def test_survivor_that_a_batch_read_answers_is_known_by_its_ancestors(hubspot: responses.RequestsMock) -> None:
    rows = [
        {"id": "50", "properties": {"hs_merged_object_ids": "10; 11", "hs_calculated_merged_vids": "12:1700000000000"}},
        {"id": "13", "properties": {"email": None}},
    ]
    hubspot.add("POST", f"{_CONTACTS}/batch/read", json={"results": rows})
    records = _adapter().read(["10", "13", "12", "11"])
    assert [record.id for record in records if isinstance(record, RemoteRecord)] == ["50", "13", "50", "50"]


def test_row_that_cannot_be_told_apart_is_unknown_not_guessed(hubspot: responses.RequestsMock) -> None:
    rows = [{"id": "1", "properties": {}}, {"id": "2", "properties": {}}]
    hubspot.add("POST", f"{_CONTACTS}/batch/upsert", json={"results": rows})
    outcomes = _adapter().upsert([_create("a@example.com", "k1"), _create("b@example.com", "k2")])
    assert {type(outcome) for outcome in outcomes} == {OutcomeUnknown}


def test_last_row_left_belongs_to_the_last_record_left(hubspot: responses.RequestsMock) -> None:
    rows = [{"id": "2", "properties": {}}, {"id": "1", "properties": {"email": "A@example.com"}}]
    hubspot.add("POST", f"{_CONTACTS}/batch/upsert", json={"results": rows})
    outcomes = _adapter().upsert([_create("a@example.com", "k1"), _create("b@example.com", "k2")])
    assert [outcome.record.id for outcome in outcomes if isinstance(outcome, Written)] == ["1", "2"]


def test_two_clients_alike_are_not_confused_by_their_phone(hubspot: responses.RequestsMock) -> None:
    rows = [{"id": str(n), "properties": {"phone": "1234567", "firstname": "Ann"}} for n in (1, 2)]
    hubspot.add("POST", f"{_CONTACTS}/batch/create", json={"results": rows})
    values = {"phone": "1234567", "firstname": "Ann"}
    assert {type(outcome) for outcome in _adapter({}).upsert([Write("k1", values), Write("k2", values)])} == {
        OutcomeUnknown
    }


def test_note_bodies_that_the_answer_leaves_out_are_read_back(hubspot: responses.RequestsMock) -> None:
    hubspot.add("POST", f"{_NOTES}/batch/create", json={"results": [{"id": "8"}, {"id": "7"}]})
    bodies = [{"id": str(n), "properties": {"hs_note_body": f"x<br/>ref: k{n}"}} for n in (7, 8)]
    hubspot.add("POST", f"{_NOTES}/batch/read", json={"results": bodies})
    notes = [NoteWrite(f"k{n}", "1", "Chat", "x", _NOW) for n in (7, 8)]
    assert [getattr(outcome, "id", outcome) for outcome in _adapter().add_notes(notes)] == ["7", "8"]


def test_search_stays_within_hubspots_limits_for_a_hundred_phones(hubspot: responses.RequestsMock) -> None:
    hubspot.add("POST", f"{_CONTACTS}/search", json={"results": []})
    lookups = [Lookup(f"k{n}", "", f"+49 (0) 151 123 4 {n:04d}", by_key=False) for n in range(100)]
    assert _adapter().find(lookups) == [()] * 100
    assert len(hubspot.calls) == 1
    body = hubspot.calls[0].request.body
    assert body is not None
    assert len(body) <= 3_000
    (group,) = [
        g["filters"][0] for g in json.loads(body)["filterGroups"] if "searchable" in g["filters"][0]["propertyName"]
    ]
    assert len(group["values"]) == 100


def test_phones_that_cannot_be_read_go_into_as_many_searches_as_they_need(hubspot: responses.RequestsMock) -> None:
    hubspot.add("POST", f"{_CONTACTS}/search", json={"results": []})
    lookups = [Lookup(f"k{n}", "", f"call 555 {n:06d} and ask for somebody", by_key=False) for n in range(100)]
    assert _adapter().find(lookups) == [()] * 100
    bodies = [call.request.body for call in hubspot.calls]
    assert all(body is not None and len(body) <= 3_000 for body in bodies)
    sent = [value for body in bodies if body for value in json.loads(body)["filterGroups"][0]["filters"][0]["values"]]
    assert sent == [lookup.phone for lookup in lookups]


def test_portal_that_takes_no_further_property_is_synced_by_email(hubspot: responses.RequestsMock) -> None:
    properties = f"{_ORIGIN}/crm/properties/2026-09/contacts"
    hubspot.add("GET", f"{_ORIGIN}/account-info/2026-09/details", json={"portalId": 7})
    hubspot.add("GET", _CONTACTS, json={"results": []})
    _answer(hubspot, f"{properties}/crm_sync_client_key", "property_unknown", "GET")
    _answer(hubspot, f"{properties}/groups", "property_exists")
    hubspot.add("POST", properties, json={"message": "10 unique properties are enough"}, status=400)
    identity = _adapter({}).test()
    assert identity.traits["key_property"] is None
    assert "10 unique properties are enough" in identity.findings[0]


_ENVELOPE = ["results", "errors", "context", "message", "category", "correlationId", "paging", "next", "after"]
_INSIDE = ["id", "ids", "properties", "objectWriteTraceId", "from", "to", "toObjectId", "portalId", "existingId"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*_ENVELOPE, *_INSIDE]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(body=_JSON, status=st.sampled_from([200, 207, 400, 403, 404, 409, 429, 500]))
def test_no_answer_whatever_its_shape_crashes_the_adapter(body: Any, status: int) -> None:
    adapter = _adapter()
    note = NoteWrite("k", "1", "Chat", "x", _NOW)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST"):
            mock.add(method, re.compile(f"{_ORIGIN}/.*"), json=body, status=status)
        assert len(adapter.find([Lookup("k", "ann@example.com", "+1 202-555-0123")])) == 1
        assert len(adapter.upsert([_create(), Write("k", {"city": "Rome"}, "1")])) == 2
        assert len(adapter.read(["1", "2"])) == 2
        assert len(adapter.add_notes([note])) == 1
        assert len(adapter.find_notes([note])) == 1
        with suppress(CRMError):
            adapter.test()
