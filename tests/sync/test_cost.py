"""What a batch costs, in statements, transactions and calls: never in time, which says nothing on a busy machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.errors import OutcomeUnknown
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.world import World


@contextmanager
def counted(engine: sa.Engine) -> Iterator[Counter[str]]:
    """Count statements (one for many rows is one) and transactions that wrote."""
    count: Counter[str] = Counter()

    def statement(conn: Any, cursor: Any, text: str, *_: Any) -> None:
        count["statements"] += 1

    def commit(_: Any) -> None:
        count["commits"] += 1

    sa.event.listen(engine, "before_cursor_execute", statement)
    sa.event.listen(engine, "commit", commit)
    try:
        yield count
    finally:
        sa.event.remove(engine, "before_cursor_execute", statement)
        sa.event.remove(engine, "commit", commit)


def cost_of(world: World, work: str, number: int) -> Counter[str]:
    """Return what the work on so many clients costs from the change to the settled operation."""
    ids = world.clients([{"email": f"{work}{number}-{n}@example.com"} for n in range(number)])
    if work != "leads":
        world.run_until_done()
        if work == "notes":
            world.conversations(ids)
        else:
            world.edit_all(ids, city="Graz")
            world.fan_out()
            world.clock.advance(hours=1)
    with counted(world.engine) as count:
        world.run()
    assert world.pending() == []
    return count


MOST = {"leads": 30, "updates": 26, "notes": 35}
"""Statements from the change to the settled operation; on SQLite, which counts the beginning of each transaction."""


@pytest.mark.parametrize("work", MOST)
def test_a_full_batch_costs_as_many_statements_as_a_batch_of_two(anywhere: World, work: str) -> None:
    cost_of(anywhere, work, 1)  # what a process does once
    small, large = cost_of(anywhere, work, 2), cost_of(anywhere, work, 100)
    assert large == small
    assert large["statements"] <= MOST[work]


def test_four_hundred_cost_at_most_four_times_what_a_hundred_do(world: World) -> None:
    cost_of(world, "leads", 1)
    hundred, four = cost_of(world, "leads", 100), cost_of(world, "leads", 400)
    assert four["statements"] <= 4 * hundred["statements"]
    assert four["commits"] <= 4 * hundred["commits"]


def test_over_the_wire_a_thousand_clients_with_a_note_each_cost_at_most_45_calls(wired: World, portal: Portal) -> None:
    before = sum(portal.calls().values())
    wired.conversations(wired.clients(1000))
    wired.run()
    assert len(portal.people()) == len(portal.notes()) == 1000
    assert wired.pending() == []
    assert sum(portal.calls().values()) - before <= 45


def test_reading_by_our_key_waits_for_the_second_attempt(world: World, crm: FakeCRM) -> None:
    asked: list[bool] = []
    matches = crm.matches
    crm.matches = lambda lookup: (asked.append(lookup.by_key), matches(lookup))[1]  # type: ignore[method-assign]
    crm.fail("upsert", OutcomeUnknown())
    world.client("Ada", email="ada@example.com")
    world.run_until_done()
    assert asked == [False, True]
