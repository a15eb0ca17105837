"""Stage one: the rules look at each message, and what they say is followed by sync, news and a review."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Qualification
from flask_crm_sync.qualification import judging
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.judging import judge
from tests.qualification.scene import BUYS, Scene
from tests.sync.dying import listening
from tests.sync.host_models import Message
from tests.sync.test_cost import counted

PENDING, QUALIFIED, UNQUALIFIED = (
    ("pending", False, "rules"),
    ("qualified", False, "rules"),
    ("unqualified", False, "rules"),
)


def test_a_message_that_matches_makes_the_conversation_provisionally_qualified(scene: Scene) -> None:
    scene.criterion()
    client, conversation = scene.talk("Hello", "I want to BUY it")
    found = scene.look()
    assert scene.status(conversation) == QUALIFIED
    assert [(move.before, move.after, move.client_id) for move in found.moves] == [("pending", "qualified", client)]
    row = scene.row(conversation)
    assert (row.criterion_name, row.criterion_version, row.judge_at) == ("Wants to buy", 1, None)
    assert row.ever_qualified_at == scene.world.clock.now()


def test_without_criteria_nothing_is_judged(scene: Scene) -> None:
    scene.talk()
    assert scene.look().judged == 0


def test_criteria_of_another_account_judge_nobody_here(scene: Scene) -> None:
    scene.criterion(account="2")
    scene.talk()
    assert scene.look().judged == 0


def test_criteria_in_code_judge_everybody(scene: Scene) -> None:
    scene.give_in_code(BUYS)
    _, conversation = scene.talk()
    scene.look()
    assert scene.status(conversation) == QUALIFIED


def test_what_does_not_match_is_pending_and_has_no_history(scene: Scene) -> None:
    scene.criterion()
    _, conversation = scene.talk("Hello there")
    scene.look()
    assert scene.status(conversation) == PENDING
    assert scene.history(conversation) == []
    assert scene.due(conversation) is None


def test_a_later_message_qualifies_and_a_later_excluded_word_withdraws_it(scene: Scene) -> None:
    scene.criterion()
    _, conversation = scene.talk("Hello there")
    scene.look()
    scene.world.say(conversation, "I would like to book")
    scene.look()
    assert scene.status(conversation) == QUALIFIED
    assert scene.due(conversation) is not None
    scene.world.say(conversation, "Please cancel")
    scene.look()
    assert scene.status(conversation) == UNQUALIFIED
    assert scene.due(conversation) is None
    assert scene.history(conversation) == [("rules", "pending", "qualified"), ("rules", "qualified", "unqualified")]


def test_what_agents_say_counts_only_where_the_criterion_wants_it(scene: Scene) -> None:
    scene.criterion()
    _, conversation = scene.talk("Hello")
    scene.world.say(conversation, "Do you want to buy?", sender="agent")
    scene.look()
    assert scene.status(conversation) == PENDING


def test_a_long_conversation_is_read_whole(scene: Scene) -> None:
    """The word stands where a note's extract would not look."""
    scene.criterion()
    words = ["So so"] * 120
    words[40] = "I want to buy"
    _, conversation = scene.talk(*words)
    scene.look()
    assert scene.status(conversation) == QUALIFIED


def test_a_test_conversation_is_judged_by_nobody(scene: Scene) -> None:
    scene.criterion()
    scene.talk(is_test=True)
    assert scene.look().judged == 0


def test_a_contact_detail_that_comes_later_qualifies(scene: Scene) -> None:
    scene.criterion(Criterion("Buys, with a number", required=("buy",), contact_fields=("phone",)))
    client, conversation = scene.talk()
    scene.look()
    assert scene.status(conversation) == PENDING
    scene.world.edit(client, phone="+43 1 5550100")
    scene.look()
    assert scene.status(conversation) == QUALIFIED


def test_a_qualified_lead_goes_at_once_and_people_are_told_once(scene: Scene) -> None:
    scene.criterion()
    client, conversation = scene.talk()
    scene.run()
    assert scene.world.link(client).state == "active"
    assert scene.news() == [("lead_qualified", conversation)]
    scene.world.say(conversation, "And I want to buy the red one too")
    scene.run()
    assert scene.news() == [("lead_qualified", conversation)]


def test_an_update_of_a_client_that_qualifies_does_not_wait_for_its_round(scene: Scene) -> None:
    scene.criterion()
    client, conversation = scene.talk("Hello")
    scene.run()
    scene.world.edit(client, city="Graz")
    scene.look()
    assert scene.world.last(client).lane == 1
    scene.world.say(conversation, "I want to buy")
    scene.look()
    assert (scene.world.last(client).lane, scene.world.last(client).due_at) == (0, scene.world.clock.now())


def test_only_sets_in_use_judge(scene: Scene) -> None:
    scene.criterion()
    scene.criterion(Criterion("Big deals", set_name="big", required=("million",)))
    _, conversation = scene.talk("I want to buy a million")
    scene.look()
    assert len(scene.world.rows(Qualification)) == 1
    scene.connection(criteria_set="big")
    scene.world.clock.advance(1)
    scene.world.say(conversation, "Really")
    scene.look()
    assert scene.row(conversation, "big").status == "qualified"
    assert [event for event, _ in scene.news()] == ["lead_qualified", "lead_qualified"]


def test_two_sets_that_say_the_same_at_once_are_one_piece_of_news(scene: Scene) -> None:
    scene.criterion()
    scene.criterion(Criterion("Buys", set_name="sales", required=("buy",)))
    scene.connection(criteria_set="sales")
    scene.talk()
    scene.look()
    assert len(scene.news()) == 1


def test_a_message_in_the_middle_of_judging_brings_the_conversation_up_again(scene: Scene, once_loaded) -> None:
    """Whoever judged it without that message must not take the mark away."""
    scene.criterion()
    _, conversation = scene.talk("Hello")
    scene.world.fan_out()

    def interrupt() -> None:
        scene.world.say(conversation, "I want to buy")
        scene.world.fan_out()

    with once_loaded(interrupt):
        judge(scene.world.sync)
    scene.look()
    assert scene.status(conversation) == QUALIFIED


def test_a_person_who_decides_in_the_middle_of_judging_is_heeded(scene: Scene, once_loaded) -> None:
    scene.criterion()
    _, conversation = scene.talk()
    scene.world.fan_out()
    with once_loaded(lambda: scene.override(conversation, "unqualified")):
        judge(scene.world.sync)
    assert scene.status(conversation) == ("unqualified", True, "person")


def test_rules_that_fail_on_a_conversation_do_not_stop_the_others(scene: Scene, monkeypatch, caplog) -> None:
    scene.criterion()
    _, bad = scene.talk("poison")
    _, good = scene.talk()
    real = judging.Rules.judge

    def failing(self, conversation, client=None):
        if conversation.id == bad:
            raise ZeroDivisionError
        return real(self, conversation, client)

    monkeypatch.setattr(judging.Rules, "judge", failing)
    scene.look()
    assert scene.status(good) == QUALIFIED
    assert scene.row(bad).judge_at > scene.world.clock.now()
    monkeypatch.undo()
    scene.world.clock.advance(minutes=11)
    judge(scene.world.sync)
    assert scene.status(bad) == PENDING


def test_a_conversation_that_is_deleted_is_judged_and_reviewed_no_more(scene: Scene) -> None:
    scene.criterion()
    _, conversation = scene.talk()
    scene.look()
    scene.world.remove_conversation(conversation)
    scene.look()
    assert scene.status(conversation) == QUALIFIED
    assert scene.due(conversation) is None
    assert scene.review_all() == 0


def test_a_conversation_that_moves_to_another_client_takes_its_standing_along(scene: Scene) -> None:
    scene.criterion()
    scene.connection(qualified_only=True)
    first, conversation = scene.talk()
    scene.run()
    second = scene.world.client("Bea", email="bea@example.com")
    scene.world.change_conversation(conversation, client_id=int(second))
    scene.run()
    assert scene.row(conversation).client_id == second
    assert scene.world.link(second).state == "active"
    scene.world.edit(first, city="Linz")
    scene.world.clock.advance(hours=2)
    scene.run()
    assert scene.world.last(first).reason in {"not_qualified", ""}


def test_a_key_that_goes_to_another_conversation_starts_afresh(scene: Scene) -> None:
    scene.criterion()
    client, conversation = scene.talk()
    scene.look()
    scene.world.clock.advance(minutes=1)
    scene.world.remove_conversation(conversation)
    with scene.world.engine.begin() as connection:
        connection.execute(sa.delete(Message))
    again = scene.world.conversation(client, "Hello", id=int(conversation), status="open")
    assert again == conversation
    scene.look()
    assert scene.status(conversation) == PENDING


def test_judging_a_batch_costs_as_many_statements_as_judging_two(scene: Scene) -> None:
    scene.criterion()

    def cost(number: int) -> int:
        clients = [scene.world.client("Ada", email=f"{number}-{n}@example.com") for n in range(number)]
        for client in clients:
            scene.talk("Hello", client=client)
        scene.world.fan_out()
        with counted(scene.world.engine) as count:
            judge(scene.world.sync)
        return count["statements"]

    cost(1)
    assert cost(2) == cost(40)


def test_reviews_are_spread_evenly_between_the_hours(scene: Scene) -> None:
    scene.criterion()
    scene.world.conversations(scene.world.clients(200))
    scene.look()
    now = scene.world.clock.now()
    hours = sorted((row.review_at - now) / timedelta(hours=1) for row in scene.world.rows(Qualification))
    assert 24 <= hours[0] < hours[-1] <= 48
    quarters = [sum(start <= hour < start + 6 for hour in hours) for start in (24, 30, 36, 42)]
    assert all(25 <= quarter <= 80 for quarter in quarters)


@pytest.mark.parametrize(("criterion", "said", "owed"), [
    (Criterion("A", required=("buy",)), "buy", True),
    (Criterion("A", required=("buy",), review=False), "buy", False),
    (Criterion("A", required=("buy", "now"), mode="all", second_look=True), "buy", True),
    (Criterion("A", required=("buy", "now"), mode="all"), "buy", False),
])  # fmt: skip
def test_a_review_is_owed_for_what_is_provisional_or_worth_a_second_look(scene: Scene, criterion, said, owed) -> None:
    scene.criterion(criterion)
    _, conversation = scene.talk(said)
    scene.look()
    assert (scene.due(conversation) is not None) == owed


def test_a_lead_under_two_sets_is_told_once_though_they_are_judged_apart(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.connection(criteria_set="sales")
    scene.criterion()
    scene.criterion(replace(BUYS, set_name="sales"))
    monkeypatch.setattr(judging, "BATCH", 1)
    monkeypatch.setattr(judging, "_CLAIM", judging._CLAIM.limit(1))
    _, conversation = scene.talk()
    scene.world.fan_out()
    with listening(lambda _step: scene.world.clock.advance(1)):
        scene.look()
    assert [scene.row(conversation, name).status for name in ("default", "sales")] == ["qualified", "qualified"]
    assert scene.news() == [("lead_qualified", conversation)]


def test_another_client_who_says_the_same_under_a_key_used_before_is_news(scene: Scene) -> None:
    scene.criterion()
    _, conversation = scene.talk()
    scene.look()
    scene.world.remove_conversation(conversation)
    scene.look()
    scene.world.clock.advance(minutes=1)
    _, again = scene.talk()
    scene.look()
    assert again == conversation
    assert scene.news() == [("lead_qualified", conversation)] * 2
