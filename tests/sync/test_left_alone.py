"""What is not sent, and why; and what happens when a record is deleted, merged or taken in the CRM."""

from __future__ import annotations

import pytest

from flask_crm_sync.errors import InvalidRecord, RecordMissing
from flask_crm_sync.sync.choices import decide
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.dying import once_at
from tests.sync.world import World


def reasons_of(world: World) -> set[tuple[str, str]]:
    return {(op.status, op.reason) for op in world.operations()}


def test_a_client_without_details_is_skipped_and_a_live_lead_when_they_appear(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email=" ", phone="")
    world.run()
    assert world.outcomes() == [("create_lead", "skipped", "no_contact_details")]
    assert crm.calls == []
    world.edit(ada, phone="+43 1")
    world.fan_out()
    lead = world.last(ada)
    assert (lead.kind, lead.lane, lead.due_at) == ("create_lead", 0, world.clock.now())
    world.drain()
    assert crm.record_with(phone="+43 1").values["first_name"] == "Ada"


def test_the_note_of_a_client_without_details_is_skipped_and_goes_when_they_appear(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada")
    conversation = world.conversation(ada)
    world.run()
    assert world.last(conversation, "conversation").reason == "no_contact_details"
    assert world.pending() == []
    world.edit(ada, email="ada@example.com")
    world.run()
    assert len(crm.notes) == 1


def test_a_linked_client_that_loses_its_details_is_still_updated(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.edit(ada, email="", city="Graz")
    world.run_until_done()
    assert crm.record_with(city="Graz").values["email"] == ""


def test_a_sensitive_client_is_never_sent(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com", is_sensitive=True)
    world.conversation(ada)
    world.run()
    assert reasons_of(world) == {("skipped", "sensitive_client")}
    assert crm.calls == []


def test_a_client_that_became_sensitive_is_sent_nothing_more(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.edit(ada, is_sensitive=True, city="Graz")
    conversation = world.conversation(ada, "a secret")
    crm.calls.clear()
    world.run_until_done()
    assert crm.calls == []
    assert world.last(ada).reason == world.last(conversation, "conversation").reason == "sensitive_client"


def test_notes_that_waited_for_a_client_who_turns_out_sensitive_do_not_wait_for_ever(
    world: World, crm: FakeCRM
) -> None:
    crm.fail("upsert", InvalidRecord("no"))
    ada = world.client("Ada", email="ada@example.com")
    conversation = world.conversation(ada)
    world.run()
    world.edit(ada, is_sensitive=True)
    world.run()
    assert world.last(conversation, "conversation").reason == "sensitive_client"
    assert world.pending() == []


def test_a_test_conversation_is_ignored(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.conversation(ada, is_test=True)
    later = world.conversation(ada)
    world.fan_out()
    world.change_conversation(later, is_test=True, told=False)
    world.drain()
    assert [op.subject_id for op in world.operations(kind="add_note")] == [later]
    assert world.last(later, "conversation").reason == "test_conversation"
    assert crm.notes == {}


# Deleted in the host


def test_a_deleted_clients_waiting_work_is_skipped_and_its_record_stays(anywhere: World, crm: FakeCRM) -> None:
    ada = anywhere.client("Ada", email="ada@example.com")
    anywhere.run()
    anywhere.edit(ada, city="Graz")
    conversation = anywhere.conversation(ada)
    anywhere.fan_out()
    anywhere.remove(ada)
    anywhere.run_until_done()
    assert anywhere.last(ada).reason == anywhere.last(conversation, "conversation").reason == "client_deleted"
    assert len(crm.records) == 1
    assert crm.notes == {}


def test_a_client_deleted_while_it_is_worked_on_is_found_out_at_loading(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    conversation = world.conversation(ada)
    world.fan_out()
    with once_at(Step.CLAIMED, lambda: world.remove(ada)):
        world.drain()
    assert reasons_of(world) == {("skipped", "client_deleted")}
    assert world.last(conversation, "conversation").reason == "client_deleted"
    assert crm.calls == []


def test_a_client_that_comes_and_goes_unseen_owes_nothing(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.remove(ada)
    world.run()
    assert world.operations() == []
    assert crm.calls == []


def test_a_deleted_conversation_owes_no_note(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    waits, worked_on = world.conversation(ada, status="open"), world.conversation(ada)
    world.fan_out()
    world.remove_conversation(waits)
    world.remove_conversation(worked_on, told=False)
    world.run()
    assert {world.last(id, "conversation").reason for id in (waits, worked_on)} == {"conversation_deleted"}
    assert crm.notes == {}


# Deleted in the CRM


def deleted_in_crm(world: World, crm: FakeCRM) -> str:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    crm.delete(crm.record_with(first_name="Ada").id)
    world.edit(ada, city="Graz")
    world.run_until_done()
    return ada


def test_a_record_deleted_in_the_crm_is_not_made_again(world: World, crm: FakeCRM) -> None:
    ada = deleted_in_crm(world, crm)
    assert (world.last(ada).status, world.last(ada).reason) == ("skipped", "record_deleted_in_crm")
    assert world.link(ada).state == "tombstone"
    world.edit(ada, city="Linz")
    world.run_until_done()
    assert crm.records == {}
    assert len(world.operations()) == 2


def test_notes_of_a_record_deleted_in_the_crm_are_skipped(world: World, crm: FakeCRM) -> None:
    ada = deleted_in_crm(world, crm)
    conversation = world.conversation(ada)
    world.run()
    assert world.last(conversation, "conversation").reason == "record_deleted_in_crm"


def test_a_person_has_a_deleted_record_created_again(world: World, crm: FakeCRM) -> None:
    ada = deleted_in_crm(world, crm)
    key_of_the_deleted = world.link(ada).id
    decide(world.sync, "1", world.last(ada).id, "create_new")
    world.run()
    assert world.last(ada).status == "success"
    assert world.link(ada).id != key_of_the_deleted
    assert world.link(ada).state == "active"
    assert crm.record_with(first_name="Ada", city="Graz").id == world.link(ada).remote_id


def test_a_note_that_meets_a_deleted_record_finds_it_out_at_once(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    crm.delete(crm.record_with(first_name="Ada").id)
    conversation = world.conversation(ada)
    world.run()
    assert world.link(ada).state == "tombstone"
    assert world.last(conversation, "conversation").reason == "record_deleted_in_crm"
    assert world.pending() == []


def test_with_contacts_off_a_note_for_a_deleted_record_fails_once(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    crm.delete(crm.record_with(first_name="Ada").id)
    world.set_connection(sync_contacts=False)
    conversation = world.conversation(ada)
    world.run_until_done()
    assert world.last(conversation, "conversation").reason == "record_missing"
    assert len(world.operations()) == 2


def test_a_crm_that_shows_a_record_but_refuses_its_notes_is_not_asked_for_ever(world: World, crm: FakeCRM) -> None:
    world.restart(retry_hours=5)
    crm.fail("add_notes", RecordMissing(), times=None)
    conversation = world.conversation(world.client("Ada", email="ada@example.com"))
    world.run_until_done()
    assert world.last(conversation, "conversation").reason == "record_missing"
    assert len(world.operations()) < 30


@pytest.mark.parametrize("recreate", [False, True])
def test_over_the_wire_a_deleted_contact_stays_deleted_unless_a_person_wants_it(
    wired: World, portal: Portal, recreate: bool
) -> None:
    ada = wired.client("Ada", email="ada@example.com")
    wired.run()
    portal.sandbox.hubspot.delete_contact(portal.person("ada@example.com")["id"], portal.id)
    wired.edit(ada, city="Graz")
    wired.run_until_done()
    assert portal.people() == []
    assert wired.link(ada).state == "tombstone"
    if recreate:
        decide(wired.sync, "1", wired.last(ada).id, "create_new")
        wired.run_until_done()
        assert wired.last(ada).status == "success"
        assert portal.person("ada@example.com")["properties"]["city"] == "Graz"


# Merged, or taken, in the CRM


def test_a_record_merged_in_the_crm_is_linked_again(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    kept = crm.add(first_name="Adelheid", email="adelheid@example.com")
    crm.merge(kept, crm.record_with(first_name="Ada").id)
    world.edit(ada, city="Graz")
    world.conversation(ada)
    world.run_until_done()
    assert world.link(ada).remote_id == kept
    assert crm.records[kept].values["city"] == "Graz"
    (note,) = crm.notes.values()
    assert note.record_id == kept


def test_over_the_wire_a_merged_contact_is_linked_to_its_survivor(wired: World, portal: Portal) -> None:
    ada = wired.client("Ada", email="ada@example.com")
    wired.run()
    other = portal.sandbox.hubspot.add_contact({"email": "adelheid@example.com"}, portal.id)
    survivor = portal.sandbox.hubspot.merge_contacts(other, portal.person("ada@example.com")["id"], portal.id)
    wired.edit(ada, city="Graz")
    wired.conversation(ada)
    wired.run_until_done()
    (person,) = portal.rows()
    assert person["id"] == survivor == wired.link(ada).remote_id
    assert person["properties"]["city"] == "Graz"
    assert [note["contacts"] for note in portal.notes()] == [[survivor]]


def test_two_clients_whose_records_were_merged_do_not_fight_over_it(world: World, crm: FakeCRM) -> None:
    ada, bo = (world.client(name, email=f"{name.lower()}@example.com") for name in ("Ada", "Bo"))
    world.run()
    crm.merge(world.link(ada).remote_id, world.link(bo).remote_id)
    for id in (ada, bo):
        world.edit(id, city="Graz")
    world.run_until_done()
    assert world.last(ada).status == "success"
    assert world.last(bo).reason == "already_linked"
    assert len(crm.records) == 1


@pytest.mark.parametrize("others", [0, 5])
def test_an_email_that_another_record_has_fails_that_one_alone(world: World, crm: FakeCRM, others: int) -> None:
    crm.add(email="taken@example.com")
    ada = world.client("Ada", email="ada@example.com")
    ids = world.clients(others)
    world.run()
    world.edit(ada, email="taken@example.com", city="Graz")
    for id in ids:
        world.edit(id, city="Linz")
    world.run_until_done()
    assert world.last(ada).reason == "duplicate"
    assert {world.last(id).status for id in ids} <= {"success"}
    world.edit(ada, email="free@example.com")
    world.run_until_done()
    assert crm.record_with(email="free@example.com").values["city"] == "Graz"
