"""Agreement: what drifts apart is found by reading back, a few are sent again, and more than that is told of."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta

import pytest

from flask_crm_sync.errors import RateLimited
from flask_crm_sync.models import Agreement, Notice
from flask_crm_sync.models.link import TOMBSTONE
from flask_crm_sync.sync import agreement, reasons
from flask_crm_sync.sync.agreement import agreements, compare, compare_where_due
from flask_crm_sync.sync.comparing import Compared, with_batch
from flask_crm_sync.sync.connections import pause
from flask_crm_sync.sync.drain import Drain
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import ACCOUNT, World


@pytest.fixture
def people(world: World) -> list[str]:
    """Five clients who are in the CRM."""
    ids = world.clients(5)
    world.run_until_done()
    return ids


def figures(found: Compared | None) -> tuple[int, int, int, int]:
    assert found is not None
    return found.checked, found.drifted, found.repaired, found.gone


def lose(world: World, crm: FakeCRM, client: str) -> str:
    """Let a write of ours get lost in the CRM, as a restored backup would; return the record."""
    record = str(world.link(client).remote_id)
    crm.records[record].values["city"] = ""
    return record


def forget_city(world: World, client: str) -> None:
    """Let the host's city have moved without anybody telling."""
    world.edit(client, told=False, city="Linz")


def test_where_both_sides_agree_nothing_is_owed(world: World, people: list[str]) -> None:
    assert figures(compare(world.sync, world.connection_id)) == (5, 0, 0, 0)
    assert world.pending() == []
    assert figures(agreements(world.sync, ACCOUNT)[world.connection_id]) == (5, 0, 0, 0)
    assert agreements(world.sync, "2") == {}


def test_what_was_never_sent_is_sent_now(world: World, crm: FakeCRM, people: list[str]) -> None:
    forget_city(world, people[0])
    assert figures(compare(world.sync, world.connection_id)) == (5, 1, 1, 0)
    world.run_until_done()
    assert crm.records[world.link(people[0]).remote_id].values["city"] == "Linz"
    assert figures(compare(world.sync, world.connection_id)) == (5, 0, 0, 0)


def test_what_a_person_set_in_the_crm_is_no_drift(world: World, crm: FakeCRM, people: list[str]) -> None:
    crm.edit(str(world.link(people[0]).remote_id), city="Wien")
    assert figures(compare(world.sync, world.connection_id)) == (5, 0, 0, 0)


def test_what_cannot_come_here_is_no_drift_where_both_ways_are_synced(
    world: World, crm: FakeCRM, people: list[str]
) -> None:
    """This host has no company, and takes no city of that length."""
    world.set_connection(two_way=True)
    crm.edit(str(world.link(people[0]).remote_id), company="Lovelace Ltd")
    crm.edit(str(world.link(people[1]).remote_id), city="W" * 999)
    assert figures(compare(world.sync, world.connection_id)) == (5, 0, 0, 0)
    crm.edit(str(world.link(people[2]).remote_id), city="Wien")
    assert figures(compare(world.sync, world.connection_id)) == (5, 1, 1, 0)


def test_an_edit_that_waits_for_its_round_is_no_drift(world: World, people: list[str]) -> None:
    world.edit(people[0], city="Linz")
    assert figures(compare(world.sync, world.connection_id)) == (5, 0, 0, 0)


def test_a_record_that_is_gone_becomes_a_tombstone_with_its_reason(
    world: World, crm: FakeCRM, people: list[str]
) -> None:
    crm.delete(str(world.link(people[0]).remote_id))
    assert figures(compare(world.sync, world.connection_id)) == (5, 0, 1, 1)
    world.run_until_done()
    assert world.link(people[0]).state == TOMBSTONE
    assert world.last(people[0]).reason == reasons.RECORD_DELETED_IN_CRM
    assert figures(compare(world.sync, world.connection_id)) == (4, 0, 0, 0)


def test_more_than_may_be_repaired_is_told_once(world: World, people: list[str]) -> None:
    world.restart(agreement_repairs=2)
    for client in people:
        forget_city(world, client)
    found = compare(world.sync, world.connection_id)
    assert figures(found) == (5, 5, 2, 0)
    assert found is not None
    assert found.is_beyond_repair
    compare(world.sync, world.connection_id)
    (told,) = world.rows(Notice)
    assert (told.crm, told.data["code"]) == ("hubspot", reasons.DRIFT)


def test_samples_go_round_all_records(world: World, people: list[str], crm: FakeCRM) -> None:
    world.restart(agreement_sample=2)
    crm.calls.clear()
    checked = [figures(compare(world.sync, world.connection_id))[0] for _ in range(4)]
    assert checked == [2, 2, 1, 2]


def test_all_of_them_are_compared_on_demand(world: World, people: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "SLICE", 2)
    world.restart(agreement_sample=1)
    found = compare(world.sync, world.connection_id, everything=True)
    assert found is not None
    assert (found.checked, found.whole) == (5, True)


def test_it_is_done_once_a_day_from_the_day_after(world: World, people: list[str]) -> None:
    assert compare_where_due(world.sync) is None
    world.clock.advance(hours=23)
    assert compare_where_due(world.sync) is None
    world.clock.advance(hours=2)
    assert figures(compare_where_due(world.sync)) == (5, 0, 0, 0)
    assert compare_where_due(world.sync) is None


def test_nothing_is_compared_where_it_is_switched_off_or_paused(world: World, people: list[str], crm: FakeCRM) -> None:
    crm.calls.clear()
    pause(world.sync, ACCOUNT, "hubspot")
    assert compare(world.sync, world.connection_id) is None
    world.clock.advance(hours=50)
    assert compare_where_due(world.sync) is None
    world.restart(agreement_sample=0)
    assert compare_where_due(world.sync) is None
    assert crm.calls == []


def test_a_limit_ends_it_where_it_is_and_the_connection_goes_on(world: World, people: list[str], crm: FakeCRM) -> None:
    crm.fail("read", RateLimited("Enough.", retry_after=60.0), whole=True)
    assert compare(world.sync, world.connection_id) is None
    assert agreements(world.sync, ACCOUNT) == {}
    world.edit(people[0], city="Linz")
    world.run_until_done()
    assert world.last(people[0]).status == "success"
    world.clock.advance(hours=1)
    assert figures(compare_where_due(world.sync)) == (5, 0, 0, 0)


def test_somebody_elses_connection_is_left_alone(world: World, people: list[str]) -> None:
    world.set_connection(lease_until=world.clock.now().timestamp() + 60)
    assert compare(world.sync, world.connection_id) is None


def test_it_works_on_each_database(anywhere: World) -> None:
    ids = anywhere.clients(3)
    anywhere.run_until_done()
    forget_city(anywhere, ids[0])
    assert figures(compare(anywhere.sync, anywhere.connection_id)) == (3, 1, 1, 0)
    (row,) = anywhere.rows(Agreement)
    assert row.cursor == ""


def test_a_connection_that_somebody_holds_keeps_no_other_waiting(world: World, people: list[str]) -> None:
    compare_where_due(world.sync)
    world.clock.advance(hours=25)
    world.set_connection(lease_until=world.clock.now().timestamp() + 60)
    assert compare_where_due(world.sync) is None
    (row,) = world.rows(Agreement)
    assert row.due_at == world.clock.now() + timedelta(minutes=5)


def test_a_new_lead_does_not_wait_until_everything_is_compared(
    world: World, people: list[str], crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "SLICE", 2)
    happened: list[str] = []

    def compare_batch(desk: Drain, found: Compared, ids: Sequence[str]) -> Compared:
        if not happened:
            world.client("Eve", email="eve@example.com")
            world.fan_out()
        happened.append("compared")
        return with_batch(desk, found, ids)

    def come_round(seconds: float) -> None:
        world.clock.advance(seconds)
        if seconds and world.drain().settled:
            happened.append("sent")

    monkeypatch.setattr(agreement, "with_batch", compare_batch)
    monkeypatch.setattr(world.clock, "sleep", come_round)
    found = compare(world.sync, world.connection_id, everything=True)
    assert found is not None
    assert found.whole
    assert happened[:3] == ["compared", "sent", "compared"]
    assert crm.record_with(email="eve@example.com")


def test_a_worker_that_is_at_it_in_between_is_waited_for(
    world: World, people: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "SLICE", 2)
    held, turns = agreement.held, [True, False, False, *[True] * 9]
    nobody = nullcontext(None)
    monkeypatch.setattr(agreement, "held", lambda *given: held(*given) if turns.pop(0) else nobody)
    found = compare(world.sync, world.connection_id, everything=True)
    assert found is not None
    assert (found.checked, found.whole) == (5, True)
