"""Reviewers that say what no database takes, wait for ever, or take their worker with them: each review has an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from flask_crm_sync.qualification.review_reasons import BROKEN_OFF
from flask_crm_sync.qualification.reviewers.base import ReviewFailed, Verdict
from flask_crm_sync.qualification.reviewing import make_next_review
from flask_crm_sync.qualification.schedule import MOST_ATTEMPTS
from flask_crm_sync.sync.steps import JudgingStep
from tests.qualification.scene import SAID, Scene
from tests.sync.dying import killed_at


@dataclass
class Own:
    """A reviewer of the host's own, that says what it is told."""

    says: Any

    def review(self, _case: object) -> Any:
        return self.says


def due(scene: Scene) -> str:
    """Return a conversation whose review is due."""
    scene.criterion()
    _, conversation = scene.talk()
    scene.look()
    scene.world.clock.advance(hours=48)
    return conversation


def test_what_a_reviewer_says_is_kept_in_signs_that_every_database_takes(scene: Scene) -> None:
    conversation = due(scene)
    verdict = Verdict("qualified", 90, "Wants\0 it\ud800.\nNow.", (SAID, "\ud800\0 want"), "own\0", "1\ud800")
    make_next_review(scene.world.sync, Own(verdict))
    row = scene.row(conversation)
    assert (row.outcome, row.review_reason, row.model) == ("confirmed", "Wants it�. Now.", "own 1�")


@pytest.mark.parametrize("wait", [float("inf"), float("nan"), 1e300, -5.0])
def test_a_reviewer_is_waited_for_a_day_at_most(scene: Scene, wait: float) -> None:
    conversation = due(scene)
    make_next_review(scene.world.sync, Own(ReviewFailed("Come\0 later\ud800.", retry_after=wait)))
    ahead = scene.due(conversation) - scene.world.clock.now()
    assert timedelta(0) < ahead <= timedelta(days=1)


@pytest.mark.parametrize("says", [None, "qualified", ReviewFailed, Verdict("maybe", float("nan"), "x")])
def test_a_reviewer_that_says_nothing_of_the_kind_has_failed(scene: Scene, says: Any) -> None:
    conversation = due(scene)
    make_next_review(scene.world.sync, Own(says))
    assert scene.row(conversation).review_reason
    assert scene.due(conversation) > scene.world.clock.now()


def test_a_review_that_takes_its_worker_with_it_each_time_is_given_up(scene: Scene) -> None:
    conversation = due(scene)
    for _ in range(MOST_ATTEMPTS):
        with killed_at(JudgingStep.REVIEWED) as killed:
            scene.review()
        assert killed()
        scene.world.clock.advance(hours=1)
    scene.review()
    row = scene.row(conversation)
    assert (row.outcome, row.review_reason, row.review_at) == ("not_reviewed", BROKEN_OFF, None)
    assert len(scene.oracle.asked) == MOST_ATTEMPTS
    assert scene.status(conversation) == ("qualified", False, "rules")
