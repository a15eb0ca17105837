"""A person decides, and the history tells of it."""

from __future__ import annotations

import pytest

from flask_crm_sync.qualification.history import history, standings_of
from flask_crm_sync.qualification.override import OverrideInvalid, override
from flask_crm_sync.sync.audit import trail
from flask_crm_sync.sync.refusals import NotFound
from tests.qualification.scene import Scene
from tests.sync.world import ACCOUNT


def decide(
    scene: Scene, conversation: str, status: str = "qualified", reason: str = "I know them", **more: str
) -> None:
    given = {"account_id": ACCOUNT, "set_name": "default", "by": "7", **more}
    override(scene.world.sync, conversation_id=conversation, status=status, reason=reason, **given)


def test_a_person_qualifies_a_conversation_that_nobody_has_judged(scene: Scene) -> None:
    client, conversation = scene.talk("Hello")
    decide(scene, conversation)
    assert scene.status(conversation) == ("qualified", True, "person")
    assert scene.row(conversation).client_id == client
    assert scene.news() == [("lead_qualified", conversation)]


def test_nothing_automatic_changes_what_a_person_decided(scene: Scene) -> None:
    scene.criterion()
    _, conversation = scene.talk()
    scene.look()
    decide(scene, conversation, "unqualified")
    scene.world.say(conversation, "I want to buy, I want to book")
    scene.look()
    assert scene.review_all() == 0
    assert scene.status(conversation) == ("unqualified", True, "person")


def test_the_history_says_who_when_why_and_by_which_version(scene: Scene) -> None:
    scene.criterion()
    _, conversation = scene.talk()
    scene.look()
    scene.world.clock.advance(hours=1)
    decide(scene, conversation, "unqualified", "A competitor")
    person, rules = history(scene.world.sync, ACCOUNT, conversation)
    assert (person.decided_by, person.user_id, person.reason) == ("person", "7", "A competitor")
    assert person.at == scene.world.clock.now()
    assert (rules.decided_by, rules.criterion_name, rules.criterion_version) == ("rules", "Wants to buy", 1)
    assert "buy" in rules.reason
    deed, *_ = trail(scene.world.sync, ACCOUNT).deeds
    assert (deed.action, deed.user_id, deed.subject_id) == ("override", "7", conversation)
    assert deed.before == {"qualification": "qualified"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"status": "great"}, "status"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"set_name": ""}, "set"),
    ],
)
def test_what_is_no_decision_is_said_at_its_field(scene: Scene, given: dict[str, str], field: str) -> None:
    _, conversation = scene.talk()
    with pytest.raises(OverrideInvalid) as caught:
        decide(scene, conversation, **given)
    assert caught.value.field == field


@pytest.mark.parametrize("account", ["2", "nonsense"])
def test_another_accounts_conversation_is_not_there(scene: Scene, account: str) -> None:
    scene.criterion()
    _, conversation = scene.talk()
    scene.look()
    with pytest.raises(NotFound):
        decide(scene, conversation, account_id=account)
    with scene.world.sync.database.read() as connection:
        assert standings_of(connection, account, [conversation]) == {}
    assert history(scene.world.sync, account, conversation) == []


def test_the_history_of_a_former_conversation_is_not_the_new_ones(scene: Scene) -> None:
    scene.criterion()
    client, conversation = scene.talk()
    scene.look()
    scene.world.clock.advance(minutes=1)
    scene.world.remove_conversation(conversation)
    scene.world.conversation(client, "Hello", id=int(conversation), status="open")
    scene.look()
    assert [turn.at for turn in history(scene.world.sync, ACCOUNT, conversation)] == [scene.world.clock.now()]
