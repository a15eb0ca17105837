"""SQLite hands the key of a deleted row to the next one: a worker that has the former in hand must not mix them up."""

from __future__ import annotations

import signal
from itertools import product

import pytest

from flask_crm_sync.sync.steps import Step
from tests.chaos.conftest import WorldMaker
from tests.chaos.tally import LONG

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

STEPS = [Step.FANNED_OUT, Step.CLAIMED, Step.LOADED, Step.PROPOSED, Step.CRM_WRITTEN]
REMOVALS = {
    "lead": "remove_newest",
    "update": "remove_newest",
    "note": "remove_newest",
    "note alone": "remove_newest_talk",
}
"""What the worker has in hand, and the host's deed that sets its key free; the last one leaves the client alone."""
WORK = {"update": {"rename": 1}, "note": {"talk": 1}, "note alone": {"talk": 1}}
SAMPLE = [
    ("lead", Step.LOADED, 1),
    ("lead", Step.CLAIMED, 2),
    ("note", Step.LOADED, 1),
    ("note alone", Step.CLAIMED, 2),
]


@pytest.mark.parametrize(("in_hand", "step", "heir"), [*product(REMOVALS, STEPS, [1, 2])] if LONG else SAMPLE)
def test_a_key_that_changes_hands_while_a_worker_is_at_it(
    world_on: WorldMaker, in_hand: str, step: Step, heir: int
) -> None:
    """The heir, in the same account or in another, gets a record and a note of its own; the former's are left alone."""
    world = world_on("sqlite")
    world.host(1, 1, new=1)
    if in_hand != "lead":
        world.settle()
        world.host(2, 1, **WORK[in_hand])
    worker = world.start_worker(step=step, signal=signal.SIGSTOP)
    world.until(lambda: worker.steps[-1:] == [step], f"the worker to stop at {step}")
    world.host(3, 1, **{REMOVALS[in_hand]: 1})
    world.host(4, heir, new=1)
    world.host(5, heir, talk=1)
    world.nursery.send(worker.pid, signal.SIGCONT)
    world.until(lambda: not world.is_owing(), "the worker to finish")
    world.stop(worker)
    world.expect_order()
