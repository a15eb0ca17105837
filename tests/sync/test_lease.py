"""One drain per connection at a time; one that lost its lease settles nothing."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Connection, DatabaseClock, database_now
from flask_crm_sync.sync import lease
from flask_crm_sync.sync.lease import Lease, LeaseLost, acquire
from flask_crm_sync.sync.push import Drained, drain
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.dying import once_at
from tests.sync.world import RESTS, World


def lease_of(world: World, seconds: float = 90) -> Lease | None:
    with world.sync.database.write() as connection:
        return acquire(connection, world.connection_id, world.connection.fence, seconds, world.clock)


def test_a_second_drain_is_told_that_the_connection_is_busy(anywhere: World, crm: FakeCRM) -> None:
    anywhere.clients(3)
    anywhere.fan_out()
    second: list[Drained] = []
    other = anywhere.fresh_sync()
    with once_at(Step.CRM_READ, lambda: second.append(drain(other, anywhere.connection_id))):
        first = anywhere.drain()
    assert second[0].busy
    assert not second[0].settled
    assert first.settled == {"success": 3}


def test_only_one_of_many_gets_the_lease(anywhere: World) -> None:
    start = threading.Barrier(6)
    taken: list[Lease | None] = []

    def work() -> None:
        start.wait(20)
        taken.append(lease_of(anywhere))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 6
    assert sum(lease is not None for lease in taken) == 1


@pytest.mark.parametrize("step", [Step.LOADED, Step.CRM_READ, Step.PROPOSED, Step.CRM_WRITTEN])
@pytest.mark.parametrize("kind", ["contact", "note"])
def test_a_drain_that_lost_its_lease_settles_nothing(anywhere: World, crm: FakeCRM, step: Step, kind: str) -> None:
    """It was slow for longer than its lease; another worker has done everything meanwhile."""
    ada = anywhere.client("Ada", email="ada@example.com")
    if kind == "note":
        anywhere.run()
        anywhere.conversation(ada)
    anywhere.fan_out()
    other = anywhere.fresh_sync()
    done: list[list[tuple[str, str, str]]] = []

    def take_over() -> None:
        anywhere.clock.advance(anywhere.settings.lease_seconds + 1)
        for _ in range(2):
            drain(other, anywhere.connection_id)
            anywhere.clock.advance(RESTS + 1)
        done.append(anywhere.outcomes())

    with once_at(step, take_over):
        slow = anywhere.drain()
    assert slow.busy
    assert not slow.settled
    assert {status for _, status, _ in done[0]} == {"success"}
    assert anywhere.outcomes() == done[0]
    assert len(crm.records) == 1
    assert len(crm.notes) == (kind == "note")


def test_a_lost_lease_stays_with_the_one_who_has_it(anywhere: World) -> None:
    slow = lease_of(anywhere)
    anywhere.clock.advance(91)
    quick = lease_of(anywhere)
    assert slow is not None
    assert quick is not None
    assert quick.fence == slow.fence + 1
    with anywhere.sync.database.write() as connection:
        with pytest.raises(LeaseLost):
            slow.renew(connection, anywhere.clock)
        slow.release(connection)
    assert anywhere.connection.lease_until > anywhere.clock.now().timestamp()


def test_no_call_is_begun_that_could_outlive_the_lease(world: World, crm: FakeCRM) -> None:
    """Before each call that might end too late the lease is held anew, so that nobody takes over during it."""
    crm.limits = {"call": (100_000, 1_000_000.0)}  # calls are granted for longer than the lease lasts
    world.client("Ada", email="ada@example.com")
    world.fan_out()
    left: list[float] = []

    def note() -> None:
        world.clock.advance(world.settings.lease_seconds - world.settings.call_timeout + 1)

    original = crm.write

    def write(one):  # type: ignore[no-untyped-def]
        left.append(world.connection.lease_until - world.clock.now().timestamp())
        return original(one)

    crm.write = write  # type: ignore[method-assign]
    with once_at(Step.PROPOSED, note):
        world.drain()
    assert left == [world.settings.lease_seconds]


def test_no_call_is_made_without_the_lease(world: World, crm: FakeCRM) -> None:
    world.client("Ada", email="ada@example.com")
    world.fan_out()

    def lose_it() -> None:
        world.clock.advance(world.settings.lease_seconds + 1)
        lease_of(world)
        crm.calls.clear()

    with once_at(Step.PROPOSED, lose_it):
        assert world.drain().busy
    assert crm.calls == []


def test_the_lease_is_given_back_at_the_end(anywhere: World) -> None:
    anywhere.client("Ada", email="ada@example.com")
    anywhere.run()
    assert anywhere.connection.lease_until == 0
    assert anywhere.connection.fence == 1


def test_no_transaction_is_open_during_a_call(world: World, crm: FakeCRM) -> None:
    world.conversation(world.client("Ada", email="ada@example.com"))
    world.fan_out()
    open_now: list[int] = []
    pool = world.engine.pool
    assert isinstance(pool, sa.QueuePool)
    matches, write, note = crm.matches, crm.write, crm.write_note
    crm.matches = lambda lookup: (open_now.append(pool.checkedout()), matches(lookup))[1]  # type: ignore[method-assign]
    crm.write = lambda one: (open_now.append(pool.checkedout()), write(one))[1]  # type: ignore[method-assign]
    crm.write_note = lambda one: (open_now.append(pool.checkedout()), note(one))[1]  # type: ignore[method-assign]
    world.drain()
    assert open_now == [0, 0, 0]


def test_drains_of_many_connections_run_side_by_side(anywhere: World, crm: FakeCRM) -> None:
    connections = [anywhere.connection_id] + [anywhere.connect(account, f"token{account}") for account in "234"]
    for account in "1234":
        people = [{"email": f"{account}-{n}@example.com"} for n in range(30)]
        anywhere.clients(people, account=account)
    anywhere.fan_out()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            drain(anywhere.fresh_sync(), connections[number])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(crm.records) == 120
    assert {op.status for op in anywhere.operations()} == {"success"}


def test_the_lease_goes_by_the_databases_own_time(anywhere: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by that of the worker's machine, which may be wrong by hours."""
    monkeypatch.setattr(lease, "SQL", lease.Statements.by(DatabaseClock()))
    assert lease_of(anywhere, 60) is not None
    anywhere.clock.advance(hours=5)
    assert lease_of(anywhere, 60) is None
    with anywhere.engine.begin() as connection:
        assert abs(anywhere.connection.lease_until - 60 - database_now(connection)) < 30
        connection.execute(sa.update(Connection).values(lease_until=database_now(connection) - 0.001))
    assert lease_of(anywhere, 60) is not None


def test_over_the_wire_a_slow_worker_and_a_quick_one_make_one_record(wired: World, portal: Portal) -> None:
    wired.conversation(wired.client("Ada", email="ada@example.com"))
    wired.fan_out()
    other = wired.fresh_sync()

    def take_over() -> None:
        wired.clock.advance(wired.settings.lease_seconds + 1)
        for _ in range(3):
            drain(other, wired.connection_id)
            wired.clock.advance(RESTS + 1)

    with once_at(Step.CRM_WRITTEN, take_over):
        assert wired.drain().busy
    assert len(portal.people()) == len(portal.notes()) == 1
