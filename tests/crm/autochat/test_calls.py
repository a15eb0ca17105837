"""What goes out to AutoChat CRM, and what is made of what comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import responses

from flask_crm_sync.crm.autochat import AutoChatAdapter
from flask_crm_sync.crm.autochat.answers import ActivitiesMissing
from flask_crm_sync.crm.autochat.records import FRESH_SECONDS
from flask_crm_sync.crm.base import Lookup, NoteWrite, RemoteNote, RemoteRecord, Write, Written
from flask_crm_sync.crm.http import Allowance
from flask_crm_sync.errors import (
    CredentialsRefused,
    CRMError,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    ReconnectRequired,
    RecordMissing,
    RejectedByCRM,
    ServerFault,
    Unreachable,
    UnsupportedFeature,
)

from .conftest import BASE, CLIENTS, NOW, AdapterOf, Listening, StandingClock, Wire

_AT = datetime(2026, 11, 20, 10, 30, tzinfo=timezone(timedelta(hours=1)))
_ANN = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _written(outcome: Written | CRMError) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def _note(record_id: str = "c1", note_id: str | None = None) -> NoteWrite:
    return NoteWrite("key1", record_id, "WhatsApp", "Wants a room", _AT, note_id)


# Create


def test_create_posts_the_values_below_the_whole_base_url(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients", {"data": {"id": "c1", **_ANN, "company_name": "Ann Lee"}}, 201)
    (outcome,) = adapter.upsert([Write("key1", {**_ANN, "phone": ""})])
    assert wire.mock.calls[0].request.url == "https://abc.supabase.co/functions/v1/crm-api/v1/clients"
    headers = wire.mock.calls[0].request.headers
    assert headers["Authorization"] == "Bearer ac-test-key-123"
    assert headers["Content-Type"] == "application/json"
    assert wire.sent() == {**_ANN, "company_name": "Ann Lee"}
    record = _written(outcome).record
    assert (record.id, record.values["company_name"], record.values["phone"]) == ("c1", "", "")
    assert _written(outcome).created


def test_create_whose_answer_names_nobody_is_unknown(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients", {"data": {}}, 201)
    assert isinstance(adapter.upsert([Write("key1", _ANN)])[0], OutcomeUnknown)


def test_after_an_unanswered_create_no_other_is_sent(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients", _error("INTERNAL", "oops"), 500)
    outcomes = adapter.upsert([Write(f"key{n}", _ANN) for n in range(3)])
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown, Unreachable, Unreachable]
    assert len(wire.calls) == 1


def test_one_refused_record_fails_alone(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients", _error("VALIDATION_ERROR", "email is invalid"), 400)
    wire.answers("POST", "/clients", {"data": {"id": "c2"}}, 201)
    refused, made = adapter.upsert([Write("key1", _ANN), Write("key2", _ANN)])
    assert isinstance(refused, InvalidRecord)
    assert refused.crm_message == "VALIDATION_ERROR: email is invalid"
    assert _written(made).record.id == "c2"


def test_switched_off_field_is_not_sent_and_said_to_be_left(wire: Wire, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(autochat_client_fields=(("city", ""), ("company", "organisation")))
    wire.answers("POST", "/clients", {"data": {"id": "c1"}}, 201)
    outcome = _written(adapter.upsert([Write("key1", {**_ANN, "city": "Rome", "company_name": "Example Ltd"})])[0])
    assert wire.sent() == {**_ANN, "organisation": "Example Ltd"}
    assert list(outcome.refused) == ["city"]
    assert outcome.record.lacks == {"city"}
    assert outcome.record.values["city"] == ""


# Read and update


def test_update_puts_back_what_was_read_with_our_fields_in_it(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.has("c1", **_ANN, city="Rome", status="vip", company_name="Example Ltd")
    wire.answers("PUT", "/clients/c1", {"data": {"id": "c1", **_ANN, "city": "Oslo", "status": "vip"}})
    (read,) = adapter.read(["c1"])
    assert isinstance(read, RemoteRecord)
    outcome = _written(adapter.upsert([Write("key1", {"city": "Oslo", "phone": ""}, "c1")])[0])
    assert wire.sent() == {
        "id": "c1",
        **_ANN,
        "city": "Oslo",
        "phone": None,
        "status": "vip",
        "company_name": "Example Ltd",
    }
    assert outcome.record.values["company_name"] == "Example Ltd"
    assert not outcome.created
    assert wire.calls == ["GET /clients/c1", "PUT /clients/c1"], "two calls for a record, at most"


def test_client_read_too_long_ago_is_read_again(wire: Wire, adapter: AutoChatAdapter, clock: StandingClock) -> None:
    wire.has("c1", city="Rome")
    wire.has("c1", city="Rome", last_name="Changed by somebody")
    wire.answers("PUT", "/clients/c1", {"data": {"id": "c1"}})
    adapter.read(["c1"])
    clock.passed += FRESH_SECONDS + 1
    adapter.upsert([Write("key1", {"city": "Oslo"}, "c1")])
    assert wire.sent()["last_name"] == "Changed by somebody"


def test_what_was_read_is_written_back_once_only(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.has("c1", city="Rome")
    wire.has("c1", city="Oslo", last_name="Changed by somebody")
    wire.answers("PUT", "/clients/c1", {"data": {"id": "c1"}})
    adapter.read(["c1"])
    adapter.upsert([Write("key1", {"city": "Oslo"}, "c1"), Write("key1", {"city": "Paris"}, "c1")])
    assert wire.calls == ["GET /clients/c1", "PUT /clients/c1", "GET /clients/c1", "PUT /clients/c1"]
    assert wire.sent() == {"id": "c1", "city": "Paris", "last_name": "Changed by somebody"}


def test_patch_sends_what_changed_and_reads_nothing(wire: Wire, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(autochat_update_method="PATCH")
    wire.answers("PATCH", "/clients/c1", "", 204)
    outcome = _written(adapter.upsert([Write("key1", {"city": "Oslo", "phone": ""}, "c1")])[0])
    assert wire.sent() == {"city": "Oslo", "phone": None}
    assert wire.calls == ["PATCH /clients/c1"]
    assert outcome.record == RemoteRecord("c1", {"city": "Oslo", "phone": ""})


def test_client_that_is_gone_is_missing_alone(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("GET", "/clients/c1", _error("NOT_FOUND", "no client"), 404)
    wire.answers("GET", "/clients", {"data": []})
    wire.has("c2", city="Rome")
    gone, there = adapter.read(["c1", "c2"])
    assert isinstance(gone, RecordMissing)
    assert isinstance(there, RemoteRecord)


def test_api_that_is_gone_makes_no_client_look_deleted(wire: Wire, adapter: AutoChatAdapter) -> None:
    """Else every link would be buried because somebody renamed a function."""
    wire.answers("GET", "/clients/c1", {"code": "NOT_FOUND", "message": "Requested function was not found"}, 404)
    wire.answers("GET", "/clients", {"code": "NOT_FOUND", "message": "Requested function was not found"}, 404)
    outcomes = adapter.read(["c1", "c2"])
    assert {type(outcome) for outcome in outcomes} == {ReconnectRequired}
    assert isinstance(outcomes[0], CRMError)
    assert outcomes[0].crm_message == "Requested function was not found"
    assert len(wire.calls) == 2


def test_put_that_is_not_taken_names_the_key_to_change(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.has("c1")
    wire.answers("PUT", "/clients/c1", "", 405)
    (outcome,) = adapter.upsert([Write("key1", {"city": "Oslo"}, "c1")])
    assert isinstance(outcome, ReconnectRequired)
    assert "CRM_SYNC_AUTOCHAT_UPDATE_METHOD" in str(outcome)


def test_create_at_a_path_that_is_not_there_is_no_fault_of_the_record(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients", "", 404)
    assert isinstance(adapter.upsert([Write("key1", _ANN)])[0], ReconnectRequired)


def test_answer_without_a_client_is_the_servers_fault(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("GET", "/clients/c1", {"data": None})
    assert isinstance(adapter.read(["c1"])[0], ServerFault)


def test_ids_cannot_leave_their_place_in_the_path(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.mock.add("GET", f"{CLIENTS}/..%2F..%2Fadmin%3Fx", json={"data": {"id": "x"}})
    assert isinstance(adapter.read(["../../admin?x"])[0], RemoteRecord)


# Find


def test_without_a_search_parameter_nobody_is_asked(wire: Wire, adapter: AutoChatAdapter) -> None:
    lookup = adapter.lookup("key1", {**_ANN, "phone": "+1 202-555-0123"}, by_key=True)
    assert adapter.find([lookup]) == [()]
    assert not adapter.confirms(lookup)
    assert wire.calls == []


@pytest.mark.parametrize(
    "envelope",
    [lambda rows: {"data": rows}, lambda rows: rows, lambda rows: {"data": {"clients": rows, "total": 1}}],
    ids=["data", "bare", "nested"],
)
def test_search_asks_once_for_each_email_and_takes_any_list(wire: Wire, adapter_of: AdapterOf, envelope: Any) -> None:
    adapter = adapter_of(autochat_search="email")
    wire.answers("GET", "/clients?email=ann%40example.com", envelope([{"id": "c1", "email": "Ann@Example.com"}]))
    found = adapter.find([Lookup("key1", "ann@example.com"), Lookup("key2", "ANN@example.com"), Lookup("key3")])
    assert [[(match.record.id, match.by) for match in outcome] for outcome in found if isinstance(outcome, tuple)] == [
        [("c1", "email")],
        [("c1", "email")],
        [],
    ]
    assert wire.calls == ["GET /clients?email=ann%40example.com"]
    assert adapter.confirms(Lookup("key1", "ann@example.com"))
    assert not adapter.confirms(Lookup("key1"))


def test_parameter_that_the_crm_ignores_matches_nobody_and_confirms_nothing(wire: Wire, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(autochat_search="mail")
    wire.answers("GET", "/clients", {"data": [{"id": "c1", "email": "ben@example.com"}, {"id": "c2"}]})
    lookup = Lookup("key1", "ann@example.com")
    assert adapter.find([lookup]) == [()]
    assert not adapter.confirms(lookup)


def test_search_that_is_content_with_a_part_confirms_an_absence_unless_it_may_be_one_page(
    wire: Wire, adapter_of: AdapterOf
) -> None:
    adapter = adapter_of(autochat_search="email")
    wire.answers("GET", "/clients", {"data": [{"id": "c1", "email": "joann@example.com"}]})
    wire.answers("GET", "/clients", {"data": [{"id": f"c{n}", "email": f"{n}.ann@example.com"} for n in range(10)]})
    lookup = Lookup("key1", "ann@example.com")
    assert adapter.find([lookup]) == [()]
    assert adapter.confirms(lookup)
    assert adapter.find([lookup]) == [()]
    assert not adapter.confirms(lookup)


def test_several_with_one_email_are_all_told(wire: Wire, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(autochat_search="email")
    wire.answers("GET", "/clients", {"data": [{"id": f"c{n}", "email": "ann@example.com"} for n in range(3)]})
    (outcome,) = adapter.find([Lookup("key1", "ann@example.com")])
    assert isinstance(outcome, tuple)
    assert [match.record.id for match in outcome] == ["c0", "c1", "c2"]


# Notes


def test_note_becomes_an_activity_of_its_client(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients/c1/activities", {"data": {"id": "a1"}}, 201)
    assert adapter.add_notes([_note()]) == [RemoteNote("a1")]
    assert wire.sent() == {
        "type": "note",
        "subject": "WhatsApp",
        "description": "Wants a room",
        "occurred_at": "2026-11-20T09:30:00Z",
    }


def test_activities_go_where_and_as_the_installation_says(wire: Wire, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(
        autochat_activity_path="/people/{client_id}/timeline",
        autochat_activity_fields=(("body", "text"), ("type", "")),
    )
    wire.answers("POST", "/people/c1/timeline", {}, 200)
    assert adapter.add_notes([_note()]) == [RemoteNote("key1")]
    assert wire.sent() == {"subject": "WhatsApp", "text": "Wants a room", "occurred_at": "2026-11-20T09:30:00Z"}


def test_without_a_path_notes_fail_with_words_and_nothing_is_sent(wire: Wire, adapter_of: AdapterOf) -> None:
    (outcome,) = adapter_of(autochat_activity_path="").add_notes([_note()])
    assert isinstance(outcome, ActivitiesMissing)
    assert not outcome.whole_connection, "clients must go on"
    assert "CRM_SYNC_AUTOCHAT_ACTIVITY_PATH" in outcome.advice
    assert wire.calls == []


@pytest.mark.parametrize("status", [404, 405])
def test_path_that_the_crm_does_not_have_is_learned_once_a_batch(
    wire: Wire, adapter: AutoChatAdapter, status: int
) -> None:
    wire.answers("POST", "/clients/c1/activities", "", status)
    wire.has("c1")
    outcomes = adapter.add_notes([_note(), _note("c2"), _note("c3")])
    assert {type(outcome) for outcome in outcomes} == {ActivitiesMissing}
    assert len(wire.calls) == (2 if status == 404 else 1)
    wire.answers("POST", "/clients/c4/activities", {"data": {"id": "a4"}}, 201)
    assert adapter.add_notes([_note("c4")]) == [RemoteNote("a4")], "the next batch asks again"


def test_note_of_a_client_that_is_gone_is_told_so(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients/c1/activities", "", 404)
    wire.answers("GET", "/clients/c1", "", 404)
    wire.answers("GET", "/clients", {"data": []})
    wire.answers("POST", "/clients/c2/activities", {"data": {"id": "a2"}}, 201)
    gone, made = adapter.add_notes([_note(), _note("c2")])
    assert isinstance(gone, RecordMissing)
    assert made == RemoteNote("a2")


def test_changed_note_is_a_follow_up(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients/c1/activities", {"data": {"id": "a2"}}, 201)
    wire.answers("POST", "/clients/c1/activities", "", 502)
    assert adapter.add_notes([_note(note_id="a1")]) == [RemoteNote("a2")]
    assert isinstance(adapter.add_notes([_note(note_id="a2")])[0], OutcomeUnknown)


def test_missing_scope_for_activities_is_told_without_inventing_its_name(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients/c1/activities", _error("FORBIDDEN", "no"), 403)
    (outcome,) = adapter.add_notes([_note()])
    assert isinstance(outcome, PermissionMissing)
    assert outcome.permissions == ("a scope covering activities",)


def test_notes_cannot_be_found_again(adapter: AutoChatAdapter) -> None:
    with pytest.raises(UnsupportedFeature, match="AutoChat CRM"):
        adapter.find_notes([_note()])


# Answers


@pytest.mark.parametrize(
    ("status", "of_a_write", "of_a_read"),
    [
        (400, InvalidRecord, InvalidRecord),
        (401, CredentialsRefused, CredentialsRefused),
        (403, PermissionMissing, PermissionMissing),
        (408, OutcomeUnknown, ServerFault),
        (409, InvalidRecord, InvalidRecord),
        (413, RejectedByCRM, RejectedByCRM),
        (422, InvalidRecord, InvalidRecord),
        (429, RateLimited, RateLimited),
        (301, ReconnectRequired, ReconnectRequired),
        (308, ReconnectRequired, ReconnectRequired),
        (500, OutcomeUnknown, ServerFault),
        (502, OutcomeUnknown, ServerFault),
        (503, OutcomeUnknown, ServerFault),
        (504, OutcomeUnknown, ServerFault),
        (546, OutcomeUnknown, ServerFault),
    ],
)
@pytest.mark.parametrize(
    "body", ["", "<html>no JSON</html>", "[]", '{"error": "text"}', '{"error": {"message": 7}}', '{"message": "m"}']
)
def test_status_alone_decides_whatever_the_body(
    wire: Wire, adapter: AutoChatAdapter, status: int, of_a_write: type, of_a_read: type, body: str
) -> None:
    wire.answers("POST", "/clients", body, status, Location="https://elsewhere.example.com/")
    wire.answers("GET", "/clients/c1", body, status, Location="https://elsewhere.example.com/")
    (written,), (read,) = adapter.upsert([Write("key1", _ANN)]), adapter.read(["c1"])
    assert (type(written), type(read)) == (of_a_write, of_a_read)
    assert isinstance(written, CRMError)
    assert written.status_code == status
    assert len(wire.calls) == 2


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry_After": "7", "X_RateLimit_Reset": str(int(NOW.timestamp()) + 50)}, 7.0),
        ({"Retry_After": "Fri, 20 Nov 2026 22:30:20 GMT"}, 20.0),
        ({"Retry_After": "soon", "X_RateLimit_Reset": str(int(NOW.timestamp()) + 50)}, 50.0),
        ({"X_RateLimit_Reset": str(int(NOW.timestamp()) - 50)}, 0.0),
        ({"X_RateLimit_Reset": "30"}, 30.0),
        ({"X_RateLimit_Reset": str(int(NOW.timestamp()) + 86_400)}, 300.0),
        ({"Retry_After": "99999"}, 300.0),
        ({"X_RateLimit_Reset": "tomorrow"}, None),
        ({"Retry_After": "-1", "X_RateLimit_Reset": "²"}, None),
        ({}, None),
    ],
)
def test_wait_after_429_is_what_the_headers_say_within_reason(
    wire: Wire, adapter: AutoChatAdapter, headers: dict[str, str], wait: float | None
) -> None:
    wire.answers("GET", "/clients/c1", _error("RATE_LIMITED", "slow down"), 429, **headers)
    limited, unsent = adapter.read(["c1", "c2"])
    assert isinstance(limited, RateLimited)
    assert limited.retry_after == wait
    assert unsent is limited
    assert len(wire.calls) == 1


def test_headers_tell_the_meter_of_the_limit(wire: Wire, adapter: AutoChatAdapter, meter: Listening) -> None:
    wire.answers("GET", "/clients/c1", {"data": {"id": "c1"}}, X_RateLimit_Limit="250", X_RateLimit_Remaining="249")
    wire.answers("GET", "/clients/c2", {"data": {"id": "c2"}}, X_RateLimit_Limit="many", X_RateLimit_Remaining="some")
    adapter.read(["c1", "c2"])
    assert meter.told == [Allowance(limit=250, remaining=249)]
    assert meter.spent == ["call", "call"]


def test_key_appears_in_no_error(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients", _error("BAD", "no such key: ac-test-key-123"), 401)
    (error,) = adapter.upsert([Write("key1", _ANN)])
    assert isinstance(error, CRMError)
    assert error.crm_message
    assert "ac-test-key-123" not in repr(vars(error)) + str(error)


@pytest.mark.parametrize(
    ("named", "goes"),
    [
        ({"autochat_base_url": BASE}, True),
        ({"autochat_hosts": ("*.supabase.co", "abc.supabase.co")}, True),
        ({}, False),
    ],
)
def test_extra_headers_go_with_every_call_to_a_host_that_the_operator_named(
    wire: Wire, adapter_of: AdapterOf, named: dict[str, Any], goes: bool
) -> None:
    """Any account may type in a host below `*.supabase.co`, and anybody may own one."""
    adapter = adapter_of(autochat_headers=(("X-Tenant-ID", "acme"),), **named)
    wire.has("c1")
    adapter.read(["c1"])
    assert wire.mock.calls[0].request.headers.get("X-Tenant-ID") == ("acme" if goes else None)


# Test call


def test_test_call_lists_clients_and_says_what_is_left_out(wire: Wire, adapter_of: AdapterOf) -> None:
    wire.answers("GET", "/clients", {"data": []})
    identity = adapter_of(autochat_activity_path="").test()
    assert identity.remote_account_id == "abc.supabase.co/functions/v1/crm-api/v1"
    assert identity.label == "abc.supabase.co"
    assert [any(key in finding for finding in identity.findings) for key in ("_SEARCH", "_ACTIVITY_PATH")] == [True] * 2


def test_test_call_asks_for_as_little_as_the_configuration_allows(wire: Wire, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(autochat_search="email")
    wire.answers("GET", "/clients", {"data": []})
    assert adapter.test().findings == ()
    assert wire.calls == ["GET /clients?email=nobody%40example.invalid"]


def test_search_parameter_that_is_ignored_is_found_out_by_the_test_call(wire: Wire, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(autochat_search="mail")
    wire.answers("GET", "/clients", {"data": [{"id": "c1", "email": "ben@example.com"}]})
    (finding,) = adapter.test().findings
    assert "mail" in finding
    levels = {found.about: found.level for found in adapter.diagnose()}
    assert (levels["Connection"], levels["Look-up"]) == ("good", "warning")


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, CredentialsRefused), (403, PermissionMissing), (404, ReconnectRequired), (503, ServerFault)],
)
def test_test_call_fails_by_class(wire: Wire, adapter: AutoChatAdapter, status: int, error: type[CRMError]) -> None:
    wire.answers("GET", "/clients", "", status)
    with pytest.raises(error):
        adapter.test()


def test_answer_that_lists_nobody_knows_what_is_remarked(wire: Wire, adapter_of: AdapterOf) -> None:
    wire.answers("GET", "/clients", {"hello": "world"})
    assert "base URL" in adapter_of(autochat_search="email").test().findings[0]


def test_base_url_with_a_slash_at_its_end_is_the_same(wire: Wire, adapter_of: AdapterOf) -> None:
    wire.has("c1")
    assert isinstance(adapter_of(BASE + "/").read(["c1"])[0], RemoteRecord)


def test_moment_is_sent_in_utc_to_the_second(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients/c1/activities", {"data": {"id": "a1"}}, 201)
    adapter.add_notes([NoteWrite("k", "c1", "s", "b", datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC))])
    assert wire.sent()["occurred_at"] == "2026-01-02T03:04:05Z"


def test_text_that_no_database_takes_is_mended(wire: Wire, adapter: AutoChatAdapter) -> None:
    wire.answers("POST", "/clients/c1/activities", {"data": {"id": "a1"}}, 201)
    adapter.add_notes([NoteWrite("k", "c1", "Web\nchat", "half \ud800, nul \x00, " + "x" * 30_000, _AT)])
    sent = wire.sent()
    assert sent["subject"] == "Web chat"
    assert sent["description"].startswith("half \ufffd, nul , xxx")
    assert sent["description"].endswith("x…")
    assert len(sent["description"]) == 20_000


def test_redirect_is_not_followed_with_the_key(wire: Wire, adapter: AutoChatAdapter) -> None:
    elsewhere = wire.mock.add(responses.GET, "https://elsewhere.example.com/", json={})
    wire.answers("GET", "/clients/c1", "", 302, Location="https://elsewhere.example.com/")
    adapter.read(["c1"])
    assert elsewhere.call_count == 0
