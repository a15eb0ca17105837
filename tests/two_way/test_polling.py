"""Polls of HubSpot: a missed webhook is found, an unchanged CRM costs one call, a failed poll loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.crm.base import RemoteChanges
from flask_crm_sync.crm.dynamics.untold import ChangesUntold
from flask_crm_sync.host.capture import install_capture
from flask_crm_sync.models import Change, Delivery, Notice
from flask_crm_sync.models.notice import NEEDS_ATTENTION
from flask_crm_sync.sync.pull import DEFECT
from flask_crm_sync.sync.reasons import explain
from flask_crm_sync.sync.two_way import TwoWay, save_two_way
from flask_crm_sync.testing import FakeAdapter
from tests.sync.conftest import Portal, new_portal, portal, sandbox, wire_settings, wired  # noqa: F401
from tests.sync.dying import Killed
from tests.sync.world import ACCOUNT, World

from .conftest import BothWays


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


def test_a_defect_in_a_look_is_said_and_costs_no_other_work(both: BothWays, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = both.person()

    def broken(_self: FakeAdapter, _cursor: str) -> RemoteChanges:
        raise ValueError("that is no cursor")

    both.world.set_connection(pull_at=both.world.clock.now())
    other = both.world.client("Bo", email="bo@example.com")
    with monkeypatch.context() as patched:
        patched.setattr(FakeAdapter, "changes_since", broken)
        both.world.run()
    assert (both.world.last(other).status, both.world.connection.pull_code) == ("success", DEFECT)
    both.crm.edit(str(both.world.link(client).remote_id), city="Wien")
    both.tell(str(both.world.link(client).remote_id))
    both.world.run_until_done()
    assert (both.city(client), both.world.connection.pull_code) == ("Wien", "")


def test_a_crm_that_tells_no_changes_any_more_is_told_to_people_once(
    both: BothWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: FakeAdapter, _cursor: str) -> RemoteChanges:
        raise ChangesUntold

    with monkeypatch.context() as patched:
        patched.setattr(FakeAdapter, "changes_since", refused)
        for _ in range(3):
            both.world.set_connection(pull_at=both.world.clock.now())
            both.world.run()
    told = [(row.event, row.data) for row in both.world.rows(Notice)]
    assert told == [(NEEDS_ATTENTION, {"code": ChangesUntold.code})]
    assert explain(ChangesUntold.code).says == ChangesUntold.says
    assert both.world.connection.state == "connected"


def test_a_worker_that_dies_in_a_look_has_nobodys_operation_in_hand(
    both: BothWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_self: FakeAdapter, _cursor: str) -> RemoteChanges:
        raise Killed

    monkeypatch.setattr(FakeAdapter, "changes_since", killed)
    both.world.set_connection(pull_at=both.world.clock.now())
    both.world.client("Bo", email="bo@example.com")
    with pytest.raises(Killed):
        both.world.run()
    (waiting,) = both.world.pending()
    assert (waiting.claim, waiting.attempts) == (None, 0)


def test_more_hints_than_one_look_takes_are_looked_at_without_a_pause(
    both: BothWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeAdapter, "batch_size", 2)
    clients = both.world.clients(12)
    both.world.run_until_done()
    both.tell(*(str(both.world.link(client).remote_id) for client in clients))
    assert both.world.run().more, "another drain is asked for at once"
    assert not both.world.run().more
    assert all(row.used_at for row in both.world.rows(Delivery))


def test_a_hint_that_comes_while_the_crm_is_looked_at_waits_for_no_poll(
    both: BothWays, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, record = both.person()
    asked = FakeAdapter.changes_since

    def meanwhile(self: FakeAdapter, cursor: str) -> RemoteChanges:
        both.crm.edit(record, city="Wien")
        both.tell(record)
        return asked(self, cursor)

    both.tell(record)
    with monkeypatch.context() as patched:
        patched.setattr(FakeAdapter, "changes_since", meanwhile)
        both.world.run()
    both.world.run()
    assert both.city(client) == "Wien"


def test_a_hint_about_nobody_here_costs_no_call(both: BothWays) -> None:
    both.person()
    stranger = both.crm.add(last_name="Low", email="eve@example.com")
    both.crm.calls.clear()
    both.tell(stranger)
    both.world.run()
    assert both.crm.calls == []
    assert all(row.used_at for row in both.world.rows(Delivery))


def test_an_edit_of_the_record_of_a_deleted_client_fills_no_log(both: BothWays) -> None:
    client, record = both.person()
    both.world.remove(client)
    both.world.run_until_done()
    owed = len(both.world.operations())
    for city in ("Wien", "Linz"):
        both.crm.edit(record, city=city)
        both.tell(record)
        both.world.run_until_done()
    assert len(both.world.operations()) == owed
