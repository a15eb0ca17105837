"""Looking back: what was said before anybody asked is judged quietly, so that the figures are right."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from flask_crm_sync.models import CriterionRow, Qualification, Scan
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.store import Kept, add_criterion, change_criterion
from flask_crm_sync.sync import look_back as module
from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.connections import find_connection
from flask_crm_sync.sync.look_back import look_back
from flask_crm_sync.sync.reach import reach
from flask_crm_sync.sync.settings import catch_up_now, save_settings
from flask_crm_sync.sync.steps import JudgingStep
from flask_crm_sync.testing import FakeCRM
from tests.qualification.scene import BUYS, Scene
from tests.sync.dying import killed_at
from tests.sync.host_models import Conversation
from tests.sync.world import ACCOUNT


def choose(scene: Scene, **settings: object) -> None:
    known = find_connection(scene.world.sync, ACCOUNT, "hubspot").settings
    save_settings(scene.world.sync, ACCOUNT, "hubspot", replace(known, qualified_only=True, **settings))


def look(scene: Scene) -> None:
    while look_back(scene.world.sync):
        pass
    scene.look()


@pytest.fixture
def past(scene_anywhere: Scene) -> Scene:
    """Return a scene with two leads and somebody else of last week, whom nobody has judged; none of them was sent."""
    scene = scene_anywhere
    scene.connection(enabled=False)
    for said in ("I want to buy", "Hello", "I want to book"):
        scene.talk(said)
    scene.look()
    scene.world.clock.advance(hours=24 * 7)
    scene.connection(enabled=True)
    scene.criterion()
    return scene


def test_switching_to_qualified_clients_judges_the_last_month_and_says_who_qualifies(past: Scene) -> None:
    choose(past)
    look(past)
    found = reach(past.world.sync, ACCOUNT, past.world.connection_id, qualified_only=True)
    assert (found.qualified, found.missing) == (2, 2)


def test_what_was_found_looking_back_is_no_news_and_waits_for_catching_up(past: Scene, crm: FakeCRM) -> None:
    choose(past)
    look(past)
    assert past.news() == []
    assert past.world.operations() == []
    catch_up_now(past.world.sync, ACCOUNT, "hubspot")
    catch_up(past.world.sync)
    past.world.drain()
    assert len(crm.records) == 2


def test_a_message_that_comes_meanwhile_makes_it_news_again(past: Scene) -> None:
    choose(past)
    while look_back(past.world.sync):
        pass
    first = past.world.rows(Conversation)[0]
    past.world.say(str(first.id), "I still want to buy")
    past.look()
    assert past.news() == [("lead_qualified", str(first.id))]


def test_what_is_older_than_a_month_is_left(scene: Scene) -> None:
    scene.talk()
    scene.look()
    scene.criterion()
    scene.world.clock.advance(hours=24 * 31)
    choose(scene)
    look(scene)
    assert scene.world.rows(Qualification) == []


def test_another_set_looks_back_too_and_an_unchanged_one_does_not(scene: Scene) -> None:
    scene.criterion(replace(BUYS, set_name="sales"))
    scene.talk()
    scene.look()
    choose(scene, criteria_set="sales")
    look(scene)
    assert scene.row("1", "sales").status == "qualified"
    choose(scene, criteria_set="sales")
    assert scene.world.rows(Scan, Scan.name.startswith("judge")) == []


def test_other_accounts_conversations_are_left_alone(scene: Scene) -> None:
    scene.criterion()
    (theirs,) = scene.world.clients([{"email": "b@example.com"}], account="2")
    scene.world.conversation(theirs, "I want to buy", account="2")
    scene.look()
    choose(scene)
    look(scene)
    assert scene.world.rows(Qualification) == []


def test_what_was_found_looking_back_is_reviewed_only_when_somebody_writes_in_it_again(scene: Scene) -> None:
    _, conversation = scene.talk()
    scene.look()
    keep(scene)
    look(scene)
    assert (scene.status(conversation)[0], scene.due(conversation)) == ("qualified", None)
    scene.world.say(conversation, "Today, if I may")
    scene.look()
    assert scene.review_all() == 1


def test_a_lead_of_the_past_that_goes_on_talking_is_news_and_sent_at_once(scene_anywhere: Scene) -> None:
    scene = scene_anywhere
    scene.connection(qualified_only=True)
    client, conversation = scene.talk()
    scene.run()
    keep(scene)
    look(scene)
    scene.run()
    assert (scene.news(), scene.world.operations(client_id=client)) == ([], [])
    for said in ("Today, if I may", "Or tomorrow"):
        scene.world.say(conversation, said)
        scene.run()
    assert scene.news() == [("lead_qualified", conversation)]
    assert ("create_lead", "success", "") in scene.world.outcomes(client_id=client)
    assert scene.history(conversation) == [("rules", "pending", "qualified")]


def test_what_others_say_or_change_makes_a_lead_of_the_past_no_news(scene: Scene) -> None:
    client, conversation = scene.talk()
    scene.look()
    keep(scene)
    look(scene)
    scene.world.edit(client, city="Wels")
    scene.world.change_conversation(conversation, channel="email")
    scene.look()
    assert scene.news() == []
    scene.world.say(conversation, "Hello?")
    scene.look()
    assert scene.news() == [("lead_qualified", conversation)]


def test_looking_back_takes_no_review_away(scene: Scene) -> None:
    keep(scene, replace(BUYS, required=("buy", "boat"), mode="all", second_look=True))
    _, conversation = scene.talk("I want to buy")
    scene.look()
    due = scene.due(conversation)
    change_criterion(
        scene.world.sync, ACCOUNT, only(scene), replace(BUYS, required=("buy", "car"), mode="all", second_look=True)
    )
    look(scene)
    assert due is not None
    assert scene.due(conversation) == due


def test_other_accounts_conversations_cost_no_slices(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 2)
    (theirs,) = scene.world.clients([{"email": "b@example.com"}], account="2")
    for _ in range(5):
        scene.world.conversation(theirs, "I want to buy", account="2")
    _, ours = scene.talk()
    keep(scene)
    assert not look_back(scene.world.sync)
    scene.look()
    assert scene.status(ours)[0] == "qualified"


def test_it_goes_by_slices_and_a_death_loses_none(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 2)
    scene.world.conversations(scene.world.clients(5))
    scene.look()
    scene.criterion()
    choose(scene)
    assert look_back(scene.world.sync)
    with killed_at(JudgingStep.TO_JUDGE):
        look_back(scene.world.sync)
    look(scene)
    assert len(scene.world.rows(Qualification)) == 5
    assert scene.world.rows(Scan, Scan.name.startswith("judge")) == []


def keep(scene: Scene, criterion: Criterion = BUYS) -> Kept:
    return add_criterion(scene.world.sync, ACCOUNT, criterion)


def test_the_first_criterion_judges_the_last_month_quietly_and_a_second_one_does_not(scene: Scene) -> None:
    for said in ("I want to buy", "Hello"):
        scene.talk(said)
    scene.run()
    assert keep(scene).looks_back
    assert not keep(scene, replace(BUYS, name="Another")).looks_back
    look(scene)
    assert sorted(row.status for row in scene.world.rows(Qualification)) == ["pending", "qualified"]
    assert scene.news() == []


def test_the_only_criterion_looks_back_anew_when_it_changes_and_what_it_finds_then_is_no_news(
    scene_anywhere: Scene,
) -> None:
    scene = scene_anywhere
    keep(scene)
    (_, rents), (_, buys) = scene.talk("I want to rent"), scene.talk("I want to buy")
    scene.run()
    assert [scene.status(each)[0] for each in (rents, buys)] == ["pending", "qualified"]
    changed = change_criterion(scene.world.sync, ACCOUNT, only(scene), replace(BUYS, required=("rent",)))
    assert changed.looks_back
    look(scene)
    assert [scene.status(each)[0] for each in (rents, buys)] == ["qualified", "pending"]
    assert scene.news() == [("lead_qualified", buys)]


def test_what_somebody_says_while_the_criterion_changes_is_news(scene: Scene) -> None:
    keep(scene)
    _, rents = scene.talk("Hello")
    scene.look()
    scene.world.say(rents, "I want to rent")
    scene.world.fan_out()
    change_criterion(scene.world.sync, ACCOUNT, only(scene), replace(BUYS, required=("rent",)))
    look(scene)
    assert scene.news() == [("lead_qualified", rents)]


def only(scene: Scene) -> UUID:
    (row,) = scene.world.rows(CriterionRow)
    return UUID(str(row.id))


def test_a_criterion_that_is_off_looks_back_when_it_is_switched_on(scene: Scene) -> None:
    kept = keep(scene, replace(BUYS, enabled=False))
    assert not kept.looks_back
    assert change_criterion(scene.world.sync, ACCOUNT, str(kept.id), BUYS).looks_back


@pytest.mark.parametrize("is_named", [False, True])
def test_the_first_criterion_of_another_set_looks_back_where_a_connection_names_it(
    scene: Scene, is_named: bool
) -> None:
    if is_named:
        scene.connection(criteria_set="sales")
    assert keep(scene, replace(BUYS, set_name="sales")).looks_back == is_named


def test_beside_criteria_in_code_there_is_no_first_one(scene: Scene) -> None:
    assert not add_criterion(scene.world.sync, ACCOUNT, BUYS, in_code=[replace(BUYS, name="Code")]).looks_back
