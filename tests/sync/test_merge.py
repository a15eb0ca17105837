"""The three-way merge, field by field, and what must hold for any values."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.sync.agreed import Base, Digester, settled_base, with_intent
from flask_crm_sync.sync.merge import merge
from flask_crm_sync.sync.plan import Left

DIGEST = Digester(b"a secret of this test", uuid.UUID(int=7))
VALUES = st.sampled_from(["", "a", "b", "c", "ä", "\N{GRINNING FACE}"])


def agreed(ours: dict[str, str], theirs: dict[str, str], version: int = 1) -> Base:
    return Base(version, {name: (DIGEST(name, ours[name]), DIGEST(name, theirs[name])) for name in ours})


def one(base: str | None, ours: str, theirs: str, *, intent: str | None = None, their_base: str | None = None):
    before = None if base is None else agreed({"f": base}, {"f": base if their_base is None else their_base})
    intents = {} if intent is None else {"f": [DIGEST("f", intent)]}
    return merge(before, intents, {"f": ours}, {"f": theirs}, DIGEST, version=1)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "written", "left"),
    [
        ("a", "a", "a", None, None),  # nobody moved
        ("a", "b", "a", "b", None),  # only ours
        ("a", "", "a", "", None),  # cleared on our side since: cleared there
        ("a", "a", "b", None, Left.CRM_CHANGED),  # only theirs
        ("a", "a", "", None, Left.CRM_CHANGED),  # a person cleared it
        ("a", "b", "c", None, Left.BOTH_CHANGED),  # the CRM's value stays
        ("a", "b", "b", None, None),  # both, to the same
        (None, "a", "", "a", None),  # first meeting: a blank is filled
        (None, "a", "b", None, Left.FILLED_BEFORE),  # first meeting: nothing else is changed
        (None, "", "b", None, None),  # a blank that never had a value overwrites nothing
    ],
)
def test_a_field_is_written_or_left_by_who_changed_it(base, ours, theirs, written, left):
    plan = one(base, ours, theirs)
    assert plan.writes.get("f") == written
    assert plan.left.get("f") == left


def test_our_own_unanswered_write_is_not_taken_for_a_persons_edit():
    plan = one("a", "c", "b", intent="b")
    assert plan.writes == {"f": "c"}


def test_an_unanswered_create_is_corrected_when_the_client_changed_meanwhile():
    plan = one(None, "c", "b", intent="b")
    assert plan.writes == {"f": "c"}


def test_a_persons_edit_after_an_unanswered_write_stays():
    plan = one("a", "b", "x", intent="b")
    assert plan.left == {"f": Left.BOTH_CHANGED}


def test_a_change_taken_back_after_an_unanswered_write_is_taken_back_in_the_crm():
    plan = one("a", "a", "b", intent="b")
    assert plan.writes == {"f": "a"}


def test_sides_that_differed_when_linked_stay_until_ours_moves():
    assert one("a", "a", "x", their_base="x").writes == {}
    assert one("a", "b", "x", their_base="x").writes == {"f": "b"}


def test_a_value_that_a_person_set_survives_our_later_edit():
    base = agreed({"f": "a"}, {"f": "a"})
    first = merge(base, {}, {"f": "a"}, {"f": "person"}, DIGEST, version=1)
    base = settled_base(base, first, {"f": "a"}, {"f": "person"}, DIGEST, version=1)
    second = merge(base, {}, {"f": "b"}, {"f": "person"}, DIGEST, version=1)
    assert second.writes == {}
    assert second.left == {"f": Left.BOTH_CHANGED}


def test_a_new_translation_version_writes_nothing_until_one_side_moves():
    base = agreed({"f": "old form"}, {"f": "old form"}, version=1)
    plan = merge(base, {}, {"f": "new form"}, {"f": "old form"}, DIGEST, version=2)
    assert plan.writes == {}
    base = settled_base(base, plan, {"f": "new form"}, {"f": "old form"}, DIGEST, version=2)
    assert merge(base, {}, {"f": "newer"}, {"f": "old form"}, DIGEST, version=2).writes == {"f": "newer"}


def test_a_field_that_is_new_to_us_only_fills_a_blank():
    base = agreed({"f": "a"}, {"f": "a"})
    plan = merge(base, {}, {"f": "a", "g": "x", "h": "y"}, {"f": "a", "g": "", "h": "theirs"}, DIGEST, version=1)
    assert plan.writes == {"g": "x"}
    assert plan.left == {"h": Left.FILLED_BEFORE}


@given(VALUES, VALUES, VALUES, VALUES)
def test_a_field_that_the_platform_did_not_change_is_never_overwritten(ours_then, theirs_then, theirs_now, filler):
    base = Base(1, {"f": (DIGEST("f", ours_then), DIGEST("f", theirs_then))})
    plan = merge(base, {}, {"f": ours_then}, {"f": theirs_now}, DIGEST, version=1)
    assert plan.writes == {}


@given(VALUES, VALUES, VALUES)
def test_settling_leaves_nothing_more_to_do(ours_then, ours, theirs):
    base = agreed({"f": ours_then}, {"f": ours_then})
    plan = merge(base, {}, {"f": ours}, {"f": theirs}, DIGEST, version=1)
    after = {"f": plan.writes.get("f", theirs)}
    base = settled_base(base, plan, {"f": ours}, after, DIGEST, version=1)
    assert merge(base, {}, {"f": ours}, after, DIGEST, version=1).writes == {}


@given(VALUES, VALUES, st.lists(VALUES, max_size=6), st.booleans())
def test_lost_answers_never_cost_the_platforms_last_word(first, last, sent, arrived):
    """Whatever was sent without an answer, and whether or not it arrived: the last value of ours gets there."""
    base = agreed({"f": first}, {"f": first})
    intents: dict[str, list[str]] = {}
    theirs = first
    for value in sent:
        plan = merge(base, intents, {"f": value}, {"f": theirs}, DIGEST, version=1)
        intents = with_intent(intents, plan.writes, DIGEST)
        if arrived:
            theirs = plan.writes.get("f", theirs)
    plan = merge(base, intents, {"f": last}, {"f": theirs}, DIGEST, version=1)
    assert plan.writes.get("f", theirs) == last


@given(st.text(max_size=40), st.text(max_size=40))
def test_digests_tell_values_apart_and_hold_none_of_them(one_value, other):
    assert (DIGEST("f", one_value) == DIGEST("f", other)) == (one_value == other)
    if len(one_value) > 3:
        assert one_value not in DIGEST("f", one_value)


def test_the_same_value_has_another_digest_in_another_link_and_field():
    elsewhere = Digester(b"a secret of this test", uuid.UUID(int=8))
    assert len({DIGEST("f", "x"), DIGEST("g", "x"), elsewhere("f", "x")}) == 3


def test_the_base_survives_being_stored():
    base = agreed({"f": "a", "g": ""}, {"f": "b", "g": ""})
    assert Base.from_json(base.to_json()) == base
    assert Base.from_json({}) is None
