"""Qualified only: a connection takes clients of whom a conversation qualifies, and all their notes."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_crm_sync.errors import OutcomeUnknown
from flask_crm_sync.models import Qualification
from flask_crm_sync.models.criterion import DEFAULT_SET
from flask_crm_sync.testing import FakeCRM
from tests.qualification.scene import Scene
from tests.sync.test_cost import counted


@pytest.fixture
def choosy(scene: Scene) -> Scene:
    """Return a scene whose connection takes qualified clients only."""
    scene.criterion()
    scene.connection(qualified_only=True)
    return scene


def sent(crm: FakeCRM) -> set[str]:
    return {record.values["email"] for record in crm.records.values()}


def test_only_clients_that_qualify_reach_the_crm(choosy: Scene, crm: FakeCRM) -> None:
    plain, _ = choosy.talk("Hello")
    lead, _ = choosy.talk("I want to buy")
    choosy.run()
    assert choosy.world.operations(client_id=plain) == []
    assert choosy.world.outcomes(client_id=lead)[0] == ("create_lead", "success", "")
    assert len(crm.records) == 1


def test_what_a_client_was_in_the_account_that_it_left_counts_in_no_other(choosy: Scene, crm: FakeCRM) -> None:
    lead, _ = choosy.talk("I want to buy")
    choosy.look()
    with choosy.world.engine.begin() as database:
        database.execute(sa.update(Qualification).values(account_id="9"))
    choosy.world.edit(lead, city="Graz")
    choosy.world.run()
    assert crm.records == {}


def test_a_client_goes_at_once_when_a_person_says_so(choosy: Scene) -> None:
    client, conversation = choosy.talk("Hello")
    choosy.run()
    choosy.override(conversation, "qualified")
    choosy.world.drain()
    assert choosy.world.link(client).state == "active"


def test_all_notes_of_a_client_go_when_it_qualifies_past_ones_too(choosy: Scene, crm: FakeCRM) -> None:
    client, _ = choosy.talk("Hello, first time", status="closed")
    choosy.talk("Second time", client=client, status="closed")
    choosy.run()
    assert crm.notes == {}
    choosy.talk("Now I want to buy", client=client, status="closed")
    choosy.run()
    choosy.run()
    assert len(crm.notes) == 3


def test_notes_of_clients_that_do_not_qualify_are_not_owed(choosy: Scene) -> None:
    client, _ = choosy.talk("Hello", status="closed")
    choosy.run()
    assert choosy.world.operations(client_id=client) == []


def test_a_note_that_was_written_is_not_owed_again_when_another_conversation_qualifies(
    choosy: Scene, crm: FakeCRM
) -> None:
    client, first = choosy.talk(status="closed")
    choosy.run()
    choosy.run()
    choosy.talk("I want to book as well", client=client, status="closed")
    choosy.run()
    choosy.run()
    assert len(crm.notes) == 2
    assert len(choosy.world.operations(subject_id=first, kind="add_note")) == 1


def test_after_a_downgrade_one_last_update_goes_and_then_none_until_it_qualifies_again(choosy: Scene) -> None:
    client, conversation = choosy.talk()
    choosy.run()
    choosy.oracle.says = "unqualified"
    choosy.review_all()
    choosy.world.drain()
    assert [op.status for op in choosy.world.operations(subject_id=client, subject_type="client")] == [
        "success",
        "success",
    ]
    choosy.world.edit(client, city="Graz")
    choosy.world.run_until_done()
    last = choosy.world.last(client)
    assert (last.status, last.reason) == ("skipped", "no_longer_qualified")
    assert choosy.world.link(client).state == "active"
    choosy.override(conversation, "qualified")
    choosy.world.drain()
    assert choosy.world.last(client).status == "success"


def test_an_edit_together_with_the_downgrade_goes_with_the_last_update(choosy: Scene, crm: FakeCRM) -> None:
    client, _ = choosy.talk()
    choosy.run()
    choosy.world.edit(client, city="Wels")
    choosy.oracle.says = "unqualified"
    choosy.review_all()
    choosy.world.drain()
    assert next(iter(crm.records.values())).values["city"] == "Wels"


def test_the_last_update_survives_a_crm_that_is_down(choosy: Scene, crm: FakeCRM) -> None:
    client, _ = choosy.talk()
    choosy.run()
    choosy.world.edit(client, city="Wels")
    choosy.oracle.says = "unqualified"
    choosy.world.clock.advance(hours=49)
    choosy.connection(paused=True)
    choosy.review()
    choosy.world.drain()
    choosy.world.clock.advance(hours=5)
    choosy.connection(paused=False)
    choosy.world.drain()
    assert next(iter(crm.records.values())).values["city"] == "Wels"
    assert choosy.world.last(client).status == "success"


def test_another_qualified_conversation_keeps_the_client(choosy: Scene) -> None:
    client, first = choosy.talk()
    choosy.talk("I want to book", client=client)
    choosy.run()
    choosy.override(first, "unqualified")
    choosy.world.drain()
    choosy.world.edit(client, city="Graz")
    choosy.world.run_until_done()
    assert choosy.world.last(client).status == "success"


def test_a_client_that_was_downgraded_before_it_was_sent_is_not_made_by_a_later_edit(choosy: Scene) -> None:
    choosy.connection(enabled=False)
    client, conversation = choosy.talk()
    choosy.run()
    choosy.override(conversation, "unqualified")
    choosy.connection(enabled=True)
    choosy.world.edit(client, city="Graz")
    choosy.run()
    assert choosy.world.operations(client_id=client) == []


def test_what_waits_for_an_unqualified_client_is_skipped_when_its_turn_comes(scene: Scene) -> None:
    scene.criterion()
    client, _ = scene.talk("Hello")
    scene.look()
    scene.connection(qualified_only=True)
    scene.world.drain()
    assert scene.world.outcomes(subject_id=client, subject_type="client") == [
        ("create_lead", "skipped", "not_qualified")
    ]


def test_an_unanswered_write_is_brought_to_its_end_whoever_it_concerns(scene: Scene, crm: FakeCRM) -> None:
    scene.criterion()
    client, _ = scene.talk("Hello")
    scene.look()
    crm.fail("upsert", OutcomeUnknown(), after=True)
    scene.world.drain()
    scene.connection(qualified_only=True)
    scene.world.run_until_done()
    assert len(crm.records) == 1
    assert scene.world.link(client).state == "active"


def test_a_set_of_its_own_decides_for_a_connection(scene: Scene) -> None:
    scene.criterion()
    scene.connection(qualified_only=True, criteria_set="none")
    client, _ = scene.talk()
    scene.run()
    assert scene.row_count(DEFAULT_SET) == 1
    assert scene.world.operations(client_id=client) == []


def test_another_accounts_standing_opens_no_gate(choosy: Scene) -> None:
    choosy.criterion(account="2")
    plain, _ = choosy.talk("Hello")
    (theirs,) = choosy.world.clients([{"email": "b@example.com"}], account="2")
    choosy.world.conversation(theirs, "I want to buy", account="2")
    choosy.run()
    assert choosy.world.operations(client_id=plain) == []


def test_the_gate_costs_one_question_a_batch(choosy: Scene) -> None:
    def cost(number: int) -> int:
        clients = [choosy.world.client("Ada", email=f"{number}-{n}@example.com") for n in range(number)]
        choosy.world.conversations(clients)
        choosy.look()
        choosy.world.drain()
        for client in clients:
            choosy.world.edit(client, city=f"City {number}")
        with counted(choosy.world.engine) as count:
            choosy.world.fan_out()
        return count["statements"]

    cost(1)
    assert cost(2) == cost(40)
