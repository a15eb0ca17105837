"""Paused, disabled, disconnected, refused: what waits, what is owed, and how work goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_crm_sync.errors import CredentialsRefused, InvalidRecord, OutcomeUnknown, PermissionMissing, RateLimited
from flask_crm_sync.sync.connections import connect_account, disconnect, pause, resume
from flask_crm_sync.sync.due import due_connections, next_due_at
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.dying import killed_at, once_at
from tests.sync.world import START, World


@pytest.mark.parametrize("error", [CredentialsRefused(crm_message="expired"), PermissionMissing("no write")])
@pytest.mark.parametrize("call", ["find", "upsert"])
def test_a_refused_key_needs_attention_and_the_work_waits(
    world: World, crm: FakeCRM, error: CredentialsRefused, call: str
) -> None:
    crm.fail(call, error, times=None)
    world.clients(3)
    world.run()
    row = world.connection
    assert (row.state, row.state_code) == ("needs_attention", error.code)
    assert {(op.status, op.attempts, op.unknown) for op in world.operations()} == {("pending", 0, False)}
    assert due_connections(world.sync) == []
    assert next_due_at(world.sync) is None
    crm.calls.clear()
    world.run()
    assert crm.calls == []


def test_what_waited_for_a_new_key_goes_on_after_reconnecting(world: World, crm: FakeCRM) -> None:
    crm.fail("find", CredentialsRefused(), times=1)
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.edit(ada, city="Graz")
    world.client("Bo", email="bo@example.com")
    world.run()
    connect_account(world.sync, "1", "hubspot", "token", {"token": "a-new-one"})
    world.run()
    assert [op.status for op in world.operations()] == ["success", "success"]
    assert crm.record_with(email="ada@example.com").values["city"] == "Graz"


def test_over_the_wire_a_revoked_token_needs_attention(wired: World, portal: Portal) -> None:
    portal.fail("revoke_token", times=1)
    wired.client("Ada", email="ada@example.com")
    wired.run()
    assert (wired.connection.state, wired.connection.state_code) == ("needs_attention", "credentials_refused")
    portal.sandbox.hubspot.access.add_token("pat-na1-second", portal.id)
    wired.connect("1", "pat-na1-second")
    wired.run()
    assert len(portal.people()) == 1


def test_over_the_wire_a_missing_permission_names_it(wired: World, portal: Portal) -> None:
    portal.fail("missing_scopes", "contacts/batch/upsert", params={"scope": "crm.objects.contacts.write"})
    wired.client("Ada", email="ada@example.com")
    wired.run()
    assert wired.connection.state_code == "permission_missing"
    assert "crm.objects.contacts.write" in wired.connection.state_message


def test_a_refusal_of_the_old_key_says_nothing_about_a_new_one(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", CredentialsRefused())
    world.client("Ada", email="ada@example.com")
    world.fan_out()
    with once_at(Step.CRM_READ, lambda: world.connect("1", "pasted-meanwhile")):
        world.drain()
    assert world.connection.state == "connected"
    assert world.drain().settled == {"success": 1}


def test_credentials_that_do_not_open_need_attention(world: World, crm: FakeCRM) -> None:
    world.client("Ada", email="ada@example.com")
    world.fan_out()
    kept = world.settings
    world.settings = replace(kept, encryption_keys=(b"another key of 32 bytes, not it!",))
    world.sync = world.fresh_sync()
    world.drain()
    assert (world.connection.state, world.connection.state_code) == ("needs_attention", "secret_unreadable")
    assert world.operation().status == "pending"
    world.settings = kept
    world.restart()
    world.connect("1")
    world.run()
    assert world.operation().status == "success"


def test_a_paused_connection_collects_and_sends_nothing(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    pause(world.sync, "1", "hubspot")
    world.run()
    for city in ("Graz", "Linz"):
        world.edit(ada, city=city)
        world.run()
    assert crm.calls == []
    assert world.outcomes() == [("create_lead", "pending", "")]
    assert due_connections(world.sync) == []
    resume(world.sync, "1", "hubspot")
    assert [due.connection_id for due in due_connections(world.sync)] == [world.connection_id]
    world.run()
    assert crm.record_with(email="ada@example.com").values["city"] == "Linz"


def test_a_pause_takes_hold_after_the_batch_in_hand(world: World, crm: FakeCRM) -> None:
    world.clients(250)
    world.fan_out()
    with once_at(Step.CRM_READ, lambda: pause(world.sync, "1", "hubspot")):
        drained = world.drain()
    assert drained.settled == {"success": 100}
    assert len(world.pending()) == 150
    assert world.connection.lease_until == 0


def test_settings_changed_during_a_drain_hold_for_its_next_batch(world: World, crm: FakeCRM) -> None:
    world.clients(150)
    world.fan_out()
    with once_at(Step.CRM_READ, lambda: world.set_connection(sync_contacts=False)):
        world.drain()
    assert len(crm.records) == 100
    assert {op.reason for op in world.operations(status="skipped")} == {"contacts_off"}


def test_a_disabled_connection_is_owed_nothing(world: World, crm: FakeCRM) -> None:
    world.set_connection(enabled=False)
    world.conversation(world.client("Ada", email="ada@example.com"))
    world.run()
    assert world.operations() == []
    world.set_connection(enabled=True)
    world.run()
    assert world.operations() == []


def test_work_of_a_connection_disabled_later_is_not_sent(world: World, crm: FakeCRM) -> None:
    world.client("Ada", email="ada@example.com")
    world.fan_out()
    world.set_connection(enabled=False)
    world.drain()
    assert crm.calls == []
    assert world.operation().status == "pending"


def test_a_disconnected_connection_is_owed_nothing_and_keeps_what_waits(world: World, crm: FakeCRM) -> None:
    world.client("Ada", email="ada@example.com")
    world.fan_out()
    disconnect(world.sync, "1", "hubspot")
    world.client("Bo", email="bo@example.com")
    world.run()
    assert crm.calls == []
    assert world.outcomes() == [("create_lead", "pending", "")]
    world.connect("1")
    world.run()
    assert world.outcomes() == [("create_lead", "success", "")]


def test_while_a_key_needs_attention_work_is_still_collected(world: World) -> None:
    world.set_connection(state="needs_attention")
    world.client("Ada", email="ada@example.com")
    world.run()
    assert world.outcomes() == [("create_lead", "pending", "")]


def test_contacts_off_owes_no_contact_and_sends_none_that_waited(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.fan_out()
    world.set_connection(sync_contacts=False)
    world.client("Bo", email="bo@example.com")
    world.run()
    assert [(op.subject_id, op.status, op.reason) for op in world.operations()] == [(ada, "skipped", "contacts_off")]
    assert crm.records == {}


def test_notes_off_owes_no_note_and_sends_none_that_waited(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    first = world.conversation(ada)
    world.fan_out()
    world.set_connection(sync_notes=False)
    world.conversation(ada)
    world.run()
    assert [op.subject_id for op in world.operations(kind="add_note")] == [first]
    assert world.last(first, "conversation").reason == "notes_off"
    assert crm.notes == {}


def test_with_contacts_off_notes_go_to_clients_that_are_there_already(world: World, crm: FakeCRM) -> None:
    world.set_connection(sync_contacts=False)
    record = crm.add(first_name="Adelheid", email="ada@example.com")
    known = world.conversation(world.client("Ada", email="ada@example.com"))
    stranger = world.conversation(world.client("Bo", email="bo@example.com"))
    world.run()
    (note,) = crm.notes.values()
    assert note.record_id == record
    assert crm.records[record].versions[1:] == []
    assert list(crm.records) == [record]
    assert world.last(known, "conversation").status == "success"
    assert world.last(stranger, "conversation").reason == "waiting_for_client"


def test_with_contacts_off_a_client_whose_own_record_failed_is_matched_as_well(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", InvalidRecord("The city is not one of the list."))
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.set_connection(sync_contacts=False)
    record = crm.add(email="ada@example.com")
    world.conversation(ada)
    world.run()
    assert [note.record_id for note in crm.notes.values()] == [record]


def test_with_contacts_off_an_outage_loses_no_note(world: World, crm: FakeCRM) -> None:
    world.set_connection(sync_contacts=False)
    crm.add(email="ada@example.com")
    crm.fail("find", RateLimited(retry_after=30.0))
    world.conversation(world.client("Ada", email="ada@example.com"))
    world.run()
    assert world.operation().due_at is not None
    world.run_until_done()
    assert len(crm.notes) == 1


def test_with_contacts_off_two_clients_never_share_a_record(world: World, crm: FakeCRM) -> None:
    world.set_connection(sync_contacts=False)
    crm.add(email="one@example.com")
    ids = [world.client(name, email="one@example.com") for name in ("Ada", "Bo")]
    for id in ids:
        world.conversation(id)
    world.run()
    assert sum(world.link(id) is not None for id in ids) == 1
    assert len(crm.notes) == 1


def test_a_record_that_was_only_matched_for_notes_is_merged_gently_when_contacts_come_on(
    world: World, crm: FakeCRM
) -> None:
    world.set_connection(sync_contacts=False)
    record = crm.add(first_name="Adelheid", email="ada@example.com")
    ada = world.client("Ada", email="ada@example.com", city="Graz")
    world.conversation(ada)
    world.run()
    world.set_connection(sync_contacts=True)
    world.edit(ada, phone="+43 1")
    world.run_until_done()
    values = crm.records[record].values
    assert (values["first_name"], values["city"], values["phone"]) == ("Adelheid", "Graz", "+43 1")


# What is due


def test_what_is_due_comes_with_its_most_urgent_lane(world: World, crm: FakeCRM) -> None:
    elsewhere = world.connect("2", "other")
    known = world.client("Ada", email="ada@example.com")
    world.run()
    world.conversation(known)
    world.client("Bo", email="bo@example.com", account="2")
    world.fan_out()
    assert [(due.connection_id, due.lane) for due in due_connections(world.sync)] == [
        (elsewhere, 0),
        (world.connection_id, 1),
    ]


def test_work_of_a_dead_worker_is_due_when_its_lease_is_over(anywhere: World) -> None:
    anywhere.client("Ada", email="ada@example.com")
    with killed_at(Step.CRM_WRITTEN):
        anywhere.run()
    assert due_connections(anywhere.sync) == []
    anywhere.clock.advance(anywhere.settings.lease_seconds + 1)
    assert [due.connection_id for due in due_connections(anywhere.sync)] == [anywhere.connection_id]


def test_the_next_time_is_that_of_the_operation_or_of_the_end_of_a_rest(world: World, crm: FakeCRM) -> None:
    assert next_due_at(world.sync) is None
    crm.fail("upsert", OutcomeUnknown())
    world.client("Ada", email="ada@example.com")
    world.run()
    assert (next_due_at(world.sync) - START).total_seconds() == 60  # type: ignore[operator]
    crm.fail("find", RateLimited(retry_after=300.0))
    world.clock.advance(60)
    world.run()
    assert (next_due_at(world.sync) - START).total_seconds() == 360  # type: ignore[operator]
