"""AutoChat CRM's own corners, against its sandbox: whatever its documentation leaves open must make no difference."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from flask_crm_sync.crm.autochat.answers import ActivitiesMissing, ChangesUnsure
from flask_crm_sync.crm.base import Adapter, Erased, Lookup, NoteWrite, RemoteNote, RemoteRecord, Write, Written
from flask_crm_sync.errors import (
    CredentialsRefused,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    ReconnectRequired,
    RecordMissing,
    UnsupportedFeature,
)

from .conftest import Bench
from .test_two_way import Watch

AdapterOf = Callable[..., Adapter]

pytestmark = pytest.mark.parametrize("bench", ["autochat"], indirect=True)

_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
_EMAIL = "ann@example.com"


def _note(record_id: str) -> NoteWrite:
    return NoteWrite("n1", record_id, "Web chat", "Wants a room", _AT)


def _made(adapter: Adapter, write: Write) -> str:
    (outcome,) = adapter.upsert([write])
    assert isinstance(outcome, Written), outcome
    return outcome.record.id


def _stored(bench: Bench) -> dict[str, str]:
    (record,) = bench.records()
    properties: dict[str, str] = record["properties"]
    return properties


@pytest.mark.parametrize(
    "switches",
    [
        {"put": "merge"},
        {"put": "replace"},
        {"search_is_loose": False},
        {"search_by": "email_and_phone"},
        {"company_name_required": False},
        {"unknown_fields_refused": False},
        {"paging_shown": False},
        {"retry_after_on_429": True},
        {"email_unique": True},
        {"patch_taken": False},
    ],
    ids=lambda switches: "+".join(f"{name} {value}" for name, value in switches.items()),
)
def test_open_points_make_no_difference(bench: Bench, adapter: Adapter, switches: dict[str, Any]) -> None:
    bench.switch(**switches)
    record_id = _made(adapter, bench.write("key1", first_name="Ann", email=_EMAIL, phone="+1 202-555-0123"))
    bench.person_adds(email=f"jo{_EMAIL}", company="Example Ltd")
    (found,) = adapter.find([Lookup("key2", _EMAIL)])
    assert isinstance(found, tuple)
    assert [match.record.id for match in found] == [record_id]
    bench.person_edits(record_id, city="Rome")
    (changed,) = adapter.upsert([bench.write("key1", record_id, last_name="Lee")])
    assert isinstance(changed, Written)
    (read,) = adapter.read([record_id])
    assert isinstance(read, RemoteRecord)
    assert {name: text for name, text in read.values.items() if text and name != "company_name"} == {
        "first_name": "Ann",
        "last_name": "Lee",
        "email": _EMAIL,
        "phone": "+1 202-555-0123",
        "city": "Rome",
    }
    (noted,) = adapter.add_notes([_note(record_id)])
    assert isinstance(noted, RemoteNote)
    bench.fault("throttle", times=1)
    (limited,) = adapter.read([record_id])
    assert isinstance(limited, RateLimited)
    assert 0 < (limited.retry_after or 0) <= 60


def test_patch_writes_the_same(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, autochat_update_method="PATCH")
    record_id = bench.person_adds(email=_EMAIL, city="Rome", phone="+1 202-555-0123")
    before = bench.calls()
    adapter.upsert([bench.write("key1", record_id, city="", first_name="Ann")])
    assert bench.calls() - before == 1
    stored = {name: text for name, text in _stored(bench).items() if name != "company_name"}
    assert stored == {"email": _EMAIL, "first_name": "Ann", "phone": "+1 202-555-0123"}


def test_patch_that_is_not_taken_names_the_key_to_change(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, autochat_update_method="PATCH")
    bench.switch(patch_taken=False)
    (outcome,) = adapter.upsert([bench.write("key1", bench.person_adds(email=_EMAIL), city="Rome")])
    assert isinstance(outcome, ReconnectRequired)
    assert "CRM_SYNC_AUTOCHAT_UPDATE_METHOD" in str(outcome)


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ({"first_name": "Ann", "last_name": "Lee", "email": _EMAIL}, "Ann Lee"),
        ({"email": _EMAIL}, _EMAIL),
        ({"phone": "+1 202-555-0123"}, "+1 202-555-0123"),
        ({"first_name": "Ann", "company": "Example Ltd"}, "Example Ltd"),
    ],
)
def test_company_is_never_missing_where_it_is_demanded(
    bench: Bench, adapter: Adapter, client: dict[str, str], expected: str
) -> None:
    _made(adapter, bench.write("key1", **client))
    assert _stored(bench)["company_name"] == expected


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_stand_in_moves_with_the_name_it_was_made_of_and_a_real_company_stays(
    bench: Bench, adapter_of: AdapterOf, method: str
) -> None:
    adapter = adapter_of(bench, autochat_update_method=method)
    record_id = _made(adapter, bench.write("key1", first_name="Ann", last_name="Lee", email=_EMAIL))
    adapter.read([record_id])
    (outcome,) = adapter.upsert([bench.write("key1", record_id, last_name="Roe")])
    assert isinstance(outcome, Written)
    assert (_stored(bench)["company_name"], outcome.record.values.get("company_name", "")) == ("Ann Roe", "")
    adapter.read([record_id])
    adapter.upsert([bench.write("key1", record_id, company="Example Ltd")])
    adapter.read([record_id])
    adapter.upsert([bench.write("key1", record_id, last_name="Lee")])
    assert _stored(bench)["company_name"] == "Example Ltd"


def test_record_and_update_cost_two_calls_each(bench: Bench, adapter: Adapter) -> None:
    before = bench.calls()
    write = bench.write("key1", email=_EMAIL, company="Example Ltd")
    adapter.find([adapter.lookup("key1", write.values, by_key=False)])
    record_id = _made(adapter, write)
    assert bench.calls() - before == 2
    adapter.read([record_id])
    adapter.upsert([bench.write("key1", record_id, city="Rome")])
    assert bench.calls() - before == 4


def test_lost_create_is_found_by_email_and_only_so_confirmed(bench: Bench, adapter: Adapter) -> None:
    bench.fault("lose_reply", method="POST", times=1)
    write = bench.write("key1", email=_EMAIL, first_name="Ann")
    assert isinstance(adapter.upsert([write])[0], OutcomeUnknown)
    lookup = adapter.lookup("key1", write.values, by_key=True)
    (found,) = adapter.find([lookup])
    assert isinstance(found, tuple)
    assert len(found) == 1
    absent = Lookup("key2", "nobody@example.org")
    assert adapter.find([absent]) == [()]
    assert adapter.confirms(absent)
    assert not adapter.confirms(Lookup("key3", "", "+1 202-555-0123"))


def test_without_a_search_nothing_is_confirmed_and_nobody_recognised(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, autochat_search="")
    bench.person_adds(email=_EMAIL)
    lookup = Lookup("key1", _EMAIL)
    assert adapter.find([lookup]) == [()]
    assert not adapter.confirms(lookup)


def test_search_parameter_that_the_crm_ignores_finds_nobody_wrong(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, autochat_search="mail_address")
    bench.person_adds(email="ben@example.com")
    lookup = Lookup("key1", _EMAIL)
    assert adapter.find([lookup]) == [()]
    assert not adapter.confirms(lookup)
    assert "mail_address" in adapter.test().findings[0]


def test_crm_without_activities_takes_clients_all_the_same(bench: Bench, adapter: Adapter) -> None:
    bench.switch(activities=False)
    record_id = _made(adapter, bench.write("key1", email=_EMAIL))
    (outcome,) = adapter.add_notes([_note(record_id)])
    assert isinstance(outcome, ActivitiesMissing)
    _made(adapter, bench.write("key2", email="ben@example.com"))


def test_note_of_a_deleted_client_is_missing_with_it(bench: Bench, adapter: Adapter) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    bench.person_deletes(record_id)
    assert isinstance(adapter.add_notes([_note(record_id)])[0], RecordMissing)
    with pytest.raises(UnsupportedFeature):
        adapter.find_notes([_note(record_id)])


def test_note_says_what_channel_and_when(bench: Bench, adapter: Adapter) -> None:
    adapter.add_notes([_note(bench.person_adds(email=_EMAIL))])
    (note,) = bench.notes()
    assert {name: note["properties"][name] for name in ("type", "subject", "description", "occurred_at")} == {
        "type": "note",
        "subject": "Web chat",
        "description": "Wants a room",
        "occurred_at": "2026-11-20T09:30:00Z",
    }


def test_second_client_with_an_email_is_refused_where_the_crm_keeps_them_unique(bench: Bench, adapter: Adapter) -> None:
    bench.switch(email_unique=True)
    bench.person_adds(email=_EMAIL)
    (outcome,) = adapter.upsert([bench.write("key1", email=_EMAIL)])
    assert isinstance(outcome, InvalidRecord)
    assert outcome.status_code == 409


def test_key_that_may_only_read_is_told_which_scope_it_lacks(bench: Bench, adapter_of: AdapterOf) -> None:
    bench.api("POST", "portals", {"portal_id": "sandbox", "token": "ac-reading", "scopes": ["clients:read"]})
    adapter = adapter_of(bench, credentials={**bench.case.credentials, "api_key": "ac-reading"})
    assert isinstance(adapter.find([Lookup("key1", _EMAIL)])[0], tuple)
    (outcome,) = adapter.upsert([bench.write("key1", email=_EMAIL)])
    assert isinstance(outcome, PermissionMissing)
    assert outcome.permissions == ("clients:write",)


def test_wrong_base_path_is_told_as_such_and_buries_nothing(bench: Bench, adapter_of: AdapterOf) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    adapter = adapter_of(bench, traits={}, autochat_client_path="/customers")
    with pytest.raises(ReconnectRequired, match="base URL"):
        adapter.test()
    assert {type(outcome) for outcome in adapter.read([record_id, record_id])} == {ReconnectRequired}


def test_key_past_its_expiry_needs_a_person(bench: Bench, adapter: Adapter) -> None:
    bench.fault("expire_token")
    assert isinstance(adapter.find([Lookup("key1", _EMAIL)])[0], CredentialsRefused)


def test_limit_of_a_minute_is_met_with_a_wait_within_it(bench: Bench, adapter: Adapter) -> None:
    bench.api("POST", "portals", {"portal_id": "sandbox", "token": "ac-sandbox-key", "limit": 5})
    record_id = bench.person_adds(email=_EMAIL)
    outcomes = [adapter.read([record_id])[0] for _ in range(7)]
    limited = outcomes[-1]
    assert isinstance(limited, RateLimited)
    assert 0 < (limited.retry_after or 0) <= 60


# Changes, where an operator knows how to ask


_PAGES = (("page", "page"), ("size", "limit"))


@pytest.fixture
def watch(bench: Bench, adapter_of: AdapterOf) -> Watch:
    """Somebody who begins to poll an installation that can be asked for changes."""
    bench.switch(changed_since="updated_since")
    bench.person_adds(email="there@example.com")
    return Watch(bench, adapter_of(bench, autochat_changed_since="updated_since", autochat_paging=_PAGES))


def test_changes_are_told_once_with_the_values_that_a_read_gives(bench: Bench, watch: Watch) -> None:
    watch.poll()
    edited = bench.person_adds(email=_EMAIL, first_name="Ann")
    assert [change.record_id for change in watch.poll()] == [edited]
    for city in ("Graz", "Linz"):
        bench.sandbox.clock.advance(1)
        bench.person_edits(edited, city=city)
        (change,) = watch.poll()
        assert change.record == watch.adapter.read([edited])[0]
    assert watch.poll() == []
    bench.sandbox.clock.advance(-2)


def test_unchanged_installation_costs_one_call_a_poll(bench: Bench, adapter_of: AdapterOf) -> None:
    bench.switch(changed_since="updated_since")
    watch = Watch(bench, adapter_of(bench, autochat_changed_since="updated_since"))
    before = bench.calls()
    for _poll in range(3):
        assert watch.page() == ((), False)
    assert bench.calls() - before == 3


def test_changes_beyond_a_page_are_told_where_the_pages_are_known(bench: Bench, watch: Watch) -> None:
    watch.poll()
    made = {bench.person_adds(email=f"ann{number}@example.com") for number in range(130)}
    assert {change.record_id for change in watch.poll()} == made


def test_parameter_for_changes_that_is_ignored_is_found_out(bench: Bench, adapter_of: AdapterOf) -> None:
    bench.sandbox.clock.advance(-3600)
    bench.person_adds(email=_EMAIL)
    bench.sandbox.clock.advance(3600)
    adapter = adapter_of(bench, autochat_changed_since="modified_since")
    with pytest.raises(ChangesUnsure, match="ignored"):
        adapter.changes_since("")


@pytest.mark.parametrize(
    ("settings", "level"),
    [({}, "note"), ({"autochat_changed_since": "updated_since"}, "good"), ({"autochat_changed_since": "x"}, "warning")],
)
def test_diagnosis_says_how_changes_are_told(
    bench: Bench, adapter_of: AdapterOf, settings: dict[str, str], level: str
) -> None:
    bench.switch(changed_since="updated_since")
    bench.sandbox.clock.advance(-3600)
    bench.person_adds(email=_EMAIL)
    bench.sandbox.clock.advance(3600)
    findings = {finding.about: finding for finding in adapter_of(bench, **settings).diagnose()}
    assert findings["Changes"].level == level


# Removing a person


def test_person_is_emptied_and_what_is_left_to_do_by_hand_is_said(bench: Bench, adapter: Adapter) -> None:
    record_id = bench.person_adds(email=_EMAIL, first_name="Ann", company="Lee & Sons", phone="+1 202-555-0123")
    bench.api("PATCH", f"contacts/{record_id}", {"properties": {"notes": "A person's own words"}})
    bench.person_adds(email="ben@example.com")
    adapter.add_notes([_note(record_id)])
    (outcome,) = adapter.erase([record_id], {record_id: ["a1"]})
    assert isinstance(outcome, Erased)
    assert (outcome.how, outcome.notes, "from here: 1" in outcome.says) == ("anonymised", 0, True)
    left = {record["id"]: record["properties"] for record in bench.records()}
    assert {name: text for name, text in left.pop(record_id).items() if text and name in bench.field.values()} == {
        "company_name": "Removed"
    }
    assert [other["email"] for other in left.values()] == ["ben@example.com"]


def test_client_that_is_gone_or_cannot_be_emptied_is_told_apart(bench: Bench, adapter: Adapter) -> None:
    record_id = bench.person_adds(email=_EMAIL)
    bench.fault("reject_matching", params={"text": "Removed"})
    gone, kept = adapter.erase([bench.case.never_there, record_id], {})
    assert isinstance(gone, Erased)
    assert isinstance(kept, Erased)
    assert (gone.how, kept.how) == ("deleted", "by_hand")
    assert "refused" in kept.says
    assert _stored(bench)["email"] == _EMAIL
