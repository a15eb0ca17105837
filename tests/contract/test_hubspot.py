"""HubSpot's own corners, against its sandbox: the versions of its API, and where its ways are not settled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.crm.base import Adapter, Lookup, NoteWrite, RemoteNote, RemoteRecord, Write, Written
from flask_crm_sync.crm.hubspot import notes as notes_module
from flask_crm_sync.errors import Duplicate, InvalidRecord, PermissionMissing, ReconnectRequired, RecordMissing

from .conftest import Bench

AdapterOf = Callable[..., Adapter]

pytestmark = pytest.mark.parametrize("bench", ["hubspot"], indirect=True)

_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
_KEY = "crm_sync_client_key"
_CONTACT_SCOPES = ["oauth", "crm.objects.contacts.read", "crm.objects.contacts.write"]


def _note(key: str, record_id: str) -> NoteWrite:
    return NoteWrite(key, record_id, "Web chat", "Wants a room", _AT)


def _switch(bench: Bench, **switches: Any) -> None:
    bench.api("PATCH", "switches", switches)


def _with_contact_scopes_only(bench: Bench, adapter_of: AdapterOf) -> Adapter:
    token = "pat-na1-contacts-only"
    bench.api("POST", "portals", {"portal_id": 1234567, "token": token, "scopes": _CONTACT_SCOPES})
    return adapter_of(bench, credentials={"token": token})


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
def test_each_version_of_the_api_does_the_whole_round(
    bench: Bench, adapter_of: AdapterOf, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes_module, "_FULL", 1)
    adapter = adapter_of(bench, hubspot_version=version)
    assert adapter.traits["key_property"] == _KEY
    (made,) = adapter.upsert([bench.write("key1", email="ann@example.com", phone="+1 202-555-0123")])
    assert isinstance(made, Written)
    _switch(bench, search_lag_ms=0)
    found = adapter.find([Lookup("key1"), Lookup("key2", "ann@example.com"), Lookup("key3", "", "(202) 555 0123")])
    assert [[(match.record.id, match.by) for match in outcome] for outcome in found if isinstance(outcome, tuple)] == [
        [(made.record.id, "key")],
        [(made.record.id, "email")],
        [(made.record.id, "phone")],
    ]
    adapter.upsert([bench.write("key1", made.record.id, city="Rome")])
    (read,) = adapter.read([made.record.id])
    assert isinstance(read, RemoteRecord)
    assert read.values["city"] == "Rome"
    notes = [_note("n1", made.record.id), _note("n2", made.record.id)]
    added = adapter.add_notes(notes)
    assert adapter.find_notes(notes) == added


@pytest.mark.parametrize(
    "switches",
    [
        {"repeat_trace_ids": True},
        {"shuffle_results": False},
        {"upsert_shows_key": False},
        {"batch_conflict_names_id": True},
        {"unique_conflict_envelope": "validation"},
        {"merged_ids_in_batches": "missing"},
        {"merge_keeps_primary_id": True},
        {"additional_email_is_key": False},
        {"rate_limit_word": "category"},
        {"retry_after_on_429": True},
        {"merge_keeps_primary_id": True, "merged_ids_in_batches": "missing", "repeat_trace_ids": True},
    ],
    ids=lambda switches: "+".join(switches),
)
def test_unsettled_ways_of_hubspot_make_no_difference(bench: Bench, adapter: Adapter, switches: dict[str, Any]) -> None:
    _switch(bench, **switches)
    writes = [bench.write(f"key{n}", email=f"ann{n}@example.com") for n in range(4)]
    made = [outcome.record.id for outcome in adapter.upsert(writes) if isinstance(outcome, Written)]
    assert len(made) == 4
    notes = [_note(f"n{n}", record_id) for n, record_id in enumerate(made)]
    added = adapter.add_notes(notes)
    survivor = bench.person_merges(made[0], made[1])
    now = [survivor, survivor, made[2], made[3]]
    assert [record.id for record in adapter.read(made) if isinstance(record, RemoteRecord)] == now
    (moved,) = adapter.upsert([bench.write("key1", made[1], city="Rome")])
    assert isinstance(moved, Written)
    assert moved.record.id == survivor
    assert [getattr(note, "id", note) for note in adapter.find_notes(notes)] == [
        getattr(note, "id", 0) for note in added
    ]
    (late,) = adapter.add_notes([_note("n9", made[1])])
    assert isinstance(late, RemoteNote)
    assert {note["id"]: note["contacts"] for note in bench.notes()}[late.id] == [survivor]
    (clash,) = adapter.upsert([bench.write("key5", email="ann2@example.com")])
    assert isinstance(clash, Duplicate)
    assert clash.existing_id == made[2]
    bench.fault("throttle", times=1)
    (limited,) = adapter.read([made[2]])
    assert getattr(limited, "retry_after", 0) > 0


def test_contact_without_a_name_or_email_may_be_refused_alone(bench: Bench, adapter: Adapter) -> None:
    _switch(bench, create_needs_identity=True)
    bare, named = adapter.upsert([bench.write("key1", phone="+1 202-555-0123"), bench.write("key2", first_name="Ann")])
    assert isinstance(bare, InvalidRecord)
    assert isinstance(named, Written)


def test_key_without_schema_scopes_works_by_email_and_says_so(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = _with_contact_scopes_only(bench, adapter_of)
    identity = adapter.test()
    assert identity.traits["key_property"] is None
    assert "recognised by e-mail" in identity.findings[0]
    write = bench.write("key1", email="ann@example.com", company="Example Ltd")
    (made,) = adapter.upsert([write])
    assert isinstance(made, Written)
    (again,) = adapter.upsert([write])
    assert isinstance(again, Duplicate)
    assert again.existing_id == made.record.id
    assert len(bench.records()) == 1
    assert len(adapter.find([Lookup("key1", "ann@example.com")])) == 1


def test_create_by_email_never_overwrites_who_appeared_meanwhile(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = _with_contact_scopes_only(bench, adapter_of)
    record_id = bench.person_adds(email="ann@example.com", company="Example Ltd", first_name="Anna")
    writes = [
        Write("key1", {**bench.values(email="ann@example.com", first_name="A.")}),
        bench.write("k2", email="b@example.com"),
    ]
    taken, made = adapter.upsert(writes)
    assert isinstance(taken, Duplicate)
    assert isinstance(made, Written)
    (read,) = adapter.read([record_id])
    assert isinstance(read, RemoteRecord)
    assert (read.values["company"], read.values["firstname"]) == ("Example Ltd", "Anna")


def test_without_our_property_only_clients_with_an_email_can_be_confirmed(bench: Bench, adapter_of: AdapterOf) -> None:
    by_email, by_key = _with_contact_scopes_only(bench, adapter_of), adapter_of(bench)
    with_email, with_phone = Lookup("k", "ann@example.com"), Lookup("k", "", "+1 202-555-0123")
    assert [by_email.confirms(with_email), by_email.confirms(with_phone)] == [True, False]
    assert [by_key.confirms(with_email), by_key.confirms(with_phone)] == [True, True]


def test_key_without_the_contacts_scope_fails_the_test_call(bench: Bench, adapter_of: AdapterOf) -> None:
    bench.api("POST", "portals", {"portal_id": 1234567, "token": "pat-na1-bare", "scopes": ["oauth"]})
    adapter = adapter_of(bench, credentials={"token": "pat-na1-bare"}, traits={})
    with pytest.raises(PermissionMissing) as missing:
        adapter.test()
    assert "crm.objects.contacts.read" in missing.value.permissions


def _hubspot(adapter: Adapter, method: str, path: str, body: Any = None) -> Any:
    return adapter.http.call(method, path, json=body, writes=method != "GET").body


def test_property_that_is_not_unique_is_not_used_as_our_key(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, traits={}, hubspot_key_property="reference")
    plain = {
        "name": "reference",
        "label": "x",
        "type": "string",
        "fieldType": "text",
        "groupName": "contactinformation",
    }
    _hubspot(adapter, "POST", "/crm/v3/properties/contacts", plain)
    identity = adapter.test()
    assert identity.traits["key_property"] is None
    assert "need not be unique" in identity.findings[0]


class _PatientClock(SystemClock):
    """Lets the sandbox's time pass instead of waiting."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.slept = bench, 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.bench.sandbox.clock.advance(seconds)


def test_new_property_is_waited_for_until_it_can_be_read(bench: Bench, adapter_of: AdapterOf) -> None:
    _switch(bench, property_visible_after_ms=700)
    clock = _PatientClock(bench)
    adapter = adapter_of(bench, traits={}, clock=clock, hubspot_key_property="slow_key")
    assert adapter.test().traits["key_property"] == "slow_key"
    assert clock.slept >= 0.7


def test_property_that_somebody_removed_asks_for_a_person_and_the_test_call_restores_it(
    bench: Bench, adapter: Adapter
) -> None:
    _hubspot(adapter, "DELETE", f"/crm/v3/properties/contacts/{_KEY}")
    outcomes = adapter.upsert([bench.write(f"key{n}", email=f"ann{n}@example.com") for n in range(3)])
    assert {type(outcome) for outcome in outcomes} == {ReconnectRequired}
    assert {type(outcome) for outcome in adapter.find([Lookup("key1"), Lookup("key2")])} == {ReconnectRequired}
    assert adapter.test().traits["key_property"] == _KEY
    assert isinstance(adapter.upsert([bench.write("key1", email="ann1@example.com")])[0], Written)


def test_identity_names_the_portal_and_records_link_to_its_pages(bench: Bench, adapter: Adapter) -> None:
    identity = adapter.test()
    assert (identity.remote_account_id, identity.label) == ("1234567", "Portal 1234567")
    assert set(identity.traits) == {"portal_id", "ui_domain", "time_zone", "key_property"}
    record_id = bench.person_adds(email="ann@example.com")
    (record,) = adapter.read([record_id])
    assert isinstance(record, RemoteRecord)
    assert record.url == f"https://{identity.traits['ui_domain']}/contacts/1234567/record/0-1/{record_id}"


def test_secondary_email_of_a_merged_contact_finds_it(bench: Bench, adapter: Adapter) -> None:
    ids = [bench.person_adds(email=f"ann{n}@example.com") for n in range(2)]
    survivor = bench.person_merges(ids[0], ids[1])
    (outcome,) = adapter.find([Lookup("key1", "ann1@example.com")])
    assert isinstance(outcome, tuple)
    assert [match.record.id for match in outcome] == [survivor]


def test_contact_of_a_note_that_is_gone_is_told_without_a_word_from_hubspot(bench: Bench, adapter: Adapter) -> None:
    record_id = bench.person_adds(email="ann@example.com")
    bench.person_deletes(record_id)
    assert isinstance(adapter.add_notes([_note("n1", record_id)])[0], RecordMissing)


def test_ten_thousand_contacts_with_one_phone_are_not_read_to_the_end(bench: Bench, adapter: Adapter) -> None:
    writes = [bench.write(f"key{n}", first_name=f"Ann {n}", phone="+1 202-555-0123") for n in range(1_100)]
    adapter.upsert(writes)
    _switch(bench, search_lag_ms=0)
    before = bench.calls()
    (outcome,) = adapter.find([Lookup("other", "", "+1 202-555-0123", by_key=False)])
    assert isinstance(outcome, tuple)
    assert len(outcome) == 1_000
    assert bench.calls() - before == 5 + 10
