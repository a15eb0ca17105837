"""Where a conversation stands: rules, reviews and people, in whatever order they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.qualification.standing import Ruled, Standing, after_person, after_review, after_rules

STATUSES = ("pending", "qualified", "unqualified")
DECISIVE = {"confirmed", "upgraded", "downgraded"}

ruled = st.builds(Ruled, st.sampled_from(STATUSES), st.booleans(), st.booleans())
outcomes = st.sampled_from(["confirmed", "upgraded", "downgraded", "undecided", "not_reviewed"])
events = st.lists(
    st.one_of(
        st.tuples(st.just("rules"), ruled),
        st.tuples(st.just("review"), outcomes),
        st.tuples(st.just("person"), st.sampled_from(STATUSES)),
    ),
    max_size=12,
)


def lived(history: list[tuple[str, object]]) -> Standing:
    standing = Standing()
    for kind, what in history:
        step = {"rules": after_rules, "review": after_review, "person": after_person}[kind]
        standing = step(standing, what)  # type: ignore[arg-type]
    return standing


def expected(history: list[tuple[str, object]]) -> tuple[str, str]:
    """Return status and who decided: the last person, else the last review that decided, else the rules' last word."""
    people = [what for kind, what in history if kind == "person"]
    if people:
        return str(people[-1]), "person"
    status, decided = "pending", ""
    for kind, what in history:
        if kind == "rules" and decided != "review":
            status, decided = what.status, "rules"  # type: ignore[attr-defined]
        if kind == "review" and what in DECISIVE:
            status = {"upgraded": "qualified", "downgraded": "unqualified"}.get(str(what), status)
            decided = "review"
    return status, decided


@given(events)
def test_a_person_stands_above_a_review_and_a_review_above_the_rules(history) -> None:
    standing = lived(history)
    assert (standing.status, standing.decided_by) == expected(history)
    assert standing.final == (standing.decided_by in {"review", "person"})


@given(events)
def test_no_review_is_owed_once_a_person_has_decided(history) -> None:
    standing = lived(history)
    assert not (standing.decided_by == "person" and standing.review_owed)


@given(events, outcomes)
def test_a_review_that_has_come_to_something_is_owed_no_more(history, outcome) -> None:
    assert not after_review(lived(history), outcome).review_owed


@given(events, ruled)
def test_the_same_word_of_the_rules_twice_changes_nothing_more(history, word) -> None:
    once = after_rules(lived(history), word)
    silent = Ruled(word.status, word.worth_review, moved_on=False)
    assert after_rules(once, silent) == once


WORTH, NOT_WORTH = Ruled("qualified", True), Ruled("pending")


def test_what_is_provisional_is_reviewed_once() -> None:
    provisional = after_rules(Standing(), WORTH)
    assert provisional.review_owed
    assert not after_rules(after_review(provisional, "undecided"), WORTH).review_owed


@pytest.mark.parametrize(("outcome", "again"), [
    ("confirmed", False), ("upgraded", False), ("downgraded", True), ("undecided", True), ("not_reviewed", False),
])  # fmt: skip
def test_a_conversation_that_goes_on_is_reviewed_again_unless_it_is_clear(outcome, again) -> None:
    reviewed = after_review(after_rules(Standing(), WORTH), outcome)
    assert after_rules(reviewed, Ruled("qualified", True, moved_on=True)).review_owed == again


def test_a_wish_that_is_withdrawn_takes_its_review_along() -> None:
    provisional = after_rules(Standing(), WORTH)
    assert not after_rules(provisional, NOT_WORTH).review_owed
    assert after_rules(after_rules(provisional, NOT_WORTH), WORTH).review_owed
