"""What else goes wrong while workers are killed: each surrounds a round of work."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random

from tests.chaos.world import World

DEEDS = {
    "new": 3,
    "new_together": 1,
    "undone": 1,
    "visitor": 1,
    "reachable": 1,
    "edit": 3,
    "rename": 1,
    "talk": 3,
    "talk_on": 1,
    "remove": 1,
    "replace": 1,
    "remove_talk": 1,
}
"""What each account's host does in a round."""


@contextmanager
def nothing_else(world: World, rng: Random) -> Iterator[None]:
    """Only the kill itself."""
    yield


@contextmanager
def redis_emptied(world: World, rng: Random) -> Iterator[None]:
    """Redis forgets everything, before the work and after it."""
    world.redis.flush()
    yield
    world.redis.flush()
    world.tally.others["redis_emptied"] += 2


@contextmanager
def redis_restarted(world: World, rng: Random) -> Iterator[None]:
    """Redis is stopped after the round, the host writes without it, and it comes back empty."""
    yield
    with world.redis.away():
        world.host(rng.randrange(1 << 30), 1, new=1, rename=1)
    world.tally.others["redis_restarted"] += 1


@contextmanager
def replies_lost(world: World, rng: Random) -> Iterator[None]:
    """The CRM writes as it is asked and, more often than not, hangs up without an answer."""
    with _spoilt_writes(world, rng, "lose_reply"):
        yield


@contextmanager
def faults_after_commit(world: World, rng: Random) -> Iterator[None]:
    """The CRM writes as it is asked and, more often than not, says that it could not."""
    with _spoilt_writes(world, rng, "server_error", params={"status": 503, "committed": True}):
        yield


@contextmanager
def crm_slow(world: World, rng: Random) -> Iterator[None]:
    """The CRM takes its time, so that workers die in the middle of calls."""
    world.crm.spoil("latency", params={"ms": 150})
    yield
    world.tally.others["latency"] += world.crm.mend()


@contextmanager
def host_killed(world: World, rng: Random) -> Iterator[None]:
    """A process of the host is killed too: what it had not committed never was."""
    doomed = world.start_host(rng.randrange(1 << 30), 1, pause=0.2, **DEEDS)
    yield
    world.nursery.send(doomed, signal.SIGKILL)
    world.tally.others["host_killed"] += world.nursery.wait(doomed, 30) == -signal.SIGKILL


MISFORTUNES: tuple[Callable[[World, Random], AbstractContextManager[None]], ...] = (
    nothing_else,
    redis_emptied,
    redis_restarted,
    replies_lost,
    faults_after_commit,
    crm_slow,
    host_killed,
)


@contextmanager
def _spoilt_writes(world: World, rng: Random, kind: str, **more: object) -> Iterator[None]:
    for path in world.crm.kind.writes:
        world.crm.spoil(kind, method="POST", path=path, probability=0.6, seed=rng.randrange(1000), **more)
    yield
    last = world.start_worker()  # those before may all have died too early to meet it
    world.until(lambda: _is_met(world, rng), f"{kind} to strike")
    world.kill(last)
    world.bury()
    world.tally.others[kind] += world.crm.mend()


def _is_met(world: World, rng: Random) -> bool:
    if world.crm.went_wrong():
        return True
    world.host(rng.randrange(1 << 30), rng.choice((1, 2)), new=1, talk=1)
    return False
