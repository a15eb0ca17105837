"""Workers die at random instants while the host writes and everything around them goes wrong now and then."""

from __future__ import annotations

import time
from itertools import cycle
from random import Random

import pytest

from flask_crm_sync.sync.steps import Step
from tests.chaos.conftest import DATABASES, WorldMaker
from tests.chaos.misfortunes import DEEDS, MISFORTUNES
from tests.chaos.tally import LONG
from tests.chaos.world import Worker, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

LONGEST_LIFE = 0.15
"""Seconds that a worker may live after the boundary that was waited for: about what a batch takes."""


@pytest.mark.parametrize(
    ("database", "rounds"),
    [(name, 42) for name in DATABASES] if LONG else [("sqlite-delete", 7), ("postgresql", 2), ("mariadb", 2)],
)
def test_kills_at_random_instants_lose_and_double_nothing(world_on: WorldMaker, database: str, rounds: int) -> None:
    seed = f"random {database}"
    print(f"seed: {seed!r}")
    rng, world = Random(seed), world_on(database)
    world.start_scheduler()
    in_turn = cycle(rng.sample(MISFORTUNES, len(MISFORTUNES)))
    for number, misfortune in zip(range(1, rounds + 1), in_turn, strict=False):
        print(f"round {number}: {misfortune.__name__}")
        with misfortune(world, rng):
            _round(world, rng)
        if number % 14 == 0:
            world.expect_order()
    world.expect_order()


def _round(world: World, rng: Random) -> None:
    """The hosts of both accounts write while one worker or two work on it, until they are killed."""
    hosts = [world.start_host(rng.randrange(1 << 30), account, pause=0.02, **DEEDS) for account in (1, 2)]
    workers = [world.start_worker() for _ in range(rng.choice((1, 1, 2)))]
    for worker in workers:
        _kill_at_work(world, worker, rng.choice(list(Step)), rng.uniform(0.0, LONGEST_LIFE))
    world.bury()
    world.nursery.wait_for_all(hosts, 60)


def _kill_at_work(world: World, worker: Worker, step: Step, life: float) -> None:
    """Kill a worker a moment after it was seen to pass a boundary, or in the end wherever it is."""
    deadline = time.monotonic() + 5.0
    while step not in worker.steps and time.monotonic() < deadline:
        world.nudge()
        time.sleep(0.02)
    time.sleep(life)
    world.kill(worker)
