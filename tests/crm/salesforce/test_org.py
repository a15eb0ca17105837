"""Salesforce's own corners, against its sandbox: conversions, duplicate rules, lists, rights, and unsettled ways."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_crm_sync.clock import Clock, SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.base import Adapter, Lookup, NoteWrite, RemoteNote, RemoteRecord, Write, Written
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.errors import (
    CRMError,
    Duplicate,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    ReconnectRequired,
    RecordMissing,
    RejectedByCRM,
)
from flask_crm_sync.sandbox.server import Sandbox

_ORG, _TOKEN = "00D5g000004Sandbox", "00D5g-sandbox-session"
_EMAIL, _PHONE = "ann@example.com", "+1 202-555-0123"
_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


class Org:
    """One org in the sandbox: an adapter for it, and the hands of a person and of its administrator."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.settings = Settings(
            encryption_keys=(b"k" * 32,),
            sandbox_url=sandbox.url,
            sandbox_ca=str(sandbox.ca_file),
            phone_region="US",
            call_timeout=10.0,
        )
        self._tls = ssl.create_default_context(cafile=str(sandbox.ca_file))
        self._open: list[Adapter] = []

    def adapter(
        self, *, clock: Clock | None = None, traits: Mapping[str, Any] | None = None, **settings: Any
    ) -> Adapter:
        """Return an adapter as the engine would make it: with the traits that the test call told."""
        credentials = {"access_token": _TOKEN, "instance_url": "https://sandbox.my.salesforce.com"}
        known = replace(self.settings, **settings)

        def make(learned: Mapping[str, Any]) -> Adapter:
            made = connect("salesforce", credentials, known, learned, meter=None, clock=clock or SystemClock())
            self._open.append(made)
            return made

        return make(make({}).test().traits if traits is None else traits)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.sandbox.url}/_sandbox/api/salesforce/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, context=self._tls) as answer:
            content = answer.read().decode()
            if "ndjson" in answer.headers.get("Content-Type", ""):
                return [json.loads(line) for line in content.split("\n") if line]
            return json.loads(content) if content else None

    def switch(self, **switches: Any) -> None:
        self.api("PATCH", "switches", switches)

    def administer(self, **settings: Any) -> None:
        self.api("PATCH", "org", settings)

    def person_adds(self, kind: str = "Lead", **properties: str) -> str:
        entered = {"LastName": "Walker", **({"Company": "Walk-ins"} if kind == "Lead" else {}), **properties}
        return str(self.api("POST", "contacts", {"type": kind, "properties": entered})["id"])

    def person_converts(self, lead_id: str) -> str:
        return str(self.api("POST", f"contacts/{lead_id}/convert", {})["id"])

    def people(self, kind: str) -> dict[str, dict[str, Any]]:
        rows = [row for row in self.api("GET", "contacts") if not row.get("archived") and row["type"] == kind]
        return {row["id"]: row["properties"] for row in rows}

    def tasks(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.api("GET", "notes") if not row.get("archived")}

    def calls(self) -> int:
        return int(self.api("GET", "figures")["api_calls"])

    def close(self) -> None:
        for adapter in self._open:
            adapter.http.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), keep=False) as running:
        yield running


@pytest.fixture
def org(sandbox: Sandbox) -> Iterator[Org]:
    made = Org(sandbox)
    made.api("POST", "reset")
    made.api("POST", "portals", {"portal_id": _ORG, "token": _TOKEN})
    yield made
    made.close()


WITHOUT_KEYS: dict[str, Any] = {"key_field_on": []}


def _written(outcome: Written | CRMError) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def _record(outcome: RemoteRecord | CRMError) -> RemoteRecord:
    assert isinstance(outcome, RemoteRecord), outcome
    return outcome


def _note(key: str, record_id: str, note_id: str | None = None) -> NoteWrite:
    return NoteWrite(key, record_id, "Web chat", "Wants a room", _AT, note_id)


def _ids(outcome: Any) -> list[str]:
    assert isinstance(outcome, tuple), outcome
    return [match.record.id for match in outcome]


def test_lead_bears_stand_ins_that_never_come_back_as_data(org: Org) -> None:
    adapter = org.adapter()
    made = _written(adapter.upsert([Write("k1", {"Email": _EMAIL})])[0]).record
    (entered,) = org.people("Lead").values()
    assert (entered["LastName"], entered["Company"]) == ("Unknown", "[not provided]")
    read = _record(adapter.read([made.id])[0])
    assert read.values == made.values
    assert (read.values["LastName"], read.values["Company"]) == ("", "")
    adapter.upsert([Write("k1", {"LastName": "Lee"}, made.id)])
    assert _record(adapter.read([made.id])[0]).values["LastName"] == "Lee"


def test_link_of_a_converted_lead_moves_to_the_contact(org: Org) -> None:
    adapter = org.adapter()
    lead = _written(
        adapter.upsert([Write("k1", {"Email": _EMAIL, "City": "Bonn", "Company": "Example Ltd"})])[0]
    ).record
    contact = org.person_converts(lead.id)
    read = _record(adapter.read([lead.id])[0])
    assert (read.id, read.values["City"], read.values["Company"]) == (contact, "Bonn", "")
    assert read.lacks == {"Company"}
    moved = _written(adapter.upsert([Write("k1", {"City": "Rome", "Company": "Other Ltd"}, lead.id)])[0])
    assert (moved.record.id, set(moved.refused)) == (contact, {"Company"})
    assert org.people("Contact")[contact]["MailingCity"] == "Rome"
    (note,) = adapter.add_notes([_note("n1", lead.id)])
    assert isinstance(note, RemoteNote)
    assert org.tasks()[note.id]["contacts"] == [contact]


@pytest.mark.parametrize("maps", [False, True])
def test_converted_lead_is_found_as_its_contact(org: Org, maps: bool) -> None:
    org.switch(convert_maps_key=maps)
    adapter = org.adapter()
    lead = _written(adapter.upsert([Write("k1", {"Email": _EMAIL})])[0]).record
    contact = org.person_converts(lead.id)
    found = adapter.find([Lookup("k1", "", ""), Lookup("k2", _EMAIL, "", by_key=False)])
    assert [_ids(outcome) for outcome in found] == [[contact], [contact]]


@pytest.mark.parametrize("finds", [False, True])
def test_repeated_create_of_a_converted_lead_never_touches_it(org: Org, finds: bool) -> None:
    org.switch(key_finds_converted=finds)
    adapter = org.adapter()
    lead = _written(adapter.upsert([Write("k1", {"Email": _EMAIL, "City": "Bonn"})])[0]).record
    contact = org.person_converts(lead.id)
    (again,) = adapter.upsert([Write("k1", {"Email": _EMAIL, "City": "Rome"})])
    assert org.people("Contact")[contact]["MailingCity"] == "Bonn"
    if finds:
        assert isinstance(again, Duplicate)
        assert _record(adapter.read([again.existing_id or ""])[0]).id == contact


def test_contact_gets_our_key_where_it_lacks_one(org: Org) -> None:
    contact = org.person_adds("Contact", Email=_EMAIL)
    adapter = org.adapter()
    assert _ids(adapter.find([Lookup("k1", _EMAIL)])[0]) == [contact]
    _written(adapter.upsert([Write("k1", {"City": "Rome"}, contact)])[0])
    assert _ids(adapter.find([Lookup("k1")])[0]) == [contact]


def test_org_without_our_fields_recognises_by_email_and_reference(org: Org) -> None:
    org.administer(**WITHOUT_KEYS)
    adapter = org.adapter()
    assert len(adapter.test().findings) == 3
    assert [adapter.confirms(Lookup("k", _EMAIL)), adapter.confirms(Lookup("k", "", _PHONE))] == [True, False]
    made = _written(adapter.upsert([Write("k1", {"Email": _EMAIL})])[0]).record
    assert _ids(adapter.find([Lookup("k1", _EMAIL)])[0]) == [made.id]
    (note,) = adapter.add_notes([_note("n1", made.id)])
    contact = org.person_converts(made.id)
    assert adapter.find_notes([_note("n1", made.id), _note("n2", made.id)]) == [note, None]
    assert adapter.find_notes([_note("n1", contact)]) == [note]


def test_lost_create_without_our_field_is_found_by_email(org: Org) -> None:
    org.administer(**WITHOUT_KEYS)
    adapter = org.adapter()
    org.api("POST", "faults", {"kind": "lose_reply", "path": "/composite/sobjects", "times": 1})
    outcomes = adapter.upsert([Write(f"k{n}", {"Email": f"ann{n}@example.com"}) for n in range(3)])
    assert {type(outcome) for outcome in outcomes} == {OutcomeUnknown}
    found = adapter.find([Lookup(f"k{n}", f"ann{n}@example.com") for n in range(3)])
    assert [len(_ids(outcome)) for outcome in found] == [1, 1, 1]
    assert len(org.people("Lead")) == 3


@pytest.mark.parametrize("misspelt", [True, False])
@pytest.mark.parametrize("rule", ["alert", "block"])
@pytest.mark.parametrize("keys", [["Lead", "Contact", "Task"], []])
def test_duplicate_rule_leads_to_the_record_it_means(org: Org, rule: str, misspelt: bool, keys: list[str]) -> None:
    org.administer(key_field_on=keys)
    org.switch(duplicate_rule=rule, misspelt_duplicate_key=misspelt)
    there = org.person_adds(Email=_EMAIL)
    clash, fine = org.adapter().upsert([Write("k1", {"Email": _EMAIL}), Write("k2", {"Email": "ben@example.com"})])
    assert isinstance(clash, Duplicate)
    assert clash.existing_id == there
    _written(fine)
    assert len(org.people("Lead")) == 2


def test_alert_may_be_overruled_and_a_block_may_not(org: Org) -> None:
    org.person_adds(Email=_EMAIL)
    adapter = org.adapter(salesforce_save_duplicates=True)
    org.switch(duplicate_rule="alert")
    _written(adapter.upsert([Write("k1", {"Email": _EMAIL})])[0])
    org.switch(duplicate_rule="block")
    assert isinstance(adapter.upsert([Write("k2", {"Email": _EMAIL})])[0], Duplicate)


def test_state_that_is_not_on_the_orgs_list_is_left_out(org: Org) -> None:
    org.switch(restricted_places=True)
    adapter = org.adapter()
    values = {"Email": _EMAIL, "City": "Bonn", "State": "Nowhere", "Country": "Atlantis"}
    made = _written(adapter.upsert([Write("k1", values)])[0])
    assert set(made.refused) == {"State", "Country"}
    assert _record(adapter.read([made.record.id])[0]).values == made.record.values
    contact = org.person_adds("Contact", Email="ben@example.com")
    bent = _written(adapter.upsert([Write("k2", {"City": "Rome", "Country": "Atlantis"}, contact)])[0])
    assert set(bent.refused) == {"Country"}
    assert org.people("Contact")[contact]["MailingCity"] == "Rome"


def test_renamed_task_lists_get_the_orgs_defaults(org: Org) -> None:
    org.switch(restricted_task_picklists=True)
    adapter = org.adapter()
    made = _written(adapter.upsert([Write("k1", {"Email": _EMAIL})])[0]).record
    (note,) = adapter.add_notes([_note("n1", made.id)])
    assert isinstance(note, RemoteNote)
    assert any(finding.about == "Task" and "Completed" in finding.says for finding in adapter.diagnose())


@pytest.mark.parametrize(
    "switches",
    [
        {"page_size": 200},
        {"page_size": 1},
        {"deleted_says": "NOT_FOUND"},
        {"composite_uri_limit": False},
        {"userinfo_needs_identity": False},
        {"own_instance_url": True},
    ],
    ids=lambda switches: "+".join(switches),
)
def test_unsettled_ways_of_salesforce_make_no_difference(org: Org, switches: dict[str, Any]) -> None:
    org.switch(**switches)
    adapter = org.adapter()
    writes = [Write(f"k{n}", {"Email": f"ann{n}@example.com", "Phone": f"+1 202-555-01{n:02}"}) for n in range(12)]
    made = [_written(outcome).record.id for outcome in adapter.upsert(writes)]
    found = adapter.find([Lookup(write.key, write.values["Email"], by_key=False) for write in writes])
    assert [_ids(outcome) for outcome in found] == [[record_id] for record_id in made]
    notes = [_note(f"n{n}", record_id) for n, record_id in enumerate(made)]
    added = adapter.add_notes(notes)
    assert adapter.find_notes(notes) == added
    org.api("DELETE", f"contacts/{made[0]}")
    gone, there = adapter.upsert([Write("k0", {"City": "Rome"}, made[0]), Write("k1", {"City": "Rome"}, made[1])])
    assert isinstance(gone, RecordMissing)
    _written(there)
    assert isinstance(adapter.read(made[:1])[0], RecordMissing)


def test_installation_may_keep_assignment_rules_out(org: Org) -> None:
    org.switch(assignment_rule=True)
    before = _written(org.adapter(salesforce_assign=False).upsert([Write("k1", {"Email": _EMAIL})])[0]).record.id
    after = _written(org.adapter().upsert([Write("k2", {"Email": "ben@example.com"})])[0]).record.id
    people = org.people("Lead")
    assert people[before]["OwnerId"] != people[after]["OwnerId"]


def test_spent_quota_rests_the_connection(org: Org) -> None:
    adapter = org.adapter()
    org.administer(daily_requests=100)
    org.api("POST", "usage", {"used": 100})
    (outcome,) = adapter.upsert([Write("k1", {"Email": _EMAIL})])
    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after == 900


def test_user_without_the_api_is_told_which_right_is_missing(org: Org) -> None:
    org.administer(api_enabled=False)
    with pytest.raises(PermissionMissing) as missing:
        org.adapter(traits={}).test()
    assert missing.value.permissions == ("API Enabled",)
    with pytest.raises(PermissionMissing):
        org.adapter(traits={}).diagnose()


@pytest.mark.parametrize("right", ["none", "read"])
def test_user_who_cannot_write_leads_cannot_connect(org: Org, right: str) -> None:
    org.administer(rights={"Lead": right})
    with pytest.raises(PermissionMissing) as missing:
        org.adapter(traits={}).test()
    assert missing.value.permissions == ("Read on Lead" if right == "none" else "Create on Lead",)


def test_lead_that_became_a_contact_out_of_sight_fails_alone(org: Org) -> None:
    writes = [Write("k1", {"Email": _EMAIL}), Write("k2", {"Email": "ben@example.com"})]
    lead, other = (_written(outcome).record.id for outcome in org.adapter().upsert(writes))
    org.person_converts(lead)
    org.administer(rights={"Contact": "none"})
    adapter = org.adapter()
    unseen, seen = adapter.read([lead, other])
    assert isinstance(unseen, RejectedByCRM)
    assert "contact" in str(unseen)
    assert _record(seen).id == other
    keyed, plain = adapter.find([Lookup("k1", _EMAIL, "", True), Lookup("k2", "ben@example.com", "", True)])
    assert isinstance(keyed, RejectedByCRM)
    assert _ids(plain) == [other]


def test_partial_rights_limit_the_sync_and_do_not_stop_it(org: Org) -> None:
    org.administer(rights={"Lead.Phone": "read", "Lead.City": "none", "Contact": "none", "Task": "none"})
    adapter = org.adapter()
    findings = adapter.test().findings
    assert any("Phone" in finding for finding in findings)
    assert any("City" in finding for finding in findings)
    made = _written(adapter.upsert([Write("k1", {"Email": _EMAIL, "Phone": _PHONE, "City": "Bonn"})])[0])
    assert set(made.refused) == {"Phone", "City"}
    assert _ids(adapter.find([Lookup("k1", _EMAIL, _PHONE)])[0]) == [made.record.id]
    read = _record(adapter.read([made.record.id])[0])
    assert read.lacks == {"Phone", "City"}
    (note,) = adapter.add_notes([_note("n1", made.record.id)])
    assert isinstance(note, CRMError)
    assert not note.whole_connection


def test_field_that_was_hidden_after_the_test_asks_for_a_person(org: Org) -> None:
    adapter = org.adapter()
    org.administer(rights={"Lead.City": "none"})
    (found,) = adapter.find([Lookup("k1", _EMAIL)])
    assert isinstance(found, ReconnectRequired)
    assert org.adapter().find([Lookup("k1", _EMAIL)]) == [()]


def test_our_field_that_was_removed_asks_for_a_person_and_the_test_call_goes_on_without_it(org: Org) -> None:
    adapter = org.adapter()
    org.administer(**WITHOUT_KEYS)
    outcomes = adapter.upsert([Write(f"k{n}", {"Email": f"ann{n}@example.com"}) for n in range(3)])
    assert {type(outcome) for outcome in outcomes} == {ReconnectRequired}
    _written(org.adapter().upsert([Write("k1", {"Email": _EMAIL})])[0])


def _says(adapter: Adapter) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in adapter.diagnose():
        found.setdefault(finding.level, []).append(f"{finding.about}: {finding.says}")
        assert finding.advice or finding.level in ("good", "note"), finding
    return found


def test_diagnosis_of_an_org_in_order_has_nothing_to_mend(org: Org) -> None:
    said = _says(org.adapter())
    assert set(said) == {"good", "note"}
    assert any("API budget" in text for text in said["good"])
    assert any("Grants" in text for text in said["note"])


def test_diagnosis_tells_what_is_wrong(org: Org) -> None:
    org.administer(rights={"Lead.Phone": "read", "Contact": "none"}, key_field_on=["Contact"], daily_requests=100)
    org.api("POST", "usage", {"used": 85})

    class Late(SystemClock):
        def now(self) -> datetime:
            return super().now() + timedelta(minutes=10)

    warnings = " ".join(_says(org.adapter(clock=Late()))["warning"])
    for word in ("Phone", "Contact records", "CRM_Sync_Id__c", "API calls are left", "seconds apart"):
        assert word in warnings


def test_thousand_new_clients_with_a_note_each_cost_at_most_35_calls(org: Org) -> None:
    adapter = org.adapter()
    before = org.calls()
    for start in range(0, 1000, 200):
        values = [
            {"Email": f"first.last{n}@mail.example.com", "Phone": f"+49 30 1234 {n:04d}"}
            for n in range(start, start + 200)
        ]
        writes = [Write(f"{start + n:032x}", each) for n, each in enumerate(values)]
        found = adapter.find([adapter.lookup(write.key, write.values, by_key=False) for write in writes])
        assert found == [()] * 200
        made = [_written(outcome).record.id for outcome in adapter.upsert(writes)]
        notes = adapter.add_notes([_note(f"n{start + n}", record_id) for n, record_id in enumerate(made)])
        assert all(isinstance(note, RemoteNote) for note in notes)
    assert org.calls() - before <= 35
    assert (len(org.people("Lead")), len(org.tasks())) == (1000, 1000)
