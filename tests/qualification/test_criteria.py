"""A criterion that exists is valid; forms and JSON give back what went in; everything is bounded."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.qualification import bounds
from flask_crm_sync.qualification.criteria import Criterion, CriterionInvalid, in_order
from flask_crm_sync.qualification.typed import as_typed, checked

KEYWORDS = st.lists(st.text("abcäß 予約=5-*\t", min_size=1, max_size=12), max_size=5)


def wrong_fields(**values: Any) -> dict[str, str]:
    with pytest.raises(CriterionInvalid) as caught:
        Criterion(**{"name": "Buyers", "required": ("buy",), **values})
    return caught.value.fields


def test_keywords_are_tidied_and_given_once() -> None:
    assert Criterion("Buyers", required=("  how   much ", "how much", "", "Price")).required == ("how much", "Price")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("name", "two\nlines"),
        ("set_name", ""),
        ("set_name", "x" * 65),
        ("required", ("x" * 10_000_000,)),
        ("required", tuple(f"word{n}" for n in range(201))),
        ("required", ("*",)),
        ("required", ("bo*k",)),
        ("required", ("...",)),
        ("required", ("half \ud800",)),
        ("required", "buy"),
        ("required", (7,)),
        ("excluded", ("a\x00b",)),
        ("mode", "some"),
        ("who", "agent"),
        ("min_messages", -1),
        ("min_messages", True),
        ("contact_fields", ("shoe size",)),
        ("channels", tuple(f"channel {n}" for n in range(51))),
        ("threshold", 100_001),
        ("priority", 1.5),
        ("review_threshold", 101),
        ("guidance", "x" * 4001),
        ("enabled", "yes"),
    ],
)
def test_an_impossible_value_is_refused_and_its_field_named(field: str, value: Any) -> None:
    assert set(wrong_fields(**{field: value})) == {field}


def test_a_weight_out_of_bounds_is_shown_at_the_keywords() -> None:
    assert set(wrong_fields(weights={"buy": 1001})) == {"required"}
    assert set(wrong_fields(weights=["buy"])) == {"required"}


def test_a_criterion_without_any_condition_is_refused() -> None:
    assert "Set at least one condition" in wrong_fields(required=())["required"]


def test_every_sentence_about_a_number_names_the_bounds_that_hold() -> None:
    for least, most, sentence in bounds._NUMBERS.values():
        assert re.findall(r"-?\d+", sentence) == [str(least), str(most)]


def test_higher_priorities_go_first_and_the_older_among_equals() -> None:
    day = datetime(2026, 3, 1, tzinfo=UTC)
    late = Criterion("late", required=("a",), created_at=day.replace(month=4))
    early = Criterion("early", required=("a",), created_at=day)
    in_code = Criterion("in code", required=("a",))
    high = Criterion("high", required=("a",), priority=1, created_at=day.replace(month=5))
    assert [each.name for each in in_order([late, early, in_code, high])] == ["high", "in code", "early", "late"]


def full() -> Criterion:
    return Criterion(
        "Buyers",
        "spring campaign",
        priority=5,
        required=("buy", "how much"),
        mode="all",
        excluded=("just looking",),
        who="all",
        min_messages=3,
        contact_fields=("email", "company"),
        channels=("email", "web_chat"),
        weights={"how much": 4},
        contact_weight=2,
        messages_weight=-1,
        channel_weight=3,
        threshold=7,
        review=False,
        review_threshold=55,
        guidance="We rent boats.\nNo sales.",
        second_look=True,
    )


def test_json_gives_back_the_same_criterion() -> None:
    stored = json.loads(json.dumps(full().to_json())) | {"a key of a later version": 1}
    assert Criterion.from_json(stored) == full()


@pytest.mark.parametrize("stored", [{}, {"name": 3}, {"name": "a", "required": {"b": 1}, "channels": None}])
def test_json_that_is_no_criterion_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(CriterionInvalid):
        Criterion.from_json(stored)


def test_a_form_gives_back_the_same_criterion() -> None:
    assert checked(as_typed(full())) == full()


@settings(max_examples=40)
@given(KEYWORDS, st.dictionaries(st.integers(0, 4), st.integers(-1000, 1000)))
def test_whatever_keywords_are_valid_survive_the_form(keywords: list[str], weights: dict[int, int]) -> None:
    try:
        first = Criterion("x", required=tuple(keywords), min_messages=1)
    except CriterionInvalid:
        return
    weighed = {first.required[n]: weight for n, weight in weights.items() if n < len(first.required)}
    again = checked(as_typed(Criterion("x", required=first.required, weights=weighed, min_messages=1)))
    assert again.required == first.required
    assert [again.weight(each) for each in again.required] == [weighed.get(each, 1) for each in again.required]


def test_a_form_says_everything_that_is_wrong_at_once() -> None:
    with pytest.raises(CriterionInvalid) as caught:
        checked({"name": "", "required": "buy = 5000\nbo*k", "priority": "high", "min_messages": "9" * 5000})
    assert set(caught.value.fields) == {"name", "required", "priority", "min_messages"}


def test_a_form_of_ten_megabytes_is_refused_with_its_field() -> None:
    with pytest.raises(CriterionInvalid) as caught:
        checked({"name": "Buyers", "required": "buy\n" * 2_500_000})
    assert caught.value.fields == {"required": "This is too long: at most 100000 characters."}


def test_ticks_that_a_form_does_not_send_are_off() -> None:
    typed = checked({"name": "Buyers", "required": "buy"})
    assert (typed.enabled, typed.review, typed.second_look) == (False, False, False)
    ticked = checked({"name": "Buyers", "required": "buy", "enabled": ["", "on"], "review": "off"})
    assert (ticked.enabled, ticked.review) == (True, False)
