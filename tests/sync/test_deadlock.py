"""Transactions that the database gave up for another one's sake."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.sync.deadlock import again_if_deadlocked
from tests.sync.host_models import Client
from tests.sync.world import World


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_victim_of_a_deadlock_is_run_again(kind: str, world_on: Callable[[str], World]) -> None:
    """Two transactions take the same two rows, each the other's second one first."""
    world = world_on(kind)
    ids = world.clients(2)
    both_hold_one = threading.Barrier(2, timeout=20)
    runs: list[str] = []
    failures: list[BaseException] = []

    def take(name: str, order: list[str]) -> None:
        runs.append(name)
        first_run = runs.count(name) == 1
        with world.sync.database.write() as connection:
            for id in order:
                mine = sa.update(Client).where(Client.id == int(id))
                connection.execute(mine.values(city=Client.city + name))
                if first_run and id == order[0]:
                    both_hold_one.wait()

    def work(name: str, order: list[str]) -> None:
        try:
            again_if_deadlocked(lambda: take(name, order), SystemClock())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=one) for one in (("a", ids), ("b", ids[::-1]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(runs) == 3
    assert [sorted(row.city.removeprefix("Graz")) for row in world.rows(Client)] == [["a", "b"]] * 2


def test_any_other_error_is_told_at_once(world: World) -> None:
    world.clients(1)
    runs: list[int] = []

    def doomed() -> None:
        runs.append(1)
        with world.sync.database.write() as connection:
            connection.execute(sa.insert(Client).values(id=1, account_id=1))

    with pytest.raises(IntegrityError):
        again_if_deadlocked(doomed, world.clock)
    assert len(runs) == 1
