"""A record that takes every worker down with it is set aside alone; everybody else arrives."""

from __future__ import annotations

import pytest

from flask_crm_sync.models import Operation
from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.sync import reasons
from tests.chaos.conftest import WorldMaker
from tests.chaos.tally import LONG
from tests.chaos.world import SETTINGS, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

CLIENTS = 25
ALLOWED = 5
"""The default of CRM_SYNC_MAX_CRASHES, which is what counts here."""
USUAL = {name: value for name, value in SETTINGS.items() if name != "CRM_SYNC_MAX_CRASHES"}


@pytest.mark.parametrize("poison", ["1", "17"] if LONG else ["17"])
def test_a_poison_record_is_set_aside_alone(world_on: WorldMaker, poison: str) -> None:
    world = world_on("sqlite", settings=USUAL)
    world.host(1, new=CLIENTS)
    assert _deaths_of(world, poison) == ALLOWED
    (aside,) = world.operations(Operation.status == FAILED)
    assert (aside.client_id, aside.reason) == (poison, reasons.POISON_RECORD)
    world.settle()
    assert len(world.crm.contacts(world.crm.kind.portals[1])) == CLIENTS - 1
    world.host(2, rename_all=1)  # the poison is gone from the record: it goes on like any other
    world.expect_order(pardoned={aside.id})


def _deaths_of(world: World, poison: str) -> int:
    """Start workers, which die of the poison, until it is set aside; return how many died."""
    deaths = 0
    while True:
        worker = world.start_worker(poison=poison)
        world.until(lambda worker=worker: world.dies(worker, 0.1) or _is_aside(world), "the poison to work")
        if _is_aside(world):
            world.stop(worker)
            return deaths
        deaths += 1
        assert deaths <= ALLOWED, "the poison takes down more workers than it may"
        world.bury()


def _is_aside(world: World) -> bool:
    return bool(world.operations(Operation.status == FAILED))
