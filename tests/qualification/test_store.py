"""Criteria are kept per account, with versions, names that are free, an audit trail, and those in code beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from flask_crm_sync.qualification import store
from flask_crm_sync.qualification.criteria import Criterion, CriterionInvalid
from flask_crm_sync.qualification.criteria_of import criteria_of
from flask_crm_sync.qualification.store import (
    Kept,
    add_criterion,
    change_criterion,
    find_criterion,
    kept_criteria,
    remove_criterion,
    sets_of,
)
from flask_crm_sync.sync.audit import CRITERIA, Deed, trail
from flask_crm_sync.sync.refusals import ChoiceNotPossible, NotFound
from tests.sync.world import ACCOUNT as OURS
from tests.sync.world import World

THEIRS = "2"

BUYERS = Criterion("Buyers", required=("buy", "how much"), weights={"buy": 3}, excluded=("spam",), guidance="Boats.")
IN_CODE = (Criterion("Given", required=("boat",)), Criterion("Elsewhere", "spring", required=("boat",), priority=9))


def add(world: World, criterion: Criterion = BUYERS, account: str = OURS, **more: Any) -> Kept:
    world.clock.sleep(1)
    return add_criterion(world.sync, account, criterion, by="1", **more)


def told(world: World) -> list[Deed]:
    return [deed for deed in trail(world.sync, OURS).deeds if deed.action == CRITERIA]


def names(world: World, *wanted: Any) -> list[str]:
    return [kept.criterion.name for kept in kept_criteria(world.sync, OURS, *wanted)]


def test_a_criterion_is_kept_as_it_is_with_its_first_version(world: World) -> None:
    kept = add(world)
    assert kept.criterion == replace(BUYERS, version=1, created_at=world.clock.now())
    assert find_criterion(world.sync, OURS, str(kept.id)) == kept


def test_the_engine_reads_the_same_criterion(world: World) -> None:
    kept = add(world)
    with world.sync.database.read() as connection:
        assert criteria_of(connection, [OURS], ()) == {(OURS, "default"): (kept.criterion,)}


def test_each_change_makes_the_next_version_and_none_makes_none(world: World) -> None:
    kept = add(world)
    wanted = replace(kept.criterion, enabled=False, priority=4)
    changed = change_criterion(world.sync, OURS, kept.id, wanted)  # type: ignore[arg-type]
    assert (changed.criterion.version, changed.criterion.enabled, changed.criterion.priority) == (2, False, 4)
    assert changed.criterion.created_at == kept.criterion.created_at
    assert change_criterion(world.sync, OURS, kept.id, wanted).criterion.version == 2  # type: ignore[arg-type]
    assert len(told(world)) == 2


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(world: World) -> None:
    kept = add(world)
    assert kept.id
    change_criterion(world.sync, OURS, kept.id, replace(BUYERS, priority=1), seen_version=1)
    with pytest.raises(ChoiceNotPossible):
        change_criterion(world.sync, OURS, kept.id, replace(BUYERS, priority=2), seen_version=1)
    assert find_criterion(world.sync, OURS, kept.id).criterion.priority == 1


def test_a_name_is_taken_once_in_a_set_of_an_account(world: World) -> None:
    kept = add(world)
    add(world, replace(BUYERS, set_name="spring"))
    add(world, account=THEIRS)
    other = add(world, replace(BUYERS, name="Others"))
    assert kept.id
    assert other.id
    for attempt in (
        lambda: add(world),
        lambda: add(world, replace(BUYERS, name="Given"), in_code=IN_CODE),
        lambda: change_criterion(world.sync, OURS, other.id, BUYERS),
    ):
        with pytest.raises(CriterionInvalid) as caught:
            attempt()
        assert set(caught.value.fields) == {"name"}
    assert names(world, "default") == ["Buyers", "Others"]


def test_another_accounts_criterion_is_not_there(world: World) -> None:
    theirs = add(world, account=THEIRS)
    assert names(world) == []
    for id in (theirs.id, uuid4(), "nonsense"):
        for attempt in (
            lambda id=id: find_criterion(world.sync, OURS, id),
            lambda id=id: change_criterion(world.sync, OURS, id, replace(BUYERS, priority=1)),
            lambda id=id: remove_criterion(world.sync, OURS, id),
        ):
            with pytest.raises(NotFound):
                attempt()
    assert theirs.id
    assert find_criterion(world.sync, THEIRS, theirs.id) == theirs


def test_those_in_code_stand_among_the_others_and_cannot_be_changed(world: World) -> None:
    add(world)
    add(world, replace(BUYERS, name="First", priority=5))
    kept = kept_criteria(world.sync, OURS, "default", IN_CODE)
    assert [(each.criterion.name, each.is_in_code) for each in kept] == [
        ("First", False),
        ("Given", True),
        ("Buyers", False),
    ]


def test_the_sets_are_counted_the_default_one_first(world: World) -> None:
    add(world, replace(BUYERS, set_name="autumn"))
    add(world, replace(BUYERS, set_name="autumn", name="Off", enabled=False))
    found = [(each.name, each.criteria, each.enabled) for each in sets_of(world.sync, OURS, IN_CODE)]
    assert found == [("default", 1, 1), ("autumn", 2, 1), ("spring", 1, 1)]
    assert [each.name for each in sets_of(world.sync, THEIRS)] == ["default"]


def test_there_is_an_end_to_criteria(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST", 1)
    add(world)
    with pytest.raises(CriterionInvalid):
        add(world, replace(BUYERS, name="Second"))
    assert names(world) == ["Buyers"]


def test_the_trail_tells_what_changed(world: World) -> None:
    kept = add(world)
    assert kept.id
    change_criterion(world.sync, OURS, kept.id, replace(BUYERS, name="Shoppers", required=("buy",)), by="2")
    remove_criterion(world.sync, OURS, kept.id, by="3")
    removed, changed, added = told(world)
    assert (added.user_id, changed.user_id, removed.user_id) == ("1", "2", "3")
    assert added.before is None
    assert added.after == {
        "criterion": "Buyers",
        "set": "default",
        "enabled": True,
        "required": "buy, how much",
        "excluded": "spam",
        "weights": "buy = 3",
        "guidance": "Boats.",
    }
    assert changed.before == {"criterion": "Buyers", "required": "buy, how much"}
    assert changed.after == {"criterion": "Shoppers", "required": "buy"}
    assert removed.after is None
    assert names(world) == []


def test_one_that_cannot_be_read_does_not_hide_the_others(world: World) -> None:
    add(world)
    broken = add(world, replace(BUYERS, name="Of a later version"))
    with world.sync.database.write() as connection:
        connection.execute(
            store._table.update().where(store._table.c.id == broken.id).values(definition={"who": "you"})
        )
    assert names(world) == ["Buyers"]
