"""The inbox of conflicts: decisions for a side, for a typed value, for all of a field, and both sides read live."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.errors import Unreachable
from flask_crm_sync.models import Conflict
from flask_crm_sync.models.conflict import OPEN
from flask_crm_sync.sync.both_sides import read_sides
from flask_crm_sync.sync.conflict_inbox import conflicts_page, open_conflicts, settle_conflict, settle_field
from flask_crm_sync.sync.merge import FieldRule
from flask_crm_sync.sync.refusals import ChoiceNotPossible, NotFound, ValueNotTaken
from flask_crm_sync.sync.two_way import TwoWay, save_two_way
from tests.sync.world import ACCOUNT

from .conftest import BothWays

ASK = FieldRule("both", "ask")


def contested(both: BothWays, **values: str) -> tuple[str, str]:
    """Let both sides change a client, and return its id and its record's."""
    both.rules(city=ASK, email=ASK)
    client, record = both.person()
    both.crm.edit(record, **(values or {"city": "Wien"}))
    ours: dict[str, Any] = {name: f"other-{value}" for name, value in values.items()} or {"city": "Linz"}
    both.world.edit(client, **ours)
    both.world.run_until_done()
    return client, record


def test_a_typed_value_reaches_both_sides(both: BothWays) -> None:
    client, record = contested(both)
    (conflict,) = both.world.rows(Conflict)
    settle_conflict(both.world.sync, ACCOUNT, conflict.id, "typed", value=" Steyr ", by="7")
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[record].values["city"]) == ("Steyr", "Steyr")
    assert both.conflicts() == [("city", "settled", "typed")]


@pytest.mark.parametrize(("field", "typed"), [("email", "no address"), ("city", "x" * 500)])
def test_a_typed_value_that_a_side_cannot_hold_changes_nothing(both: BothWays, field: str, typed: str) -> None:
    given = {"email": "ada@example.org"} if field == "email" else {}
    client, _ = contested(both, **given)
    before = both.city(client)
    (conflict,) = both.world.rows(Conflict)
    with pytest.raises(ValueNotTaken):
        settle_conflict(both.world.sync, ACCOUNT, conflict.id, "typed", value=typed)
    assert both.city(client) == before
    assert both.conflicts() == [(field, OPEN, "")]


def test_a_conflict_is_decided_once_and_by_its_own_account(both: BothWays) -> None:
    contested(both)
    (conflict,) = both.world.rows(Conflict)
    with pytest.raises(NotFound):
        settle_conflict(both.world.sync, "2", conflict.id, "ours")
    settle_conflict(both.world.sync, ACCOUNT, conflict.id, "ours")
    with pytest.raises(ChoiceNotPossible):
        settle_conflict(both.world.sync, ACCOUNT, conflict.id, "theirs")


def test_all_conflicts_of_a_field_are_decided_at_once(both: BothWays) -> None:
    both.rules(city=ASK, last_name=ASK)
    people = [both.world.client(name, email=f"{name}@example.com", city="Graz") for name in ("ada", "eve")]
    both.world.run_until_done()
    for client in people:
        both.crm.edit(str(both.world.link(client).remote_id), city="Wien")
        both.world.edit(client, city="Linz")
    both.crm.edit(str(both.world.link(people[0]).remote_id), last_name="There")
    both.world.edit(people[0], last_name="Here")
    both.world.run_until_done()
    assert open_conflicts(both.world.sync, ACCOUNT) == {("hubspot", "city"): 2, ("hubspot", "last_name"): 1}
    assert settle_field(both.world.sync, "2", "hubspot", "city", "ours") == 0
    assert settle_field(both.world.sync, ACCOUNT, "hubspot", "city", "theirs", by="7") == 2
    both.world.run_until_done()
    assert [both.city(client) for client in people] == ["Wien", "Wien"]
    assert open_conflicts(both.world.sync, ACCOUNT) == {("hubspot", "last_name"): 1}


def test_both_sides_are_read_live_and_a_silent_crm_is_said(both: BothWays) -> None:
    _, record = contested(both)
    both.crm.edit(record, city="Bregenz")
    found = conflicts_page(both.world.sync, ACCOUNT).conflicts
    (sides,) = read_sides(both.world.sync, ACCOUNT, found)
    assert (sides.client_name, sides.ours, sides.theirs, sides.code) == ("Ada", "Linz", "Bregenz", "")
    both.crm.fail("read", Unreachable())
    (sides,) = read_sides(both.world.sync, ACCOUNT, found)
    assert (sides.ours, sides.theirs, sides.code) == ("Linz", None, Unreachable.code)
    (sides,) = read_sides(both.world.sync, "2", found)
    assert (sides.client_name, sides.ours) == (None, None)


def test_a_field_that_was_stopped_goes_on_once_a_person_has_decided(both: BothWays) -> None:
    both.world.restart(flips=1)
    client, record = both.person()
    for number in range(4):
        both.crm.edit(record, city=f"There {number}")
        both.tell(record)
        both.world.run_until_done()
        both.world.edit(client, city=f"Here {number}")
        both.world.run_until_done()
    stopped = both.world.rows(Conflict)[-1]
    assert (stopped.cause, stopped.state) == ("flips", OPEN)
    settle_conflict(both.world.sync, ACCOUNT, stopped.id, "theirs")
    both.world.run_until_done()
    assert both.city(client) == both.crm.records[record].values["city"]
    assert open_conflicts(both.world.sync, ACCOUNT) == {}


def test_a_deleted_client_takes_its_conflicts_along(both: BothWays) -> None:
    client, _ = contested(both)
    both.world.remove(client)
    both.world.run_until_done()
    assert both.conflicts() == []


def test_nobody_is_asked_while_both_ways_is_off_and_again_once_it_is_on(both: BothWays) -> None:
    rules = {"city": FieldRule("both", "ask")}
    both.rules(**rules)
    client, record = both.person()
    both.crm.edit(record, city="Wien")
    both.world.edit(client, city="Linz")
    both.world.run_until_done()
    assert len(both.conflicts()) == 1
    save_two_way(both.world.sync, ACCOUNT, "hubspot", TwoWay(False, False, rules))
    assert both.conflicts() == []
    save_two_way(both.world.sync, ACCOUNT, "hubspot", TwoWay(True, False, rules))
    both.tell(record)
    both.world.run_until_done()
    assert both.conflicts() == [("city", "open", "")]


def test_nobody_is_asked_about_a_field_that_is_switched_off(both: BothWays) -> None:
    contested(both, city="Wien", email="king@example.com")
    assert {(field, state) for field, state, _ in both.conflicts()} == {("city", "open"), ("email", "open")}
    rules = {"email": ASK, "city": FieldRule("off", "ask")}
    save_two_way(both.world.sync, ACCOUNT, "hubspot", TwoWay(True, False, rules))
    assert both.conflicts() == [("email", "open", "")]
