"""In which order things are served: lanes, batches, the client's record before its notes, rounds of updates."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flask_crm_sync.errors import InvalidRecord, RateLimited
from flask_crm_sync.models.operation import BULK, LIVE, UPDATE
from flask_crm_sync.sync.rounds import next_round
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import START, World


def test_new_leads_go_before_updates_and_updates_before_the_backfill(anywhere: World, crm: FakeCRM) -> None:
    known, old, new = (anywhere.client(name, email=f"{name}@example.com") for name in ("known", "old", "new"))
    anywhere.fan_out()
    lanes = {known: UPDATE, old: BULK, new: LIVE}
    for operation in anywhere.operations():
        anywhere.set_operation(operation.id, lane=lanes[operation.subject_id])
    served: list[str] = []
    anywhere.drain(listener=lambda settled: served.extend(one.subject_id for one in settled))
    assert served == [new, known, old]


def test_an_edited_client_waits_for_the_next_round_and_a_new_one_does_not(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.clock.advance(minutes=25)
    world.edit(ada, city="Graz")
    world.client("Bo", email="bo@example.com")
    world.run()
    assert world.last(ada).status == "pending"
    assert world.last(ada).due_at == START + timedelta(minutes=60)
    assert crm.record_with(first_name="Bo").id
    world.clock.advance(minutes=35)
    world.run()
    assert world.last(ada).status == "success"


def test_rounds_come_from_the_anchor_whatever_was_missed() -> None:
    assert next_round(START, 60, START) == START + timedelta(hours=1)
    assert next_round(START, 60, START + timedelta(minutes=59, seconds=59)) == START + timedelta(hours=1)
    assert next_round(START, 60, START + timedelta(hours=1)) == START + timedelta(hours=2)
    assert next_round(START, 5, START + timedelta(days=400, minutes=3)) == START + timedelta(days=400, minutes=5)
    assert next_round(START + timedelta(minutes=7), 60, START) == START + timedelta(minutes=7)
    assert next_round(START + timedelta(minutes=67), 5, START) == START + timedelta(minutes=2)  # made shorter since


def test_the_connections_own_interval_decides(world: World) -> None:
    world.set_connection(interval_minutes=5, next_interval_at=START)
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.clock.advance(minutes=7)
    world.edit(ada, city="Graz")
    world.fan_out()
    assert world.last(ada).due_at == START + timedelta(minutes=10)


def test_batches_hold_a_hundred(anywhere: World, crm: FakeCRM) -> None:
    anywhere.clients(250)
    anywhere.run()
    assert [call for call in crm.calls if call[0] == "upsert"] == [("upsert", 100), ("upsert", 100), ("upsert", 50)]
    assert len(crm.records) == 250


def test_a_note_goes_after_its_clients_record(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.conversation(ada)
    world.run()
    assert [name for name, _ in crm.calls if name in ("upsert", "add_notes")] == ["upsert", "add_notes"]
    (note,) = crm.notes.values()
    assert note.record_id == crm.record_with(first_name="Ada").id


def test_a_note_waits_while_its_client_is_rejected_and_goes_on_when_it_is_not(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", InvalidRecord("no"), times=1)
    ada = world.client("Ada", email="ada@example.com")
    conversation = world.conversation(ada)
    world.run()
    assert world.last(ada).reason == "invalid_record"
    note = world.last(conversation, "conversation")
    assert (note.status, note.reason, note.due_at) == ("pending", "waiting_for_client", None)
    world.edit(ada, first_name="Ada-Maria")
    world.run()
    assert world.last(conversation, "conversation").status == "success"
    assert len(crm.notes) == 1


def test_a_note_that_waits_for_its_client_counts_no_attempt(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", InvalidRecord("no"), times=1)
    conversation = world.conversation(world.client("Ada", email="ada@example.com"))
    world.run()
    assert world.last(conversation, "conversation").attempts == 0


def test_a_conversation_given_to_another_client_takes_its_note_along(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", InvalidRecord("no"), times=1, only=lambda write: write.values["first_name"] == "Ada")
    ada, bo = (world.client(name, email=f"{name}@example.com") for name in ("Ada", "Bo"))
    conversation = world.conversation(ada)
    world.run()
    world.change_conversation(conversation, client_id=int(bo))
    world.run()
    (note,) = crm.notes.values()
    assert note.record_id == crm.record_with(first_name="Bo").id


def test_a_drain_ends_with_its_slice_and_says_that_there_is_more(world: World, crm: FakeCRM) -> None:
    world.clients(250)
    world.fan_out()
    drained = world.drain(listener=lambda _: world.clock.advance(world.settings.slice_seconds))
    assert drained.settled == {"success": 200}
    assert drained.more
    assert world.drain().settled == {"success": 50}


def test_a_drain_that_is_told_to_stop_ends_after_the_batch_in_hand(world: World) -> None:
    world.clients(250)
    world.fan_out()
    drained = world.drain(should_stop=lambda: True)
    assert drained.settled == {"success": 100}
    assert world.connection.lease_until == 0


def test_the_next_due_time_is_told(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    assert world.run().next_due_at is None
    world.edit(ada, city="Graz")
    assert world.run().next_due_at == START + timedelta(minutes=60)


@pytest.mark.parametrize("lane", [UPDATE, BULK])
def test_a_short_rest_is_waited_out_by_the_drain_itself(world: World, crm: FakeCRM, lane: int) -> None:
    crm.fail("upsert", RateLimited(retry_after=3.0))
    world.client("Ada", email="ada@example.com")
    world.fan_out()
    world.set_operation(world.operation().id, lane=lane)
    assert world.drain().settled == {"success": 1}
    assert world.clock.slept == [3.0]
