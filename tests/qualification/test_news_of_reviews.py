"""What a review finds, as the inbox of somebody who wants to hear of leads alone shows it, on each database."""

from __future__ import annotations

from flask_crm_sync.models.notice import LEAD_QUALIFIED
from flask_crm_sync.notifications.inbox import choose_events, inbox, unread
from flask_crm_sync.qualification.criteria import Criterion
from tests.qualification.scene import BUYS, Scene
from tests.sync.world import ACCOUNT


def test_a_lead_that_a_review_finds_is_in_the_inbox_for_leads_and_one_that_it_takes_back_is_not(
    scene_anywhere: Scene,
) -> None:
    scene, sync = scene_anywhere, scene_anywhere.world.sync
    scene.criterion(BUYS)
    _, qualified = scene.talk()
    scene.look()
    scene.oracle.says = "unqualified"
    scene.review_all()
    scene.world.say(qualified, "I do want to buy")
    scene.look()
    scene.oracle.says = "qualified"
    scene.review_all()
    assert [event for event, _ in scene.news()] == ["lead_qualified", "review_changed", "review_changed"]
    choose_events(sync, ACCOUNT, "7", [LEAD_QUALIFIED])
    assert len(inbox(sync, ACCOUNT, "7").news) == unread(sync, ACCOUNT, "7") == 2


def test_a_second_look_that_finds_no_lead_takes_none_back_and_is_no_news(scene: Scene) -> None:
    scene.criterion(Criterion("A", required=("buy", "today"), mode="all", second_look=True))
    _, conversation = scene.talk("I may buy")
    scene.look()
    scene.oracle.says = "unqualified"
    scene.review_all()
    assert scene.status(conversation) == ("unqualified", True, "review")
    assert scene.news() == []
