"""Writes without an answer: they rest, are read back, and are never sent twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flask_crm_sync.errors import InvalidRecord, OutcomeUnknown, RateLimited, RecordLocked, Unreachable
from flask_crm_sync.sync.choices import decide, retry
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.world import RESTS, START, World


def calls(crm: FakeCRM) -> list[str]:
    return [name for name, _ in crm.calls]


@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not"])
def test_a_create_without_an_answer_rests_and_is_read_back_before_anything_else(
    anywhere: World, crm: FakeCRM, arrived: bool
) -> None:
    crm.fail("upsert", OutcomeUnknown("no answer"), after=arrived)
    anywhere.client("Ada", email="ada@example.com")
    anywhere.run()
    waiting = anywhere.operation()
    assert (waiting.status, waiting.reason, waiting.unknown) == ("pending", "waiting_for_read_back", True)
    assert waiting.due_at == START + timedelta(seconds=RESTS)
    anywhere.clock.advance(RESTS - 1)
    crm.calls.clear()
    anywhere.run()
    assert crm.calls == []
    anywhere.clock.advance(1)
    anywhere.run()
    assert calls(crm) == (["find"] if arrived else ["find", "upsert"])
    assert len(crm.records) == 1
    done = anywhere.operation()
    assert (done.status, done.unknown, done.attempts) == ("success", False, 2)


def test_an_edit_does_not_shorten_the_rest(anywhere: World, crm: FakeCRM) -> None:
    crm.fail("upsert", OutcomeUnknown(), after=True)
    ada = anywhere.client("Ada", email="ada@example.com")
    anywhere.run()
    anywhere.edit(ada, city="Graz")
    anywhere.run()
    assert anywhere.operation().due_at == START + timedelta(seconds=60)
    anywhere.run_until_done()
    assert len(crm.records) == 1
    assert crm.record_with(email="ada@example.com").values["city"] == "Graz"


def test_an_unanswered_update_is_not_taken_for_a_persons_edit(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com", city="Graz")
    world.run()
    world.edit(ada, city="Linz")
    crm.fail("upsert", OutcomeUnknown(), after=True)
    world.clock.advance(hours=1)
    world.run()
    world.edit(ada, city="Wels")
    world.clock.advance(hours=1)
    world.run_until_done()
    assert crm.record_with(email="ada@example.com").values["city"] == "Wels"


def test_a_persons_edit_after_an_unanswered_update_stays(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com", city="Graz")
    world.run()
    world.edit(ada, city="Linz")
    crm.fail("upsert", OutcomeUnknown(), after=True)
    world.clock.advance(hours=1)
    world.run()
    record = crm.record_with(email="ada@example.com")
    crm.edit(record.id, city="Steyr")
    world.run_until_done()
    assert record.values["city"] == "Steyr"
    assert world.last(ada).details["left"] == {"city": "changed on both sides; the CRM's value stays"}


@pytest.mark.parametrize("error", [Unreachable(), RateLimited(retry_after=1), RecordLocked()])
def test_a_trouble_before_anything_was_sent_needs_no_rest(world: World, crm: FakeCRM, error: Exception) -> None:
    crm.fail("upsert", error)
    world.client("Ada", email="ada@example.com")
    world.run()
    assert not world.operation().unknown
    world.run_until_done()
    assert world.operation().status == "success"


def test_an_unknown_outcome_stays_unknown_through_an_outage(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", OutcomeUnknown(), after=True)
    world.client("Ada", email="ada@example.com")
    world.run()
    outage = crm.fail("find", Unreachable(), times=None)
    world.clock.advance(60)
    world.run()
    assert world.operation().unknown
    outage.times = 0
    world.run_until_done()
    assert len(crm.records) == 1


def test_a_note_without_an_answer_is_found_by_its_key(world: World, crm: FakeCRM) -> None:
    conversation = world.conversation(world.client("Ada", email="ada@example.com"))
    crm.fail("add_notes", OutcomeUnknown(), after=True)
    world.run_until_done()
    assert len(crm.notes) == 1
    assert world.last(conversation, "conversation").status == "success"
    assert calls(crm).count("add_notes") == 1


def test_a_note_that_had_not_arrived_is_sent_again(world: World, crm: FakeCRM) -> None:
    world.conversation(world.client("Ada", email="ada@example.com"))
    crm.fail("add_notes", OutcomeUnknown(), times=2)
    world.run_until_done()
    assert len(crm.notes) == 1
    assert calls(crm).count("find_notes") == 2


def test_a_note_that_arrived_without_an_answer_is_brought_up_to_date(world: World, crm: FakeCRM) -> None:
    conversation = world.conversation(world.client("Ada", email="ada@example.com"), "first words")
    crm.fail("add_notes", OutcomeUnknown(), after=True)
    world.run()
    world.say(conversation, "last words")
    world.run_until_done()
    (note,) = crm.notes.values()
    assert "last words" in note.body


# Where nothing can be read back


def phone_only(crm: FakeCRM, world: World, **fault: bool) -> str:
    """Come to an unanswered create that left nothing by which it could surely be found."""
    crm.keys = False
    crm.fail("upsert", OutcomeUnknown(), **fault)
    ada = world.client("Ada", phone="+43 1 234")
    world.run()
    return ada


def hide_phones(crm: FakeCRM, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the CRM's phone search lag behind."""
    find = crm.matches
    monkeypatch.setattr(crm, "matches", lambda lookup: () if lookup.phone and not lookup.email else find(lookup))


def test_an_outcome_that_nothing_can_confirm_is_set_aside(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_phones(crm, monkeypatch)
    ada = phone_only(crm, world, after=True)
    world.run_until_done()
    assert world.outcomes() == [("create_lead", "failed", "cannot_confirm")]
    assert len(crm.records) == 1
    world.edit(ada, city="Graz")
    world.run_until_done()
    assert world.last(ada).reason == "cannot_confirm"
    assert len(crm.records) == 1


def test_a_person_may_say_that_it_did_not_arrive(world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_phones(crm, monkeypatch)
    ada = phone_only(crm, world)
    world.run_until_done()
    decide(world.sync, "1", world.last(ada).id, "create_new")
    world.run()
    assert world.last(ada).status == "success"
    assert len(crm.records) == 1


def test_a_decision_to_create_is_not_carried_out_twice(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_phones(crm, monkeypatch)
    ada = phone_only(crm, world)
    world.run_until_done()
    decide(world.sync, "1", world.last(ada).id, "create_new")
    crm.fail("upsert", OutcomeUnknown(), after=True)
    world.run_until_done()
    assert world.last(ada).reason == "cannot_confirm"
    assert len(crm.records) == 1


def test_a_lost_create_under_another_email_cannot_be_confirmed_by_the_new_one(world: World, crm: FakeCRM) -> None:
    crm.keys = False
    crm.fail("upsert", OutcomeUnknown(), after=True)
    ada = world.client("Ada", email="old@example.com")
    world.run()
    world.edit(ada, email="new@example.com")
    world.run_until_done()
    assert world.last(ada).reason == "cannot_confirm"
    assert len(crm.records) == 1


def test_with_our_key_a_lost_create_is_found_whatever_the_email_has_become(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", OutcomeUnknown(), after=True)
    ada = world.client("Ada", email="old@example.com")
    world.run()
    world.edit(ada, email="new@example.com")
    world.run_until_done()
    assert world.last(ada).status == "success"
    assert [record.values["email"] for record in crm.records.values()] == ["new@example.com"]


def test_an_absence_that_was_settled_stays_so_when_the_next_write_is_held_up(world: World, crm: FakeCRM) -> None:
    crm.keys = False
    crm.fail("upsert", OutcomeUnknown())
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    crm.fail("upsert", Unreachable())
    world.run_until_done()
    assert world.last(ada).status == "success"
    assert len(crm.records) == 1


def test_a_refused_create_leaves_nothing_to_confirm(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_phones(crm, monkeypatch)
    crm.keys = False
    crm.fail("upsert", InvalidRecord("no"))
    ada = world.client("Ada", phone="+43 1 234")
    world.run()
    assert world.last(ada).reason == "invalid_record"
    world.edit(ada, city="Graz")
    world.run_until_done()
    assert world.last(ada).status == "success"


def test_a_note_that_cannot_be_read_back_is_set_aside(world: World, crm: FakeCRM) -> None:
    crm.finds_notes = False
    conversation = world.conversation(world.client("Ada", email="ada@example.com"))
    crm.fail("add_notes", OutcomeUnknown(), after=True)
    world.run_until_done()
    assert world.last(conversation, "conversation").reason == "cannot_confirm"
    assert len(crm.notes) == 1


def test_a_person_may_have_a_note_sent_again_once(world: World, crm: FakeCRM) -> None:
    crm.finds_notes = False
    conversation = world.conversation(world.client("Ada", email="ada@example.com"))
    crm.fail("add_notes", OutcomeUnknown())
    world.run_until_done()
    decide(world.sync, "1", world.last(conversation, "conversation").id, "create_new")
    crm.fail("add_notes", OutcomeUnknown(), after=True)
    world.run_until_done()
    assert world.last(conversation, "conversation").reason == "cannot_confirm"
    assert len(crm.notes) == 1


def test_what_was_given_up_without_an_answer_is_read_back_when_a_person_retries(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", OutcomeUnknown(), after=True)
    crm.keys = True
    ada = world.client("Ada", email="ada@example.com")
    world.fan_out()
    world.set_operation(world.operation().id, retried_seconds=72 * 3600.0)
    world.run()
    assert world.last(ada).reason == "retry_hours_over"
    assert world.last(ada).unknown
    retry(world.sync, "1", world.last(ada).id)
    world.run()
    assert world.last(ada).status == "success"
    assert len(crm.records) == 1


@pytest.mark.parametrize("key_property", [True, False], ids=["with our property", "without"])
def test_over_the_wire_a_lost_create_is_found(wired: World, portal: Portal, key_property: bool) -> None:
    if not key_property:
        wired.set_connection(traits={**wired.connection.traits, "key_property": None})
    path = "contacts/batch/upsert" if key_property else "contacts/batch/create"
    lost = portal.fail("lose_reply", path, times=1)
    wired.client("Ada", email="ada@example.com")
    wired.run_until_done()
    assert lost.fired == 1
    assert len(portal.people()) == 1
    assert wired.operation().status == "success"
