"""Changes become operations, at most one waiting per client or conversation, however much happens."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from flask_crm_sync.models import Change
from flask_crm_sync.models.operation import UPDATE
from flask_crm_sync.sync.conflicts import remote_operation
from flask_crm_sync.sync.fanout import _fan_out_chunk
from flask_crm_sync.sync.operations import owe
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.sync.dying import killed_at, listening, once_at
from tests.sync.world import World


def test_fifty_edits_are_one_operation(anywhere: World, crm: FakeCRM) -> None:
    ada = anywhere.client("Ada", email="ada@example.com")
    anywhere.run()
    for number in range(50):
        anywhere.edit(ada, city=f"City {number}")
        if number % 7 == 0:
            anywhere.fan_out()
    anywhere.run_until_done()
    assert anywhere.outcomes() == [("create_lead", "success", ""), ("update_contact", "success", "")]
    assert crm.record_with(email="ada@example.com").values["city"] == "City 49"
    assert len(crm.record_with(email="ada@example.com").versions) == 2


def test_an_edit_folds_into_a_lead_that_waits(anywhere: World, crm: FakeCRM) -> None:
    ada = anywhere.client("Ada", email="ada@example.com")
    anywhere.fan_out()
    anywhere.edit(ada, city="Graz")
    anywhere.run()
    assert anywhere.outcomes() == [("create_lead", "success", "")]
    assert crm.record_with(email="ada@example.com").values["city"] == "Graz"


def test_a_look_at_the_crm_folds_into_an_edit_that_waits_and_tells_when_the_crm_changed(anywhere: World) -> None:
    ada = anywhere.client("Ada", email="ada@example.com")
    anywhere.run()
    anywhere.edit(ada, city="Linz")
    anywhere.fan_out()
    now, to = anywhere.clock.now(), anywhere.connection._mapping
    for told in ({"at": "first"}, {"at": "last"}):
        look = remote_operation(to, ada, lane=UPDATE, now=now)
        with anywhere.sync.database.write() as database:
            owe(database, [{**look, "details": told}])
    anywhere.edit(ada, city="Wien")
    anywhere.fan_out()
    waiting = anywhere.pending()
    assert [(op.kind, op.due_at, op.details) for op in waiting] == [("update_contact", now, {"at": "last"})]


def test_an_edit_during_the_claim_waits_as_a_new_operation(anywhere: World, crm: FakeCRM) -> None:
    ada = anywhere.client("Ada", email="ada@example.com")
    anywhere.fan_out()

    def edit() -> None:
        anywhere.edit(ada, city="Linz")
        anywhere.fan_out()

    with once_at(Step.CRM_READ, edit):
        anywhere.run()
    anywhere.run_until_done()
    first, second = anywhere.operations()
    assert (first.status, second.status) == ("success", "success")
    assert crm.record_with(email="ada@example.com").values["city"] == "Linz"


def test_each_connection_of_an_account_is_owed_its_own_and_other_accounts_nothing(world: World) -> None:
    elsewhere = world.connect("2", token="other")
    here = world.client("Ada", email="ada@example.com")
    there = world.client("Bo", email="bo@example.com", account="2")
    world.fan_out()
    owed = {(op.connection_id, op.account_id, op.subject_id) for op in world.operations()}
    assert owed == {(world.connection_id, "1", here), (elsewhere, "2", there)}


def test_a_change_without_an_account_finds_it_in_the_host(world: World) -> None:
    ada = world.client("Ada", email="ada@example.com", told=False)
    world.tell("client", [ada], "updated")
    world.fan_out()
    assert world.operation().account_id == "1"


def test_more_changes_than_a_chunk_all_become_operations(anywhere: World) -> None:
    anywhere.clients(1101)
    assert anywhere.fan_out() == 1101
    assert len(anywhere.operations()) == 1101
    assert anywhere.rows(Change) == []


@pytest.mark.parametrize("step", [Step.CHANGES_TAKEN, Step.OPERATIONS_OWED])
def test_a_fan_out_that_dies_takes_no_change_with_it(anywhere: World, step: Step) -> None:
    anywhere.client("Ada", email="ada@example.com")
    with killed_at(step):
        anywhere.fan_out()
    assert len(anywhere.rows(Change)) == 1
    assert anywhere.operations() == []
    assert anywhere.fan_out() == 1


@pytest.mark.parametrize("at_once", [True, False], ids=["in one fan-out", "one after the other"])
def test_a_client_made_under_the_key_of_a_deleted_one_is_another_client(
    world: World, crm: FakeCRM, at_once: bool
) -> None:
    """SQLite hands the key of the last row, once deleted, to the next one."""
    ada = world.client("Ada", email="ada@example.com")
    world.conversation(ada, "Ada's question")
    world.run()
    world.clock.advance(1)
    world.remove_conversation("1")
    world.remove(ada)
    if not at_once:
        world.run()
    assert world.client("Bo", email="bo@example.com") == ada
    assert world.conversation(ada, "Bo's question") == "1"
    world.run()
    world.edit(ada, city="Graz")
    world.run_until_done()
    assert {r.values["first_name"]: r.values["city"] for r in crm.records.values()} == {"Ada": "", "Bo": "Graz"}
    notes = {crm.records[note.record_id].values["first_name"]: note.body for note in crm.notes.values()}
    assert "Ada's question" in notes["Ada"]
    assert "Bo's question" in notes["Bo"]


def test_a_creation_that_is_told_late_costs_no_link(world: World, crm: FakeCRM) -> None:
    """The scan may see a client before the change that tells of its creation is taken."""
    ada = world.client("Ada", email="ada@example.com")
    made = world.clock.now()
    world.run()
    before = world.link(ada)
    world.tell("client", [ada], "created", "1")
    assert world.clock.now() == made
    world.run()
    assert world.link(ada) == before


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_two_fan_outs_at_once_make_one_operation(kind: str, world_on: Callable[[str], World]) -> None:
    """Both hold a change of the same clients; neither can see what the other has not committed yet."""
    world = world_on(kind)
    ids = world.clients(50)
    both_have_taken = threading.Barrier(2, timeout=20)
    taken: list[int] = []

    def listener(step: Step) -> None:
        if step is Step.CHANGES_TAKEN:
            both_have_taken.wait()

    def work() -> None:
        taken.append(_fan_out_chunk(world.fresh_sync()))

    threads = [threading.Thread(target=work) for _ in range(2)]
    with listening(listener):
        threads[0].start()
        wait_for(lambda: both_have_taken.n_waiting == 1)
        world.tell("client", list(reversed(ids)), "updated", "1")
        threads[1].start()
        for thread in threads:
            thread.join(30)
    assert taken == [50, 50]
    assert len(world.operations()) == 50


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait for another thread, at most some seconds."""
    pause = threading.Event()
    for _ in range(4000):
        if happened():
            return
        pause.wait(0.005)
    raise TimeoutError
