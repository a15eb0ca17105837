"""Trying again: attempts, waits, records that take workers down, and when to give up."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from flask_crm_sync.errors import (
    AccountMoving,
    InvalidRecord,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    ServerFault,
    TransientCRMError,
    Unreachable,
)
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.dying import Killed, killed_at, once_at
from tests.sync.world import RESTS, START, World


def test_every_claim_is_an_attempt(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", RecordLocked(), times=3)
    world.client("Ada", email="ada@example.com")
    world.run_until_done()
    assert world.operation().attempts == 4


def test_an_attempt_counts_though_its_worker_died(anywhere: World) -> None:
    anywhere.client("Ada", email="ada@example.com")
    with killed_at(Step.CLAIMED):
        anywhere.run()
    assert anywhere.operation().attempts == 1
    anywhere.restart()
    anywhere.run_until_done()
    assert anywhere.operation().attempts == 2


def test_waits_grow_and_are_noted(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", RecordLocked("busy"), times=None)
    world.client("Ada", email="ada@example.com")
    waits = []
    for _ in range(14):
        world.run()
        waiting = world.operation()
        waits.append((waiting.due_at - world.clock.now()).total_seconds())
        world.clock.passed = (waiting.due_at - START).total_seconds()
    for number, wait in enumerate(waits):
        longest = min(3600, 5 * 2**number)
        assert longest / 2 <= wait <= longest
    assert waiting.reason == "waiting_for_retry"
    assert [entry["code"] for entry in waiting.details["history"]] == ["waiting_for_retry"] * 14


def test_an_entry_that_succeeds_in_the_end_still_tells_of_its_attempts(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", RecordLocked("busy"), times=2)
    world.client("Ada", email="ada@example.com")
    world.run_until_done()
    done = world.operation(status="success")
    assert [(entry["code"], "busy" in entry["message"]) for entry in done.details["history"]] == [
        ("waiting_for_retry", True)
    ] * 2
    assert done.details["created"] is True
    assert [entry["at"] for entry in done.details["history"]] == sorted(e["at"] for e in done.details["history"])


def test_an_entry_that_fails_for_good_tells_of_its_attempts(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", RecordLocked("busy"), times=1)
    world.client("Ada", email="ada@example.com")
    world.run()
    crm.fail("upsert", InvalidRecord("no such country"), times=1)
    world.run_until_done()
    failed = world.operation(status="failed")
    assert failed.reason == "invalid_record"
    assert [entry["code"] for entry in failed.details["history"]] == ["waiting_for_retry", "invalid_record"]


def test_what_failed_together_does_not_come_back_together(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", RecordLocked())
    world.clients(20)
    world.run()
    assert len({op.due_at for op in world.operations()}) > 15


def test_a_longer_wait_that_the_crm_asks_for_is_kept(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", RecordLocked(retry_after=500.0))
    world.client("Ada", email="ada@example.com")
    world.run()
    assert world.operation().due_at == START + timedelta(seconds=500)


def test_a_record_retried_for_so_many_hours_is_given_up(world: World, crm: FakeCRM) -> None:
    world.restart(retry_hours=5)
    crm.fail("upsert", RecordLocked(crm_message="still locked"), times=None)
    world.client("Ada", email="ada@example.com")
    world.run_until_done(hours=10)
    given_up = world.operation()
    assert (given_up.status, given_up.reason) == ("failed", "retry_hours_over")
    assert given_up.crm_message == "still locked"
    hours = (given_up.settled_at - START).total_seconds() / 3600
    assert 5 <= hours < 6


@pytest.mark.parametrize("trouble", [Unreachable, ServerFault, RateLimited, AccountMoving])
def test_an_outage_of_the_connection_does_not_count(
    world: World, crm: FakeCRM, trouble: type[TransientCRMError]
) -> None:
    world.restart(retry_hours=10)
    outage = crm.fail("find", trouble("down"), times=None)
    world.client("Ada", email="ada@example.com")
    for _ in range(15):
        world.run()
        world.clock.advance(hours=1)
    waiting = world.operation()
    assert (waiting.status, waiting.attempts, waiting.retried_seconds) == ("pending", 0, 0)
    outage.times = 0
    world.run_until_done()
    assert world.operation().status == "success"


def test_an_outage_makes_the_whole_connection_rest_and_says_so(world: World, crm: FakeCRM) -> None:
    crm.fail("find", Unreachable("no route"), times=None)
    world.clients(3)
    drained = world.run()
    row = world.connection
    assert row.state == "connected"
    assert (row.blocked_code, row.blocked_message) == ("unreachable", "no route")
    assert row.blocked_until > world.clock.now()
    assert drained.blocked_until == row.blocked_until
    crm.calls.clear()
    world.clients([{"email": "late@example.com"}])
    assert world.run().blocked_until == row.blocked_until
    assert crm.calls == []


def test_the_rests_of_a_connection_grow_to_ten_minutes_and_end_with_a_success(world: World, crm: FakeCRM) -> None:
    outage = crm.fail("find", Unreachable(), times=None)
    world.client("Ada", email="ada@example.com")
    rests = []
    for _ in range(14):
        world.run()
        until = world.connection.blocked_until
        rests.append((until - world.clock.now()).total_seconds())
        world.clock.passed = (until - START).total_seconds()
    assert 300 <= rests[-1] <= 600
    outage.times = 0
    world.run()
    row = world.connection
    assert (row.blocked_until, row.blocked_code, row.blocked_message, row.blocked_count) == (None, "", "", 0)
    assert row.last_success_at == world.clock.now()


def test_over_the_wire_the_wait_that_a_429_names_is_kept(wired: World, portal: Portal) -> None:
    storm = portal.fail("throttle", params={"retry_after": 90}, times=1)
    wired.clients(3)
    wired.run()
    assert storm.fired == 1
    assert wired.connection.blocked_until == START + timedelta(seconds=90)
    assert wired.connection.blocked_code == "rate_limited"
    before = sum(portal.calls().values())
    wired.clock.advance(89)
    wired.run()
    assert sum(portal.calls().values()) == before
    wired.clock.advance(1)
    wired.run()
    assert len(portal.people()) == 3


# Records that take workers down


@pytest.mark.parametrize("max_crashes", [2, 5])
def test_a_record_that_takes_workers_down_is_set_aside_and_the_others_go(
    world: World, crm: FakeCRM, max_crashes: int
) -> None:
    world.restart(max_crashes=max_crashes)
    crm.fail("upsert", Killed(), only=lambda write: write.values["email"] == "person42@example.com", times=None)
    ids = world.clients(100)
    deaths = 0
    while world.fan_out() or world.pending():
        try:
            world.drain()
        except Killed:
            deaths += 1
        world.restart()
        world.clock.advance(200)
        assert deaths < 20
    assert deaths == max(3, max_crashes)  # a hundred, ten, then alone
    assert len(crm.records) == 99
    poison = world.last(ids[42])
    assert (poison.status, poison.reason) == ("failed", "poison_record")
    assert {world.last(id).status for id in ids if id != ids[42]} == {"success"}


def test_a_defect_met_by_one_record_does_not_stop_the_rest(world: World, crm: FakeCRM) -> None:
    """An adapter that raises what no adapter should: the next worker finds the claim and tries smaller batches."""
    crm.fail("upsert", KeyError("defect"), only=lambda write: write.values["first_name"] == "First3", times=None)
    ids = world.clients(20)
    world.fan_out()
    for _ in range(12):
        with suppress(KeyError):
            world.drain()
        world.clock.advance(200)
    assert world.last(ids[3]).reason == "poison_record"
    assert len(crm.records) == 19


def test_crashes_before_a_write_need_no_rest_and_those_after_it_do(world: World) -> None:
    world.client("Ada", email="ada@example.com")
    with killed_at(Step.LOADED):
        world.run()
    world.restart()
    world.clock.advance(world.settings.lease_seconds + 1)
    with killed_at(Step.PROPOSED):
        world.run()
    world.restart()
    world.clock.advance(world.settings.lease_seconds + 1)
    world.run()
    waiting = world.operation()
    assert (waiting.status, waiting.reason, waiting.unknown) == ("pending", "waiting_for_read_back", True)
    assert waiting.due_at == world.clock.now() + timedelta(seconds=RESTS)


# A newer operation waits already


def test_a_newer_operation_takes_over_what_the_older_one_knows(anywhere: World, crm: FakeCRM) -> None:
    crm.fail("upsert", OutcomeUnknown(), after=True)
    ada = anywhere.client("Ada", email="ada@example.com")
    anywhere.fan_out()
    anywhere.set_operation(anywhere.operation().id, decision="create_new", retried_seconds=7.0)

    def edit() -> None:
        anywhere.edit(ada, city="Graz")
        anywhere.fan_out()

    with once_at(Step.CRM_READ, edit):
        anywhere.drain()
    old, new = anywhere.operations()
    assert (old.status, old.reason) == ("skipped", "superseded")
    assert (new.status, new.reason, new.attempts, new.unknown) == ("pending", "waiting_for_read_back", 1, True)
    assert new.decision == "create_new"
    assert new.retried_seconds == 67.0
    assert new.due_at == START + timedelta(seconds=60)
    anywhere.run_until_done()
    assert len(crm.records) == 1
    assert crm.record_with(email="ada@example.com").values["city"] == "Graz"


def test_a_newer_operation_after_a_crash_rests_like_the_older_one(anywhere: World, crm: FakeCRM) -> None:
    ada = anywhere.client("Ada", email="ada@example.com")
    with killed_at(Step.CRM_WRITTEN):
        anywhere.run()
    anywhere.restart()
    anywhere.edit(ada, city="Graz")
    anywhere.clock.advance(anywhere.settings.lease_seconds + 1)
    anywhere.run()
    old, new = anywhere.operations()
    assert old.reason == "superseded"
    assert new.due_at == anywhere.clock.now() + timedelta(seconds=60)
    anywhere.run_until_done()
    assert len(crm.records) == 1


def test_an_operation_put_back_beside_others_disturbs_none_of_them(anywhere: World, crm: FakeCRM) -> None:
    """Of those that go back to wait, every third has a newer one by then."""
    crm.fail("upsert", RecordLocked())
    ids = anywhere.clients(30)
    anywhere.fan_out()

    def edit() -> None:
        anywhere.edit_all(ids[::3], city="Graz")
        anywhere.fan_out()

    with once_at(Step.CRM_READ, edit):
        anywhere.drain()
    anywhere.run_until_done()
    assert sum(op.reason == "superseded" for op in anywhere.operations()) == 10
    assert [record.values["city"] for record in crm.records.values()] == ["Graz"] * 30
