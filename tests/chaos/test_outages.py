"""Leases that run out by themselves, a worker that comes back from the dead, and servers that go away."""

from __future__ import annotations

import signal
from random import Random

import pytest

from flask_crm_sync.sync.steps import Step
from tests.chaos.conftest import WorldMaker
from tests.chaos.engines import Postgres
from tests.chaos.tally import LONG
from tests.chaos.world import Worker, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

MIXED = {"new": 3, "edit": 2, "talk": 3, "talk_on": 1, "undone": 1}
OUTSIDE_TRANSACTIONS = [Step.CLAIMED, Step.LOADED, Step.CRM_READ, Step.PROPOSED, Step.CRM_WRITTEN, Step.SETTLED]
"""Where a frozen worker holds no lock in the database that would stop everybody else."""


@pytest.mark.parametrize("step", OUTSIDE_TRANSACTIONS if LONG else [Step.PROPOSED])
@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mariadb"] if LONG else ["sqlite"])
def test_leases_run_out_and_who_wakes_after_that_sends_and_settles_nothing(
    world_on: WorldMaker, database: str, step: Step
) -> None:
    """One worker dies with the connection of one account, another freezes with that of the other; no lease is ended.

    Both have notes in hand: of all records the ones that a CRM would take twice.
    """
    world = world_on(database)
    for account in (1, 2):
        world.host(account, account, new=2, talk=1)
    world.settle()
    for account in (1, 2):
        world.host(account, account, talk=3, talk_on=1)
    dead = world.start_worker(step=Step.CRM_WRITTEN)
    world.until(lambda: world.dies(dead, 0.1), "the worker to die")
    frozen = world.start_worker(step=step, signal=signal.SIGSTOP)
    world.until(lambda: frozen.steps[-1:] == [step], f"the worker to freeze at {step}")
    assert world.lease_left() > 5
    world.settle()  # by a third worker, once both leases are over
    _wake(world, frozen)
    assert step is Step.SETTLED or "was taken over by another worker" in world.last_words()
    world.tally.others["workers_frozen"] += 1
    world.expect_order()


def _wake(world: World, frozen: Worker) -> None:
    """Let a frozen worker go on, and work: it has lost what it had in hand, not its life."""
    world.nursery.send(frozen.pid, signal.SIGCONT)
    world.host(3, talk=1, new=1)
    world.until(lambda: not world.is_owing(), "the worker that came back to do some work")
    world.stop(frozen)


def test_without_redis_a_worker_finds_the_work_in_the_database(world_on: WorldMaker) -> None:
    """And may be killed there like anywhere else."""
    world = world_on("sqlite")
    world.settle()
    with world.redis.away():
        for step in Random(1).sample(list(Step), 13 if LONG else 3):
            world.host(len(step), **MIXED)
            world.silence_bell()
            worker = world.start_worker(step=step)
            world.until_dead(worker)
            world.bury()
    world.expect_order()


def test_postgresql_torn_down_in_the_middle_of_the_work(make_world: WorldMaker, own_postgres: Postgres) -> None:
    world = make_world("postgresql", own_postgres.url)
    rng = Random(2)
    print("seed: 2")
    for number in range(6 if LONG else 2):
        hosts = [world.start_host(rng.randrange(1 << 30), account, pause=0.02, **MIXED) for account in (1, 2)]
        worker, steps = world.start_worker(), rng.randrange(12)
        world.until(lambda worker=worker, steps=steps: len(worker.steps) > steps, "the worker to work")
        own_postgres.restart()
        world.tally.others["postgresql_restarted"] += 1
        if number % 2:
            world.kill(worker)
            world.bury()
        else:  # the worker lives on, but the drain that lost its database has left its lease behind
            world.until(lambda: not world.is_owing(), "the worker to get over it")
            world.stop(worker)
        assert world.nursery.wait_for_all(hosts, 60) == [0, 0]
    world.expect_order()
