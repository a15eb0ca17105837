"""Which criterion decides, and why: every condition, their order, exclusion, and that explanations tell the same."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.host.records import ClientRecord, ConversationRecord, MessageRecord
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.rules import LONGEST, Judged, compile_rules

NAMES = itertools.count()
ANNA = ClientRecord("1", "1", "Anna", "Berg", email="anna@example.com", phone=" ", company="Boats Ltd")


def criterion(name: str = "", **values: Any) -> Criterion:
    return Criterion(name or f"criterion {next(NAMES)}", **values)


def talk(*texts: str, channel: str = "email") -> ConversationRecord:
    """Return a conversation; texts that begin with "agent: " are an agent's."""
    messages = tuple(
        MessageRecord(not text.startswith("agent: "), text.removeprefix("agent: "))  #
        for text in texts
    )
    return ConversationRecord("7", "1", "1", channel, messages=messages)


def judge(said: ConversationRecord, *criteria: Criterion, client: ClientRecord | None = ANNA) -> Judged:
    return compile_rules(criteria).judge(said, client)


def test_a_required_keyword_qualifies_and_the_reasons_name_it() -> None:
    buyers = criterion("Buyers", required=("how much", "Buy"))
    judged = judge(talk("hi", "I'd like to BUY it"), buyers)
    assert (judged.status, judged.criterion, judged.score) == ("qualified", buyers, 1)
    assert judged.reasons == ("The criterion “Buyers” matches.", "Said: “Buy”.")


def test_what_the_agent_says_counts_only_where_all_messages_are_looked_at() -> None:
    said = talk("hi", "agent: would you like to buy it?")
    assert judge(said, criterion(required=("buy",))).status == "pending"
    assert judge(said, criterion(required=("buy",), who="all")).status == "qualified"


def test_a_phrase_does_not_reach_from_one_message_into_the_next() -> None:
    assert judge(talk("how", "much"), criterion(required=("how much",))).status == "pending"


def test_all_keywords_may_be_said_in_different_messages() -> None:
    both = criterion(required=("boat", "buy"), mode="all")
    assert judge(talk("a boat"), both).status == "pending"
    assert judge(talk("a boat", "to buy"), both).status == "qualified"


@pytest.mark.parametrize(
    ("condition", "holds", "holds_not"),
    [
        ({"min_messages": 2}, talk("a", "agent: b"), talk("a")),
        ({"channels": ("E-Mail",)}, talk("a", channel="e-mail"), talk("a", channel="web_chat")),
        ({"required": ("boat",)}, talk("a boat"), talk("boats")),
    ],
)
def test_each_condition_holds_or_not(condition: Any, holds: ConversationRecord, holds_not: ConversationRecord) -> None:
    assert judge(holds, criterion(**condition)).status == "qualified"
    assert judge(holds_not, criterion(**condition)).status == "pending"


def test_contact_details_must_be_there_and_not_blank() -> None:
    assert judge(talk("a"), criterion(contact_fields=("email", "company"))).status == "qualified"
    assert judge(talk("a"), criterion(contact_fields=("email", "phone"))).status == "pending"
    assert judge(talk("a"), criterion(contact_fields=("email",)), client=None).status == "pending"


def test_every_condition_that_is_set_must_hold() -> None:
    both = criterion(required=("boat",), min_messages=2, contact_fields=("email",), channels=("email",))
    assert judge(talk("a boat", "b"), both).status == "qualified"
    assert judge(talk("a boat"), both).status == "pending"
    assert judge(talk("a ship", "b"), both).status == "pending"
    assert judge(talk("a boat", "b", channel="phone"), both).status == "pending"


def test_the_weights_of_what_was_found_must_reach_the_threshold() -> None:
    weighed = criterion(
        required=("boat", "buy", "just looking"),
        weights={"boat": 1, "buy": 2, "just looking": -5},
        min_messages=1,
        messages_weight=1,
        threshold=4,
    )
    assert judge(talk("a boat, a boat"), weighed).status == "pending"
    assert judge(talk("buy a boat"), weighed).score == 4
    assert judge(talk("just looking", "buy a boat"), weighed).status == "pending"


def test_a_keyword_given_twice_in_other_letters_counts_once() -> None:
    twice = criterion(required=("buy", "BUY"), threshold=2)
    assert judge(talk("buy"), twice).status == "pending"


def test_an_excluded_keyword_makes_what_would_match_unqualified() -> None:
    buyers = criterion("Buyers", required=("buy",), excluded=("student discount",))
    judged = judge(talk("buy with a Student  Discount"), buyers)
    assert (judged.status, judged.excluded, judged.criterion) == ("unqualified", "student discount", buyers)
    assert judged.reasons == ("The criterion “Buyers” excludes conversations in which “student discount” is said.",)


def test_an_excluded_keyword_alone_makes_unqualified_where_nothing_else_matches() -> None:
    boats, cars = criterion(required=("boat",), excluded=("spam",)), criterion(required=("car",))
    assert judge(talk("spam"), boats, cars).status == "unqualified"
    assert judge(talk("spam about a car"), boats, cars).status == "qualified"
    assert (
        judge(talk("spam"), criterion(required=("boat",), excluded=("spam",), channels=("phone",))).status == "pending"
    )


def test_a_criterion_of_excluded_keywords_alone_qualifies_nobody_and_decides_at_its_place() -> None:
    complaints = criterion(excluded=("complaint",))
    buyers = criterion(required=("buy",), priority=1)
    assert judge(talk("hello"), complaints).status == "pending"
    assert judge(talk("buy", "complaint"), complaints, buyers).status == "qualified"
    first = criterion(excluded=("complaint",), priority=2)
    assert judge(talk("buy", "complaint"), first, buyers).status == "unqualified"


def test_the_higher_priority_decides_then_the_older() -> None:
    day = datetime(2026, 3, 1, tzinfo=UTC)
    old = criterion(required=("buy",), created_at=day)
    new = criterion(required=("buy",), created_at=day.replace(month=4))
    high = criterion(required=("buy",), created_at=day.replace(month=5), priority=3)
    assert judge(talk("buy"), new, old).criterion is old
    assert judge(talk("buy"), new, old, high).criterion is high


def test_a_criterion_that_is_off_is_not_asked() -> None:
    judged = judge(talk("buy"), criterion(required=("buy",), enabled=False))
    assert (judged.status, judged.reasons) == ("pending", ("There is no criterion in use.",))


def test_a_second_look_is_for_pending_ones_in_which_part_of_it_holds() -> None:
    wishes = criterion(required=("buy", "boat"), mode="all", second_look=True)
    assert judge(talk("a boat"), wishes).second_look
    assert not judge(talk("a car"), wishes).second_look
    assert not judge(talk("buy a boat"), wishes).second_look
    long = criterion(required=("buy",), min_messages=2, second_look=True)
    assert judge(talk("a", "b"), long).second_look
    assert not judge(talk("a"), long).second_look


def test_reviews_are_wished_for_what_qualified_unless_switched_off() -> None:
    assert judge(talk("buy"), criterion(required=("buy",))).worth_review
    assert not judge(talk("buy"), criterion(required=("buy",), review=False)).worth_review
    assert not judge(talk("x"), criterion(required=("buy",))).worth_review


def test_of_an_endless_conversation_both_ends_are_read() -> None:
    padding = ["x" * 10_000] * (2 * LONGEST // 10_000)
    assert judge(talk("buy", *padding), criterion(required=("buy",))).status == "qualified"
    assert judge(talk(*padding, "buy"), criterion(required=("buy",))).status == "qualified"


def test_an_explanation_names_each_condition_and_what_was_found() -> None:
    full = criterion(
        required=("boat", "buy"),
        mode="all",
        excluded=("spam",),
        min_messages=3,
        contact_fields=("email", "phone"),
        channels=("email",),
        channel_weight=2,
        threshold=9,
    )
    (explained,) = compile_rules([full]).explain(talk("a boat", "b"), ANNA)
    assert (explained.result, explained.score, explained.decides) == ("partly", 3, False)
    assert [(finding.condition, finding.holds) for finding in explained.findings] == [
        ("channel", True),
        ("keywords", False),
        ("messages", False),
        ("contact", False),
        ("excluded", True),
        ("score", False),
    ]
    assert [finding.says for finding in explained.findings] == [
        "The channel is one of “email”.",
        "Said: “boat”. Missing: “buy”.",
        "There are 2 messages; at least 3 are needed.",
        "The client's record lacks: phone.",
        "No excluded keyword was said.",
        "The score is 3; 9 is needed.",
    ]


CRITERIA = st.builds(
    criterion,
    required=st.lists(st.sampled_from(["buy", "boat", "how much", "bo*"]), min_size=1, max_size=3).map(tuple),
    excluded=st.lists(st.sampled_from(["spam", "no"]), max_size=1).map(tuple),
    mode=st.sampled_from(["any", "all"]),
    who=st.sampled_from(["client", "all"]),
    min_messages=st.integers(0, 2),
    channels=st.sampled_from([(), ("email",), ("phone",)]),
    threshold=st.integers(0, 3),
    priority=st.integers(0, 2),
)
TEXTS = st.sampled_from(["buy", "a boat", "how much", "agent: how much", "agent: spam", "no", "hi"])


@settings(max_examples=40)
@given(st.lists(CRITERIA, max_size=4), st.lists(TEXTS, max_size=4))
def test_explanations_tell_what_was_judged(criteria: list[Criterion], texts: list[str]) -> None:
    rules, said = compile_rules(criteria), talk(*texts)
    judged, explained = rules.judge(said, ANNA), rules.explain(said, ANNA)
    for each in explained:
        conditions = [finding for finding in each.findings if finding.condition != "excluded"]
        assert (each.result in {"matches", "excludes"}) == all(finding.holds for finding in conditions)
    first = next((each for each in explained if each.result in {"matches", "excludes"}), None)
    assert (judged.status == "qualified") == (first is not None and first.result == "matches")
    assert [each.criterion for each in explained if each.decides] == ([judged.criterion] if judged.criterion else [])
    if first is not None:
        assert (judged.criterion, judged.score if first.result == "matches" else 0) == (
            first.criterion,
            first.score if first.result == "matches" else 0,
        )
