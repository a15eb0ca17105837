"""Polling Salesforce, against its sandbox on a clock that stands still: late commits, crowds, rights, and removing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flask_crm_sync.crm.base import Adapter, Erased, NoteWrite, RemoteChange, RemoteNote, Written
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.errors import PermissionMissing, RejectedByCRM
from flask_crm_sync.sandbox.server import Sandbox
from tests.contract.conftest import Bench
from tests.sync.world import START, FakeClock

TEN_MINUTES = 600
BEHIND = 900
"""Seconds by which our clock is behind the org's."""
OPEN = {"hidden": [], "not_settable": [], "not_changeable": [], "denied": [], "picks": {}, "key": ""}


class Org:
    """An org, somebody who polls it, and time."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.salesforce, self.cursor = bench, bench.sandbox.salesforce, ""
        self.clock = FakeClock()
        self.adapter = self.adapter_with({})

    def adapter_with(self, shapes: dict[str, Any]) -> Adapter:
        credentials, traits = self.bench.case.credentials, {"objects": shapes}
        return connect("salesforce", credentials, self.bench.settings, traits, meter=None, clock=self.clock)

    def wait(self, seconds: float) -> None:
        self.bench.sandbox.clock.advance(seconds)
        self.clock.advance(seconds)

    def add(self, name: str = "Ann", **more: str) -> str:
        return self.salesforce.add_contact({"LastName": name, "Company": "Example Ltd", **more})

    def poll(self) -> list[RemoteChange]:
        found: list[RemoteChange] = []
        while True:
            told = self.adapter.changes_since(self.cursor)
            self.cursor = told.cursor
            assert len(self.cursor) <= 4_000
            found += told.changes
            if not told.more:
                return found

    def told(self) -> set[tuple[str, str]]:
        return {(change.record_id, change.what) for change in self.poll()}

    def calls(self) -> int:
        return self.bench.calls()

    def commits_late(self, record_id: str, seconds_ago: float) -> None:
        """Let a change bear the time at which its transaction began."""
        at = int((self.bench.sandbox.clock.now() - seconds_ago) * 1000)
        with self.salesforce.store.writing() as db:
            db.execute("UPDATE record SET modified = ? WHERE id = ?", (at, record_id))


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    # Our clock and Salesforce's need not agree.
    with Sandbox(tmp_path_factory.mktemp("still"), clock=lambda: START.timestamp() + BEHIND, keep=False) as running:
        yield running


@pytest.fixture
def org(still: Sandbox) -> Iterator[Org]:
    still.clock.set(START.timestamp() + BEHIND)
    still.salesforce.start_afresh()
    bench = Bench("salesforce", still)
    bench.api("POST", "portals", bench.case.portal)
    made = Org(bench)
    made.add("There")
    assert made.poll() == []
    yield made
    made.adapter.http.close()


def test_change_of_a_transaction_that_took_ten_minutes_is_told(org: Org) -> None:
    early, late = org.add("Early"), org.add("Late")
    org.commits_late(late, seconds_ago=10_000)
    org.wait(TEN_MINUTES)
    org.salesforce.edit_contact(early, {"City": "Graz"})
    assert org.told() == {(early, "changed")}
    org.commits_late(late, seconds_ago=TEN_MINUTES)
    assert org.told() == {(late, "changed")}
    assert org.told() == set()


def test_second_change_within_one_second_is_told(org: Org) -> None:
    lead = org.add()
    for city in ("Graz", "Linz"):
        org.salesforce.edit_contact(lead, {"City": city})
        (change,) = org.poll()
        assert change.record is not None
        assert change.record.values["City"] == city


def test_import_of_one_second_is_told_whole_and_the_org_that_rests_costs_one_call(org: Org) -> None:
    added = {org.add(f"Ann {number}") for number in range(450)}
    assert {change.record_id for change in org.poll()} == added
    org.wait(BEHIND + 1.2 * TEN_MINUTES)
    org.poll()
    before = org.calls()
    assert org.told() == set()
    assert org.calls() - before == 1


def test_user_who_may_not_see_contacts_is_told_of_leads(org: Org) -> None:
    org.adapter.http.close()
    org.adapter = org.adapter_with({"Contact": {**OPEN, "denied": ["see"]}})
    org.cursor = ""
    org.poll()
    lead = org.add()
    org.salesforce.add_contact({"LastName": "Ben"}, kind="Contact")
    before = org.calls()
    assert org.told() == {(lead, "changed")}
    assert org.calls() - before == 1
    org.adapter.http.close()
    org.adapter = org.adapter_with({})
    assert org.told() == set(), "contacts begin when the user may see them"
    assert org.told() == set()
    contact = org.salesforce.add_contact({"LastName": "Cat"}, kind="Contact")
    assert org.told() == {(contact, "changed")}


def test_user_who_sees_nobody_is_told_what_is_missing(org: Org) -> None:
    denied = {kind: {**OPEN, "denied": ["see"]} for kind in ("Lead", "Contact")}
    blind = org.adapter_with(denied)
    with pytest.raises(PermissionMissing) as missing:
        blind.changes_since("")
    assert set(missing.value.permissions) == {"Read on Lead", "Read on Contact"}
    blind.http.close()


def test_contact_and_lead_bear_the_leads_names_and_stand_ins_stay_away(org: Org) -> None:
    contact = org.salesforce.add_contact({"LastName": "Lee", "MailingCity": "Graz"}, kind="Contact")
    (made,) = org.adapter.upsert([org.bench.write("key1", email="ann@example.com")])
    values = {change.record_id: change.record.values for change in org.poll() if change.record}
    assert (values[contact]["City"], values[contact]["LastName"]) == ("Graz", "Lee")
    (lead,) = set(values) - {contact}
    assert (values[lead]["LastName"], values[lead]["Company"]) == ("", "")
    assert isinstance(made, Written)
    assert made.record.id == lead


def test_schema_joins_what_both_kinds_have_and_says_which_has_what(org: Org) -> None:
    schema = {field.name: field for field in org.adapter.schema()}
    assert schema["City"].on == ("Lead", "Contact")
    assert "MailingCity" not in schema
    assert schema["Company"].on == ("Lead",)
    assert schema["OtherCity"].on == ("Contact",)
    assert schema["LastName"].required
    assert schema["LeadSource"].type == "choice"
    assert schema["LeadSource"].options
    assert schema["IsDeleted"].type == "boolean"
    assert not schema["IsDeleted"].writable
    assert "OwnerId" not in schema


def test_schema_of_a_user_who_sees_no_contacts_is_the_leads(org: Org) -> None:
    org.salesforce.add_portal(settings={"rights": {"Contact": "none"}})
    assert {field.on for field in org.adapter.schema()} == {("Lead",)}


def test_record_that_may_not_be_deleted_stays_alone(org: Org) -> None:
    lead = org.add()
    contact = org.salesforce.add_contact({"LastName": "Lee"}, kind="Contact")
    notes = [NoteWrite(f"n{n}", record, "Web chat", "Secret", START) for n, record in enumerate((lead, contact))]
    tasks = [task.id for task in org.adapter.add_notes(notes) if isinstance(task, RemoteNote)]
    org.salesforce.add_portal(settings={"rights": {"Contact": "read"}})
    gone, stays = org.adapter.erase([lead, contact], {lead: tasks[:1], contact: tasks[1:]})
    assert isinstance(gone, Erased)
    assert isinstance(stays, RejectedByCRM)
    assert [record["id"] for record in org.salesforce.contacts() if record["id"] == contact and not record["archived"]]


def test_removing_three_hundred_people_takes_few_calls(org: Org) -> None:
    leads = [org.add(f"Ann {number}") for number in range(300)]
    before = org.calls()
    outcomes = org.adapter.erase(leads, {})
    assert all(isinstance(outcome, Erased) for outcome in outcomes)
    assert org.calls() - before == 3
