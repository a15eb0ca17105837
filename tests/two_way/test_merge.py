"""The three-way merge in both directions: every rule, on every history of two values."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.sync.agreed import Base, Digester, settled_base
from flask_crm_sync.sync.merge import FieldRule, Terms, merge
from flask_crm_sync.sync.plan import Left, Plan

DIGEST = Digester(b"k" * 32, UUID(int=7))
VALUES = st.sampled_from(["", "Graz", "Linz", "Wien"])
RULES = st.builds(
    FieldRule, st.sampled_from(["out", "in", "both", "off"]), st.sampled_from(["platform", "crm", "newest", "ask"])
)


def agreed(value: str) -> Base:
    return Base(1, {"city": (DIGEST("city", value), DIGEST("city", value))})


def planned(base: Base | None, mine: str, other: str, rule: FieldRule, **terms: object) -> Plan:
    given = Terms({"city": rule}, **terms)  # type: ignore[arg-type]
    return merge(base, {}, {"city": mine}, {"city": other}, DIGEST, version=1, terms=given)


@settings(max_examples=40, deadline=None)
@given(VALUES, VALUES, RULES)
def test_an_edit_on_one_side_goes_where_the_field_goes(was: str, now: str, rule: FieldRule) -> None:
    here, there = planned(agreed(was), now, was, rule), planned(agreed(was), was, now, rule)
    moved = {"city": now} if now != was else {}
    assert here.writes == (moved if rule.direction in ("out", "both") else {})
    assert there.brings == (moved if rule.direction in ("in", "both") else {})
    assert not here.brings
    assert not there.writes
    assert not here.asks
    assert not there.asks


@settings(max_examples=40, deadline=None)
@given(VALUES, VALUES, VALUES, RULES, st.sampled_from(["ours", "theirs", None]))
def test_edits_on_both_sides_are_decided_by_the_rule_and_never_lost_unsaid(
    was: str, mine: str, other: str, rule: FieldRule, newer: str | None
) -> None:
    plan = planned(agreed(was), mine, other, rule, newer=newer)
    if rule.direction == "off" or was in (mine, other) or mine == other:
        assert not plan.decided
        assert not plan.asks
        return
    winner = {"platform": "ours", "crm": "theirs", "newest": newer, "ask": None}[rule.conflict]
    assert plan.decided == ({"city": winner} if winner else {})
    assert plan.asks == ([] if winner else ["city"])
    assert plan.writes == ({"city": mine} if winner == "ours" and rule.direction != "in" else {})
    assert plan.brings == ({"city": other} if winner == "theirs" and rule.direction != "out" else {})


@settings(max_examples=40, deadline=None)
@given(VALUES, VALUES, VALUES, RULES.filter(lambda rule: rule.direction == "both"))
def test_whatever_was_carried_out_is_agreed_and_the_next_look_does_nothing(
    was: str, mine: str, other: str, rule: FieldRule
) -> None:
    plan = planned(agreed(was), mine, other, rule)
    here, there = plan.brings.get("city", mine), plan.writes.get("city", other)
    plan.agreed += plan.brings
    base = settled_base(agreed(was), plan, {"city": here}, {"city": there}, DIGEST, version=1)
    again = planned(base, here, there, rule)
    assert not again.writes
    assert not again.brings
    assert again.asks == plan.asks


def test_a_blank_that_never_had_a_value_overwrites_nothing() -> None:
    assert planned(None, "", "Graz", FieldRule()).brings == {"city": "Graz"}
    assert planned(None, "Graz", "", FieldRule()).writes == {"city": "Graz"}


def test_clearing_a_field_clears_it_on_the_other_side() -> None:
    assert planned(agreed("Graz"), "", "Graz", FieldRule()).writes == {"city": ""}
    assert planned(agreed("Graz"), "Graz", "", FieldRule()).brings == {"city": ""}


def test_a_form_that_our_translation_gave_a_value_is_no_edit() -> None:
    base = Base(1, {"city": (DIGEST("city", "+43 1 2"), DIGEST("city", "+4312"))})
    plan = planned(base, "+43 1 2", "+4312", FieldRule())
    assert not plan.writes
    assert not plan.brings


def test_a_persons_choice_goes_before_the_rule_and_a_stopped_field_moves_neither_way() -> None:
    ask = FieldRule("both", "ask")
    assert planned(agreed("Graz"), "Linz", "Wien", ask, choices={"city": "ours"}).writes == {"city": "Linz"}
    assert planned(agreed("Graz"), "Linz", "Wien", ask, choices={"city": "theirs"}).brings == {"city": "Wien"}
    stopped = planned(agreed("Graz"), "Graz", "Wien", FieldRule(), stopped=["city"])
    assert not stopped.brings
    assert stopped.left == {"city": Left.STOPPED}
