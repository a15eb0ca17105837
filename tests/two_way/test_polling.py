"""Polls of HubSpot: a missed webhook is found, an unchanged CRM costs one call, a failed poll loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.host.capture import install_capture
from flask_crm_sync.models import Change
from flask_crm_sync.sync.two_way import TwoWay, save_two_way
from tests.sync.conftest import Portal, new_portal, portal, sandbox, wire_settings, wired  # noqa: F401
from tests.sync.world import ACCOUNT, World


@pytest.fixture
def polled(wired: World, portal: Portal) -> Iterator[World]:  # noqa: F811
    """A host whose one client is in the CRM, which has been asked for its changes once."""
    table: Any = sa.inspect(Change).local_table
    capture = install_capture(wired.sync.host, table, lambda: None, clock=wired.clock)
    portal.sandbox.hubspot.dialect.search_lag_ms = 0
    wired.client("Ada", email="ada@example.com", city="Graz")
    wired.run_until_done()
    save_two_way(wired.sync, ACCOUNT, "hubspot", TwoWay(True))
    wired.run()
    yield wired
    capture.remove()


def city(world: World) -> str:
    with world.engine.connect() as database:
        (found,) = world.sync.host.load_clients(database, ["1"]).values()
    return str(getattr(found, "city", found))


def later(world: World) -> None:
    world.clock.advance(minutes=6)
    world.run_until_done()


def test_an_edit_that_no_webhook_told_of_comes_home(polled: World, portal: Portal) -> None:  # noqa: F811
    portal.edit("ada@example.com", city="Wien")
    later(polled)
    assert city(polled) == "Wien"
    assert polled.connection.pull_code == ""


def test_an_unchanged_crm_costs_one_call_a_poll(polled: World, portal: Portal) -> None:  # noqa: F811
    later(polled)
    before = sum(portal.calls().values())
    later(polled)
    assert sum(portal.calls().values()) - before <= 1


def test_a_poll_that_fails_begins_where_the_last_one_ended(polled: World, portal: Portal) -> None:  # noqa: F811
    later(polled)
    kept = polled.connection.poll_cursor
    portal.edit("ada@example.com", city="Wien")
    portal.fail("server_error", times=50)
    later(polled)
    assert (polled.connection.poll_cursor, city(polled)) == (kept, "Graz")
    portal.heal()
    later(polled)
    assert city(polled) == "Wien"
