"""Stage two: reviews come due, are made once, by one worker, and what they say is followed by sync and news."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.reviewers.base import ReviewFailed, Verdict
from flask_crm_sync.qualification.reviewing import make_next_review
from flask_crm_sync.qualification.schedule import (
    MOST_ATTEMPTS,
    claim_due_reviews,
    next_review_at,
    put_off_review,
    reviews_today,
    settle_review,
)
from tests.qualification.scene import Scene

DOWN = ReviewFailed("The reviewer could not be reached.")
GOOD = Verdict("qualified", 90, "Yes.", ("I want to buy",), "oracle", "1")


@pytest.fixture
def qualified(scene: Scene) -> str:
    """Return a provisionally qualified conversation."""
    scene.criterion()
    _, conversation = scene.talk()
    scene.look()
    return conversation


def test_no_review_before_its_time(scene: Scene, qualified: str) -> None:
    due = scene.due(qualified)
    assert next_review_at(scene.world.sync) == due
    scene.world.clock.advance((due - scene.world.clock.now()).total_seconds() - 1)
    assert scene.review() is None
    scene.world.clock.advance(1)
    assert scene.review() is not None


@pytest.mark.parametrize(
    ("says", "outcome", "standing"),
    [
        ("qualified", "confirmed", ("qualified", True, "review")),
        ("unqualified", "downgraded", ("unqualified", True, "review")),
        ("undecided", "undecided", ("qualified", False, "rules")),
    ],
)
def test_what_a_review_says_of_a_provisional_one(scene: Scene, qualified: str, says, outcome, standing) -> None:
    scene.oracle.says = says
    assert scene.review_all() == 1
    assert scene.status(qualified) == standing
    row = scene.row(qualified)
    assert (row.outcome, row.model, row.reviewed_at) == (outcome, "oracle 1", scene.world.clock.now())
    assert scene.history(qualified)[-1] == ("review", "qualified", standing[0])


def test_a_second_look_upgrades_and_syncs(scene: Scene) -> None:
    scene.criterion(Criterion("A", required=("buy", "today"), mode="all", second_look=True))
    scene.connection(qualified_only=True)
    client, conversation = scene.talk("I may buy")
    scene.run()
    assert scene.world.link(client) is None
    scene.review_all()
    scene.run()
    assert scene.status(conversation) == ("qualified", True, "review")
    assert scene.world.link(client).state == "active"
    assert scene.news() == [("review_changed", conversation)]


def test_the_rules_change_nothing_after_a_review_that_decided(scene: Scene, qualified: str) -> None:
    scene.review_all()
    scene.world.say(qualified, "Please cancel")
    scene.look()
    assert scene.status(qualified) == ("qualified", True, "review")


def test_a_downgraded_conversation_that_goes_on_is_reviewed_once_more(scene: Scene, qualified: str) -> None:
    scene.oracle.says = "unqualified"
    scene.review_all()
    assert scene.review_all() == 0
    scene.world.say(qualified, "Now I really want to buy it")
    scene.look()
    scene.oracle.says = "qualified"
    assert scene.review_all() == 1
    assert scene.status(qualified) == ("qualified", True, "review")


def test_a_reviewer_that_is_down_is_asked_again_later_and_given_up_in_the_end(scene: Scene, qualified: str) -> None:
    scene.oracle.fails = [DOWN] * MOST_ATTEMPTS
    scene.world.clock.advance(hours=48)
    waits = []
    for _ in range(MOST_ATTEMPTS - 1):
        scene.review()
        assert scene.row(qualified).review_reason == DOWN.reason
        wait = (scene.due(qualified) - scene.world.clock.now()).total_seconds()
        waits.append(wait)
        assert scene.review() is None
        scene.world.clock.advance(wait)
    assert waits[:3] == [60, 120, 240]
    assert max(waits) <= 3600
    made = scene.review()
    assert made.move.outcome == "not_reviewed"
    assert scene.status(qualified) == ("qualified", False, "rules")
    row = scene.row(qualified)
    assert (row.outcome, row.review_reason, row.review_at) == ("not_reviewed", DOWN.reason, None)


def test_a_review_after_trouble_succeeds(scene: Scene, qualified: str) -> None:
    scene.oracle.fails = [DOWN]
    assert scene.review_all() == 1
    scene.world.clock.advance(minutes=1)
    scene.review()
    assert scene.row(qualified).outcome == "confirmed"


def test_the_reviewers_own_time_is_kept(scene: Scene, qualified: str) -> None:
    scene.oracle.fails = [ReviewFailed("Too many calls.", retry_after=900)]
    scene.world.clock.advance(hours=48)
    scene.review()
    assert scene.due(qualified) == scene.world.clock.now() + timedelta(seconds=900)


def test_what_would_fail_again_is_not_tried_again(scene: Scene, qualified: str) -> None:
    scene.oracle.fails = [ReviewFailed("The model refuses.", retry=False)]
    scene.review_all()
    assert scene.row(qualified).outcome == "not_reviewed"


def test_without_a_reviewer_it_is_marked_as_not_reviewed(scene: Scene, qualified: str) -> None:
    scene.world.clock.advance(hours=48)
    assert make_next_review(scene.world.sync, None).move.outcome == "not_reviewed"
    assert scene.status(qualified) == ("qualified", False, "rules")
    assert scene.row(qualified).review_reason == "No reviewer is configured."


def test_two_workers_at_once_take_different_reviews(scene_anywhere: Scene) -> None:
    scene = scene_anywhere
    scene.criterion()
    for _ in range(4):
        scene.talk()
    scene.look()
    scene.world.clock.advance(hours=48)
    first, second = claim_due_reviews(scene.world.sync, 2), claim_due_reviews(scene.world.sync, 5)
    assert (len(first), len(second)) == (2, 2)
    assert {one.id for one in first}.isdisjoint(one.id for one in second)
    assert claim_due_reviews(scene.world.sync, 5) == []


def test_a_review_whose_worker_died_is_made_by_another_and_settled_once(scene: Scene, qualified: str) -> None:
    scene.world.clock.advance(hours=48)
    (dead,) = claim_due_reviews(scene.world.sync, 1)
    assert scene.review() is None
    scene.world.clock.advance(hours=1)
    assert scene.review() is not None
    assert settle_review(scene.world.sync, dead, GOOD, 70) is None
    assert put_off_review(scene.world.sync, dead, "late") is None
    assert [turn for turn in scene.history(qualified) if turn[0] == "review"] == [("review", "qualified", "qualified")]


def test_a_person_who_decides_takes_the_review_out_of_a_workers_hand(scene: Scene, qualified: str) -> None:
    scene.world.clock.advance(hours=48)
    (claimed,) = claim_due_reviews(scene.world.sync, 1)
    scene.override(qualified, "unqualified")
    assert settle_review(scene.world.sync, claimed, GOOD, 70) is None
    assert scene.status(qualified) == ("unqualified", True, "person")


def test_an_outcome_follows_from_the_status_at_its_end(scene: Scene) -> None:
    """The rules qualified it while the reviewer thought: what would have been an upgrade confirms."""
    scene.criterion(Criterion("A", required=("buy", "today"), mode="all", second_look=True))
    _, conversation = scene.talk("I may buy")
    scene.look()
    scene.world.clock.advance(hours=48)
    (claimed,) = claim_due_reviews(scene.world.sync, 1)
    scene.world.say(conversation, "today")
    scene.look()
    settle_review(scene.world.sync, claimed, GOOD, 70)
    assert scene.row(conversation).outcome == "confirmed"


def test_a_day_has_so_many_reviews_for_each_account(scene: Scene) -> None:
    scene.world.restart(ai_reviews_a_day=3)
    scene.criterion()
    scene.world.conversations(scene.world.clients(5))
    scene.look()
    scene.world.clock.advance(hours=48)
    made = Counter(scene.review() is not None for _ in range(6))
    assert made[True] == 3
    with scene.world.sync.database.read() as connection:
        assert reviews_today(connection, "1", scene.world.clock.now()) == 3
    tomorrow = (scene.world.clock.now() + timedelta(days=1)).date()
    assert next_review_at(scene.world.sync).date() == tomorrow
    scene.world.clock.advance(hours=24)
    assert [scene.review() is not None for _ in range(3)] == [True, True, False]


def test_the_budget_of_one_account_holds_up_no_other(scene: Scene) -> None:
    scene.world.restart(ai_reviews_a_day=1)
    scene.criterion()
    scene.criterion(account="2")
    scene.world.conversations(scene.world.clients(150))
    scene.look()
    scene.world.clock.advance(hours=1)
    (theirs,) = scene.world.conversations(scene.world.clients([{"email": "b@example.com"}], account="2"), account="2")
    scene.look()
    scene.world.clock.advance(hours=48)
    assert scene.review() is not None
    assert scene.review() is not None
    assert scene.row(theirs).outcome == "confirmed"
    assert scene.review() is None


def test_what_is_in_hand_counts_for_the_day(scene: Scene) -> None:
    scene.world.restart(ai_reviews_a_day=2)
    scene.criterion()
    scene.world.conversations(scene.world.clients(3))
    scene.look()
    scene.world.clock.advance(hours=48)
    assert len(claim_due_reviews(scene.world.sync, 1)) == 1
    assert len(claim_due_reviews(scene.world.sync, 5)) == 1


def test_a_conversation_that_is_gone_by_then_is_not_sent_anywhere(scene: Scene, qualified: str) -> None:
    scene.world.remove_conversation(qualified, told=False)
    scene.review_all()
    assert scene.oracle.asked == []
    assert scene.row(qualified).outcome == "not_reviewed"


def test_a_clock_that_is_ahead_or_behind_loses_no_review(scene: Scene, qualified: str) -> None:
    """A worker claims by a clock two hours ahead and dies; another one, whose clock is right, comes by."""
    scene.world.clock.advance(hours=46)
    scene.world.clock.advance(hours=2)
    claim_due_reviews(scene.world.sync, 1)
    scene.world.clock.passed -= 7200
    scene.world.clock.advance(hours=4)
    assert scene.review() is not None
    assert scene.row(qualified).outcome == "confirmed"
