"""A key that the host hands on after an erasure: the next client who has it is somebody else, here and in each CRM."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from flask_crm_sync.errors import ServerFault
from flask_crm_sync.sync.connections import pause, resume
from flask_crm_sync.sync.erasure import erase_client, erasures
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.sync.dying import once_at
from tests.sync.host_models import Message
from tests.sync.world import ACCOUNT, World

ADA, BO = "ada@example.com", "bo@example.com"


def erased(world: World, meanwhile: Callable[[], object] = lambda: None) -> str:
    """Let a client be erased who has a record and a note, and be deleted with her conversation; return her key."""
    ada = world.client("Ada", email=ADA)
    talk = world.conversation(ada, "Ada's question")
    world.run_until_done()
    erase_client(world.sync, ACCOUNT, ada)
    meanwhile()
    world.clock.advance(1)
    with world.engine.begin() as database:
        database.execute(sa.delete(Message))
    world.remove_conversation(talk)
    world.remove(ada)
    return ada


def made_under(world: World, key: str, email: str = BO) -> None:
    """Let the host give a key to a new client, with a conversation."""
    assert world.client("Bo", id=int(key), email=email) == key
    world.conversation(key, "Bo's question")


def hows(world: World) -> list[str]:
    return [receipt.how for view in erasures(world.sync, ACCOUNT).erasures for receipt in view.receipts]


def expect_bo_alone(world: World, crm: FakeCRM, key: str) -> None:
    assert [record.values["email"] for record in crm.records.values()] == [BO]
    assert ["Ada" in note.body for note in crm.notes.values()] == [False]
    assert hows(world) == ["deleted"]
    world.edit(key, city="Linz")
    world.run_until_done()
    assert crm.record_with(city="Linz").values["email"] == BO


def test_it_stops_nobody_once_the_erased_one_is_gone(anywhere: World, crm: FakeCRM) -> None:
    key = erased(anywhere, anywhere.run_until_done)
    made_under(anywhere, key)
    anywhere.run_until_done()
    expect_bo_alone(anywhere, crm, key)


def test_what_waits_erases_the_erased_one_and_nobody_else(anywhere: World, crm: FakeCRM) -> None:
    key = erased(anywhere, lambda: pause(anywhere.sync, ACCOUNT, "hubspot"))
    made_under(anywhere, key)
    anywhere.fan_out()
    resume(anywhere.sync, ACCOUNT, "hubspot")
    anywhere.run_until_done()
    expect_bo_alone(anywhere, crm, key)


def test_what_is_tried_again_erases_the_erased_one_and_nobody_else(world: World, crm: FakeCRM) -> None:
    crm.fail("erase", ServerFault(), times=3)
    key = erased(world, world.run)
    made_under(world, key)
    world.run_until_done()
    expect_bo_alone(world, crm, key)


@pytest.mark.parametrize("step", [Step.CLAIMED, Step.LOADED, Step.CRM_WRITTEN])
def test_a_worker_that_is_at_it_ends_what_it_began(world: World, crm: FakeCRM, step: Step) -> None:
    def hand_on() -> None:
        made_under(world, key)
        world.fan_out()

    key = erased(world)
    with once_at(step, hand_on):
        world.run()
    world.run_until_done()
    expect_bo_alone(world, crm, key)


def test_who_comes_back_under_the_same_key_is_known_by_the_address(world: World, crm: FakeCRM) -> None:
    key = erased(world, world.run_until_done)
    made_under(world, key, ADA)
    world.run_until_done()
    assert crm.records == {}
    assert world.last(key).reason == "erased"
