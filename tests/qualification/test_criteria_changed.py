"""What criteria wish between the match and the review: nobody is reviewed whom no criterion wants reviewed any more."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import CriterionRow
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.review_reasons import NOBODY_ASKS
from tests.qualification.scene import BUYS, Scene

SELLS = Criterion("Wants to sell", required=("sell",), guidance="Sellers only.", review_threshold=95)
NEVER = Criterion("Complaint", priority=100, excluded=("refund",))


@pytest.fixture
def matched(scene: Scene) -> str:
    """Return a conversation that one criterion of three qualified."""
    for criterion in (NEVER, SELLS, replace(BUYS, guidance="Buyers only.", review_threshold=60)):
        scene.criterion(criterion)
    _, conversation = scene.talk()
    scene.look()
    return conversation


def change(scene: Scene, of: str, /, **values: object) -> None:
    table = CriterionRow.__table__
    with scene.world.engine.begin() as connection:
        connection.execute(table.update().where(table.c.name == of).values(**values))


def test_a_second_look_is_by_the_criterion_that_wants_it(scene: Scene) -> None:
    wishes = Criterion(
        "Would buy today", required=("buy", "today"), mode="all", second_look=True, guidance="Buyers only."
    )
    for criterion in (NEVER, SELLS, replace(wishes, review_threshold=60)):
        scene.criterion(criterion)
    scene.talk("I may buy")
    scene.look()
    scene.review_all()
    (case,) = scene.oracle.asked
    assert (case.guidance, case.threshold) == ("Buyers only.", 60)


def test_what_a_deleted_criterion_has_decided_stays_and_is_not_held_against_the_others(
    scene: Scene, matched: str
) -> None:
    with scene.world.engine.begin() as connection:
        connection.execute(sa.delete(CriterionRow).where(CriterionRow.name == BUYS.name))
    scene.oracle.says = "unqualified"
    scene.review_all()
    assert scene.oracle.asked == []
    row = scene.row(matched)
    assert (row.status, row.outcome, row.review_reason) == ("qualified", "not_reviewed", NOBODY_ASKS)


def test_nothing_is_sent_to_a_reviewer_once_its_review_is_switched_off(scene: Scene, matched: str) -> None:
    change(scene, BUYS.name, definition={**BUYS.to_json(), "review": False})
    scene.review_all()
    assert scene.oracle.asked == []
    assert scene.row(matched).review_reason == NOBODY_ASKS


def test_a_criterion_that_was_renamed_still_has_its_wishes(scene: Scene, matched: str) -> None:
    change(scene, BUYS.name, name="Leads")
    scene.review_all()
    (case,) = scene.oracle.asked
    assert (case.guidance, case.threshold) == ("Buyers only.", 60)
    assert scene.row(matched).outcome == "confirmed"


def test_a_criterion_of_excluded_keywords_alone_is_shown_as_what_it_is(scene: Scene, matched: str) -> None:
    scene.review_all()
    (case,) = scene.oracle.asked
    assert "Complaint: nobody is looked for by this; whoever says “refund” does not count." in case.criteria
