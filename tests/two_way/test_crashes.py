"""A worker that dies at any step, with edits on both sides in hand: afterwards both have both, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.host.capture import install_capture
from flask_crm_sync.models import Change, Conflict, Delivery
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.sync.two_way import TwoWay, save_two_way
from tests.contract.conftest import Bench, bench, sandbox  # noqa: F401
from tests.contract.test_engine import _Connected, world  # noqa: F401
from tests.sync.dying import killed_at
from tests.sync.world import ACCOUNT


@pytest.fixture
def both_ways(world: _Connected, bench: Bench) -> Iterator[str]:  # noqa: F811
    """Return a client that is in the CRM, on a connection that is synced both ways."""
    bench.switch(**bench.case.found_at_once)
    table: Any = sa.inspect(Change).local_table
    capture = install_capture(world.sync.host, table, lambda: None, clock=world.clock)
    client = world.client("Ada", told=False, last_name="Lee", email="ada@example.com", city="Graz")
    world.run_until_done()
    save_two_way(world.sync, ACCOUNT, bench.name, TwoWay(True))
    look(world)
    yield client
    capture.remove()


def look(world: _Connected) -> None:  # noqa: F811
    world.bench.sandbox.clock.advance(5)
    world.clock.advance(minutes=6)
    world.run_until_done()


def tell(world: _Connected, record: str) -> None:  # noqa: F811
    """Let a webhook tell of an edit where the CRM cannot be asked."""
    if "changes" in world.bench.kind.capabilities:
        return
    now = world.clock.now()
    with world.engine.begin() as database:
        told = {"event": "changed", "digest": f"{now}", "happened_at": now, "received_at": now}
        database.execute(sa.insert(Delivery).values(connection_id=world.connection_id, remote_id=record, **told))


def test_dying_at_any_step_loses_no_edit_of_either_side(world: _Connected, bench: Bench, both_ways: str) -> None:  # noqa: F811
    record, died = str(world.link(both_ways).remote_id), set[Step]()
    for number, step in enumerate(Step):
        bench.person_edits(record, city=f"There {number}")
        tell(world, record)
        world.edit(both_ways, last_name=f"Here {number}")
        world.bench.sandbox.clock.advance(5)
        world.clock.advance(minutes=61)
        with killed_at(step) as happened:
            world.run()
        if happened():
            died.add(step)
        for warm in world.sync.warm.kept.values():
            warm.adapter.http.close()
        world.restart()
        look(world)
        (stored,) = bench.records()
        with world.engine.connect() as database:
            client: Any = world.sync.host.load_clients(database, [both_ways])[both_ways]
        expected = (f"There {number}", f"Here {number}")
        assert (client.city, client.last_name) == expected, step
        assert (stored["properties"][bench.field["city"]], stored["properties"][bench.field["last_name"]]) == expected
    assert died == set(Step)
    assert world.rows(Conflict) == []
