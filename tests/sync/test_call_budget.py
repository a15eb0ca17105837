"""One budget per token: shared, fed by the CRM's own headers, with a part kept for new leads."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from flask_crm_sync.crm.base import Write, Written
from flask_crm_sync.crm.http import Allowance
from flask_crm_sync.errors import CRMError, RateLimited
from flask_crm_sync.models import Budget, Connection
from flask_crm_sync.models.operation import BULK, LIVE, UPDATE
from flask_crm_sync.sync.budget import BLOCK, SharedMeter, token_digest
from flask_crm_sync.sync.lease import LeaseLost, acquire
from flask_crm_sync.testing import FakeAdapter, FakeCRM
from tests.sync.conftest import Portal
from tests.sync.world import World

LIMIT, SECONDS = 20, 10.0


class Caller:
    """One drain's meter, as an adapter uses it."""

    def __init__(self, world: World, connection_id: UUID, lane: int = LIVE) -> None:
        self.world = world
        sync = world.sync
        world.clock.advance(0.001)
        with sync.database.write() as connection:
            fence = connection.execute(sa.select(Connection.fence).where(Connection.id == connection_id)).scalar_one()
            lease = acquire(connection, connection_id, fence, 90, world.clock)
        assert lease is not None
        self.adapter = sync.adapter("hubspot", {"token": world.token}, {})
        self.meter = SharedMeter.make(sync, token_digest(sync, "hubspot", {"token": "shared"}), lease, self.adapter)
        self.meter.lane = lane

    def spend_all(self) -> int:
        """Spend until the window is used up; return how many calls that were."""
        spent = 0
        while True:
            try:
                self.meter.spend("call")
            except RateLimited:
                return spent
            spent += 1

    def end(self) -> None:
        with self.world.sync.database.write() as connection:
            self.meter.give_back(connection)


@pytest.fixture
def limited(world: World, crm: FakeCRM) -> World:
    crm.limits = {"call": (LIMIT, SECONDS), "search": (3, 1.0)}
    return world


@pytest.fixture
def second(limited: World) -> UUID:
    return limited.connect("2", "other")


def used(world: World) -> int:
    return sum(row.used for row in world.rows(Budget, ~Budget.token_digest.contains(":")))


def test_two_connections_with_one_token_share_one_window(limited: World, second: UUID) -> None:
    one, other = Caller(limited, limited.connection_id), Caller(limited, second)
    for _ in range(5):
        one.meter.spend("call")
        other.meter.spend("call")
    assert 10 + one.spend_all() + other.spend_all() == LIMIT
    limited.clock.advance(SECONDS)
    assert one.spend_all() == LIMIT


def test_the_refusal_says_when_the_window_ends(limited: World) -> None:
    caller = Caller(limited, limited.connection_id)
    caller.spend_all()
    limited.clock.advance(4)
    with pytest.raises(RateLimited) as refused:
        caller.meter.spend("call")
    assert refused.value.retry_after == pytest.approx(6)


@pytest.mark.parametrize("lane", [UPDATE, BULK])
def test_a_part_of_the_window_is_kept_for_new_leads(limited: World, second: UUID, lane: int) -> None:
    assert Caller(limited, limited.connection_id, lane).spend_all() == 16
    assert Caller(limited, second, LIVE).spend_all() == 4


def test_what_was_granted_and_not_used_is_given_back(limited: World, second: UUID) -> None:
    caller = Caller(limited, limited.connection_id)
    caller.meter.spend("call")
    assert used(limited) == BLOCK
    caller.end()
    assert used(limited) == 1
    assert Caller(limited, second).spend_all() == LIMIT - 1


def test_what_was_granted_is_used_before_more_is_asked_for(limited: World) -> None:
    """Each claim prepares a block; a drain of many small batches must not count calls that it never makes."""
    caller = Caller(limited, limited.connection_id)
    for _ in range(10):
        with limited.sync.database.write() as connection:
            caller.meter.prepare(connection, caller.meter.look(connection))
        caller.meter.spend("call")
    assert used(limited) <= 10 + BLOCK
    assert caller.spend_all() == LIMIT - 10


def test_a_grant_ends_with_its_window(limited: World, second: UUID) -> None:
    caller = Caller(limited, limited.connection_id)
    caller.meter.spend("call")
    limited.clock.advance(SECONDS)
    assert Caller(limited, second).spend_all() == LIMIT
    assert caller.spend_all() == 0


def test_special_calls_have_a_window_of_their_own(limited: World) -> None:
    caller = Caller(limited, limited.connection_id)
    for _ in range(3):
        caller.meter.spend("search")
    assert caller.spend_all() == LIMIT


def test_a_call_waits_a_moment_for_the_next_window(limited: World) -> None:
    """Rather than that a whole batch is put back and read anew, as for a longer rest."""
    caller = Caller(limited, limited.connection_id)
    for _ in range(7):
        caller.meter.spend("search")
    assert limited.clock.slept == [pytest.approx(1.0), pytest.approx(1.0)]


def test_a_call_that_waited_is_made_under_the_lease_only(limited: World) -> None:
    caller = Caller(limited, limited.connection_id)
    for _ in range(3):
        caller.meter.spend("search")
    limited.set_connection(fence=limited.connection.fence + 1)
    with pytest.raises(LeaseLost):
        caller.meter.spend("search")


def test_a_burst_of_single_leads_is_not_put_back_for_want_of_calls(limited: World, crm: FakeCRM) -> None:
    crm.limits = {"call": (3, 1.0)}
    for number in range(8):
        limited.client(f"Client {number}", email=f"{number}@example.com")
        limited.run()
    assert len(crm.records) == 8
    assert {(op.status, op.attempts) for op in limited.operations()} == {("success", 1)}
    assert [call for call, _ in crm.calls].count("find") == 8
    assert limited.clock.passed < 8


def test_the_crms_own_limit_is_believed(limited: World) -> None:
    caller = Caller(limited, limited.connection_id)
    caller.meter.learn(Allowance(limit=30, remaining=30))
    assert caller.spend_all() == 30


def test_calls_that_other_programs_made_are_counted(limited: World) -> None:
    caller = Caller(limited, limited.connection_id)
    caller.meter.spend("call")
    caller.meter.learn(Allowance(limit=LIMIT, remaining=9))
    assert caller.spend_all() == (BLOCK - 1) + 9


def test_what_the_crm_said_outlives_the_drain(limited: World, second: UUID) -> None:
    caller = Caller(limited, limited.connection_id)
    caller.meter.spend("call")
    caller.meter.learn(Allowance(limit=LIMIT, remaining=2, daily_limit=1000, daily_remaining=77))
    caller.end()
    assert Caller(limited, second).spend_all() == 2
    (row,) = limited.rows(Budget, ~Budget.token_digest.contains(":"))
    assert (row.daily_limit, row.daily_remaining) == (1000, 75)


def test_what_the_crm_said_of_a_window_that_is_over_counts_no_more(limited: World) -> None:
    caller = Caller(limited, limited.connection_id)
    caller.meter.spend("call")
    caller.meter.learn(Allowance(limit=LIMIT, remaining=0))
    assert caller.spend_all() == BLOCK - 1
    limited.clock.advance(SECONDS)
    assert caller.spend_all() == LIMIT


def test_a_drain_whose_budget_is_used_up_rests_and_goes_on(limited: World, crm: FakeCRM) -> None:
    limited.conversations(limited.clients(400))
    limited.run_until_done()
    assert len(crm.records) == 400
    assert len(crm.notes) == 400
    assert {(op.status, op.attempts) for op in limited.operations()} == {("success", 1)}
    assert limited.clock.passed < 120


def test_the_token_itself_is_in_no_row(limited: World) -> None:
    limited.client("Ada", email="ada@example.com")
    limited.run()
    for row in limited.rows(Budget):
        assert limited.token not in row.token_digest
        assert len(row.token_digest.partition(":")[0]) == 40


@pytest.fixture
def waiting(limited: World, crm: FakeCRM) -> World:
    """A world where a note and an update are due for Ada, whom the CRM has already, and Ben is new."""
    ada = limited.client("Ada", email="ada@example.com")
    limited.run()
    limited.conversation(ada)
    limited.edit(ada, city="Graz")
    limited.fan_out()
    limited.clock.advance(hours=1)
    limited.client("Ben", email="ben@example.com")
    return limited


def day_left(world: World, remaining: int, *, limit: int = 1000) -> None:
    """Let the CRM have said just now how many calls the day has left."""
    said = {"daily_limit": limit, "daily_remaining": remaining, "daily_seen": world.clock.now().timestamp()}
    with world.engine.begin() as connection:
        connection.execute(sa.update(Budget).values(said))


@pytest.mark.parametrize("remaining", [0, 1, 199])
def test_when_the_day_runs_short_everything_but_new_leads_rests(waiting: World, crm: FakeCRM, remaining: int) -> None:
    day_left(waiting, remaining)
    drained = waiting.run()
    assert drained.settled == {"success": 1}
    assert crm.record_with(email="ben@example.com")
    assert {(op.kind, op.attempts) for op in waiting.pending()} == {("add_note", 0), ("update_contact", 0)}
    assert not drained.more
    assert drained.next_due_at is not None
    assert 3500 < (drained.next_due_at - waiting.clock.now()).total_seconds() <= 3600
    assert waiting.connection.blocked_until is None


def test_while_the_day_has_enough_calls_nothing_rests(waiting: World) -> None:
    day_left(waiting, 210)
    waiting.run()
    assert waiting.pending() == []


def test_what_rests_looks_again_when_the_crm_was_not_heard_for_an_hour(waiting: World) -> None:
    """The CRM alone knows when its day begins."""
    day_left(waiting, 5)
    waiting.run()
    waiting.clock.advance(3590)
    waiting.run()
    assert len(waiting.pending()) == 2
    waiting.clock.advance(11)
    waiting.run()
    assert waiting.pending() == []


def test_what_the_crm_says_in_an_answer_counts_for_the_next_batch(waiting: World, crm: FakeCRM) -> None:
    """The calls for the contacts bring the day below what is kept for new leads, before the notes' turn."""
    write = crm.write

    def write_and_tell(one: Write) -> Written | CRMError:
        meter = next(iter(waiting.sync.warm.kept.values())).adapter.http.meter
        assert meter is not None
        meter.learn(Allowance(limit=LIMIT, remaining=LIMIT, daily_limit=1000, daily_remaining=150))
        return write(one)

    crm.write = write_and_tell  # type: ignore[method-assign]
    waiting.run()
    assert [op.kind for op in waiting.pending()] == ["add_note"]


def test_calls_that_were_granted_since_count_against_the_day(limited: World) -> None:
    caller = Caller(limited, limited.connection_id)
    caller.meter.spend("call")
    day_left(limited, 500)
    caller.spend_all()
    (row,) = limited.rows(Budget)
    assert row.daily_remaining == 500 - (LIMIT - BLOCK)


def test_over_the_wire_the_portals_own_limits_are_learnt(
    new_portal: Callable[..., Portal], engine_of: Callable[[str], sa.Engine], clock, wire_settings
) -> None:
    portal = new_portal(tier="professional")
    world = World(engine_of("sqlite"), clock, wire_settings, token=portal.token)
    world.client("Ada", email="ada@example.com")
    world.run()
    (row,) = [row for row in world.rows(Budget) if ":" not in row.token_digest]
    assert row.window_limit == 190
    assert row.daily_limit == 625_000
    assert row.daily_remaining < 625_000


def test_a_new_lead_does_not_wait_for_a_window_that_slower_work_has_used_up(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = world.clients(100)
    world.run_until_done()
    crm.limits = {"call": (10, 60.0)}
    with world.engine.begin() as connection:
        connection.execute(sa.update(Budget).values(window_seconds=60.0, window_limit=10))
    monkeypatch.setattr(FakeAdapter, "batch_size", 10)
    world.clock.advance(61)
    world.conversations(clients)
    world.run()
    assert {(op.kind, op.attempts) for op in world.pending()} == {("add_note", 0)}
    assert len(world.pending()) == 20
    world.client("Ben", email="ben@example.com")
    before = world.clock.passed
    drained = world.run()
    assert crm.record_with(email="ben@example.com")
    assert (world.clock.passed, len(crm.notes), drained.more) == (before, 80, False)
    world.run_until_done()
    assert len(crm.notes) == 100
    assert {(op.status, op.attempts) for op in world.operations()} == {("success", 1)}
    assert 59 < world.clock.passed - before < 62
