"""The scan beside the events, and Sync now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flask_crm_sync.errors import InvalidRecord, OutcomeUnknown, RecordLocked
from flask_crm_sync.models import Change
from flask_crm_sync.sync.now import sync_now
from flask_crm_sync.sync.scan import OVERLAP, PAGE, scan
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.sync.dying import once_at
from tests.sync.world import START, World


@pytest.fixture
def scanned(world: World) -> World:
    """Return a host that was scanned once, a while ago."""
    scan(world.sync, force=True)
    world.clock.advance(minutes=10)
    return world


def found(world: World) -> int:
    return scan(world.sync, force=True).changed


def test_an_edit_by_raw_sql_is_found_once(scanned: World, crm: FakeCRM) -> None:
    ada = scanned.client("Ada", email="ada@example.com")
    scanned.run()
    scanned.clock.advance(minutes=5)
    scanned.edit(ada, city="Graz", told=False)
    assert found(scanned) == 1
    assert found(scanned) == 1  # nobody has made an operation of it yet: that costs nothing
    scanned.run()
    assert found(scanned) == 0
    scanned.run_until_done()
    assert found(scanned) == 0
    assert crm.record_with(email="ada@example.com").values["city"] == "Graz"


def test_a_client_made_by_raw_sql_is_found_once(scanned: World, crm: FakeCRM) -> None:
    scanned.client("Ada", email="ada@example.com", told=False)
    assert found(scanned) == 1
    scanned.run()
    assert found(scanned) == 0
    assert len(crm.records) == 1


def test_what_the_events_told_is_not_found_again(scanned: World, crm: FakeCRM) -> None:
    crm.fail("upsert", InvalidRecord("no"), only=lambda write: write.values.get("first_name") == "Bad", times=None)
    ada = scanned.client("Ada", email="ada@example.com")
    scanned.client("Bad", email="bad@example.com")
    scanned.client("No details")
    conversation = scanned.conversation(ada)
    scanned.run()
    assert found(scanned) == 0
    scanned.clock.advance(1)
    scanned.edit(ada, city="Graz")
    scanned.change_conversation(conversation, status="open")
    scanned.fan_out()
    assert found(scanned) == 0
    scanned.run_until_done()
    assert found(scanned) == 0


def test_an_edit_that_a_running_operation_missed_is_found(scanned: World, crm: FakeCRM) -> None:
    ada = scanned.client("Ada", email="ada@example.com")
    scanned.run()
    scanned.clock.advance(1)
    scanned.edit(ada, city="Graz")
    scanned.fan_out()
    scanned.clock.advance(hours=1)
    with once_at(Step.LOADED, lambda: scanned.edit(ada, city="Linz", told=False)):
        scanned.drain()
    assert found(scanned) == 1
    scanned.run_until_done()
    assert crm.record_with(email="ada@example.com").values["city"] == "Linz"


def test_a_transaction_that_commits_late_is_still_found(scanned: World) -> None:
    """Its rows bear the time of its beginning, which a scan has gone past already."""
    began = scanned.clock.now()
    scanned.clock.advance(30)
    assert found(scanned) == 0
    ada = scanned.client("Ada", email="ada@example.com", told=False)
    scanned.edit(ada, told=False, updated_at=began.replace(tzinfo=None))
    assert timedelta(seconds=30) < OVERLAP
    assert found(scanned) == 1


def test_what_was_there_before_the_first_scan_is_left_to_the_backfill(world: World) -> None:
    world.clients(3, told=False)
    world.clock.advance(hours=1)
    assert found(world) == 0


def test_many_edits_are_found_page_by_page(scanned: World) -> None:
    assert PAGE < 1201
    scanned.clients(1201, told=False)
    assert found(scanned) == 1201
    assert len(scanned.rows(Change)) == 1201


def test_a_conversation_by_raw_sql_is_found(scanned: World, crm: FakeCRM) -> None:
    ada = scanned.client("Ada", email="ada@example.com")
    scanned.run()
    scanned.conversation(ada, told=False)
    assert found(scanned) == 1
    scanned.run()
    assert len(crm.notes) == 1
    assert found(scanned) == 0


def test_a_deletion_by_raw_sql_ends_what_waits(scanned: World, crm: FakeCRM) -> None:
    crm.fail("upsert", RecordLocked(), times=None)
    ada = scanned.client("Ada", email="ada@example.com")
    talk = scanned.conversation(ada)
    other = scanned.conversation(ada, status="open")
    scanned.run()
    scanned.remove(ada, told=False)
    scanned.remove_conversation(other, told=False)
    assert scan(scanned.sync, force=True).deleted == 2
    scanned.fan_out()
    assert scanned.pending() == []
    assert scanned.last(talk, "conversation").reason == "client_deleted"
    assert scan(scanned.sync, force=True).deleted == 0


def test_a_scan_runs_at_the_shortest_interval(world: World) -> None:
    world.connect("2", "other")
    assert scan(world.sync).ran
    world.set_connection(interval_minutes=5)
    world.clock.advance(minutes=4, seconds=59)
    assert not scan(world.sync).ran
    world.clock.advance(1)
    assert scan(world.sync).ran


def test_without_a_living_connection_nothing_is_scanned(world: World) -> None:
    world.set_connection(state="disconnected")
    assert not scan(world.sync).ran


# Sync now


def test_sync_now_brings_updates_and_retries_forward(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.edit(ada, city="Graz")
    crm.fail("upsert", RecordLocked(retry_after=5000.0))
    world.client("Bo", email="bo@example.com")
    world.run()
    assert [op.due_at > world.clock.now() for op in world.pending()] == [True, True]
    assert sync_now(world.sync) == 2
    world.drain()
    assert {op.status for op in world.operations()} == {"success"}


def test_sync_now_leaves_read_backs_their_rest(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", OutcomeUnknown(), after=True)
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    assert sync_now(world.sync) == 0
    assert world.last(ada).due_at == START + timedelta(seconds=60)
    world.edit(ada, city="Graz")
    assert sync_now(world.sync) == 0
    assert world.last(ada).due_at == START + timedelta(seconds=60)


def test_sync_now_leaves_the_read_back_of_an_update_its_rest(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.edit(ada, city="Graz")
    sync_now(world.sync)
    crm.fail("upsert", OutcomeUnknown(), after=True)
    world.drain()
    assert sync_now(world.sync) == 0
    assert world.last(ada).due_at == START + timedelta(seconds=60)


def test_sync_now_does_not_interrupt_a_conversation(world: World) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.conversation(ada, status="open")
    assert sync_now(world.sync) == 0


def test_sync_now_looks_for_what_no_event_has_seen(scanned: World) -> None:
    scanned.client("Ada", email="ada@example.com", told=False)
    assert sync_now(scanned.sync) == 1


def test_sync_now_is_for_the_account_and_crm_that_were_named(world: World) -> None:
    world.connect("2", "other")
    for account in "12":
        ids = world.clients([{"email": f"{account}@example.com"}], account=account)
        world.run()
        world.edit(ids[0], city="Graz")
    assert sync_now(world.sync, "2", "salesforce") == 0
    assert sync_now(world.sync, "2", "hubspot") == 1
    assert sync_now(world.sync, "1") == 1


def test_sync_now_leaves_a_paused_connection_alone(world: World) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.edit(ada, city="Graz")
    world.set_connection(paused=True)
    assert sync_now(world.sync) == 0
    assert world.pending()[0].due_at > world.clock.now()
