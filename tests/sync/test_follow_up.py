"""What follows in the CRM when a client qualifies, and what a person there has done before us."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.crm.base import RemoteField
from flask_crm_sync.errors import InvalidRecord
from flask_crm_sync.qualification import schedule
from flask_crm_sync.sync.follow_ups import FollowUp, FollowUps
from flask_crm_sync.testing import FakeCRM
from tests.qualification.scene import Scene
from tests.sync.world import FakeClock, World

STAGES = ("New", "Working", "Qualified", "Lost")
STATUS = RemoteField("status", "Status", "choice", options=tuple((one, one) for one in STAGES), default="New")
TAGS = RemoteField("tags", "Tags", "choices", options=(("hot", "Hot"), ("cold", "Cold"), ("vip", "VIP")))
CHOSEN = FollowUps(
    STATUS,
    TAGS,
    {
        "provisional": FollowUp(note=True, status="Working", tag="hot"),
        "confirmed": FollowUp(status="Qualified"),
        "downgraded": FollowUp(note=True, status="Lost", tag="cold"),
    },
)


@pytest.fixture
def crm() -> FakeCRM:
    return FakeCRM(schema=(STATUS, TAGS))


@pytest.fixture
def scene(world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a host whose connection has chosen what follows."""
    monkeypatch.setattr(schedule, "SQL", schedule.Statements.by(clock.column()))
    made = Scene(world)
    made.criterion()
    choose(made)
    return made


def choose(scene: Scene, chosen: FollowUps = CHOSEN) -> None:
    scene.connection(follow_ups=chosen.to_json())


def told(scene: Scene, client: str) -> dict[str, Any]:
    details = scene.world.last(client).details
    return dict(details or {})


def record(crm: FakeCRM) -> Any:
    (found,) = crm.records.values()
    return found


def test_new_lead_goes_with_its_status_tag_and_note(scene: Scene, crm: FakeCRM) -> None:
    scene.talk()
    scene.run()
    scene.world.drain()
    assert record(crm).values["status"] == "Working"
    assert record(crm).values["tags"] == "hot"
    (note,) = crm.notes.values()
    assert note.subject == "Qualified lead (provisional)"
    assert "by the criterion “Wants to buy”, because: " in note.body


def test_it_is_the_same_on_every_database(
    anywhere: World, crm: FakeCRM, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "SQL", schedule.Statements.by(clock.column()))
    scene = Scene(anywhere)
    scene.criterion()
    choose(scene)
    _, conversation = scene.talk()
    scene.run()
    scene.override(conversation, "unqualified")
    scene.world.run_until_done()
    assert (record(crm).values["status"], record(crm).values["tags"]) == ("Lost", "hot;cold")
    assert "No longer a qualified lead" in {note.subject for note in crm.notes.values()}


def test_client_without_an_outcome_goes_without_and_keeps_the_first_stage(scene: Scene, crm: FakeCRM) -> None:
    scene.talk("Hello")
    scene.run()
    assert record(crm).values["status"] == "New"
    assert record(crm).values["tags"] == ""
    assert crm.notes == {}


def test_stage_that_the_crm_gave_itself_moves_when_the_client_qualifies_later(scene: Scene, crm: FakeCRM) -> None:
    client, conversation = scene.talk("Hello")
    scene.run()
    scene.world.say(conversation, "I want to buy")
    scene.run()
    assert record(crm).values["status"] == "Working"
    assert scene.world.last(client).lane == 0


def test_confirmation_goes_out_at_once_though_the_conversation_was_qualified_before(scene: Scene, crm: FakeCRM) -> None:
    client, _ = scene.talk()
    scene.run()
    scene.review_all()
    assert scene.world.last(client).lane == 0
    scene.world.drain()
    assert record(crm).values["status"] == "Qualified"
    assert record(crm).values["tags"] == "hot"


def test_confirmation_owes_nothing_where_nothing_follows(scene: Scene) -> None:
    choose(scene, FollowUps())
    client, _ = scene.talk()
    scene.run()
    scene.review_all()
    assert [op.kind for op in scene.world.operations(subject_id=client, subject_type="client")] == ["create_lead"]


def test_confirmation_from_which_only_a_note_follows_owes_the_note_alone(scene: Scene, crm: FakeCRM) -> None:
    choose(scene, FollowUps(by_outcome={"confirmed": FollowUp(note=True)}))
    client, _ = scene.talk()
    scene.run()
    scene.review_all()
    scene.world.drain()
    assert [op.kind for op in scene.world.operations(subject_id=client, subject_type="client")] == ["create_lead"]
    assert [note.subject for note in crm.notes.values() if note.subject != "chat"] == ["Qualified lead (confirmed)"]


def test_stage_that_a_person_moved_is_left_and_the_log_says_so(scene: Scene, crm: FakeCRM) -> None:
    client, _ = scene.talk()
    scene.run()
    crm.edit(record(crm).id, status="Lost")
    scene.review_all()
    scene.world.drain()
    assert record(crm).values["status"] == "Lost"
    assert told(scene, client)["left"] == {"status": "moved by somebody"}


def test_stage_of_a_record_that_was_there_before_us_is_left(scene: Scene, crm: FakeCRM) -> None:
    crm.add(email="ada@example.com", status="Qualified", tags="vip")
    client = scene.world.client("Ada", email="ada@example.com")
    scene.talk(client=client)
    scene.run()
    scene.world.drain()
    assert record(crm).values["status"] == "Qualified"
    assert record(crm).values["tags"] == "vip;hot"


def test_downgrade_of_the_only_qualifying_conversation_is_told_and_then_updates_stop(
    scene: Scene, crm: FakeCRM
) -> None:
    scene.connection(qualified_only=True)
    client, _ = scene.talk()
    scene.run()
    scene.oracle.says = "unqualified"
    scene.review_all()
    scene.world.drain()
    scene.world.drain()
    assert record(crm).values["status"] == "Lost"
    assert record(crm).values["tags"] == "hot;cold"
    assert "No longer a qualified lead" in {note.subject for note in crm.notes.values()}
    scene.world.edit(client, city="Linz")
    scene.world.run_until_done()
    assert record(crm).values["city"] == ""
    assert scene.world.last(client).reason == "no_longer_qualified"


def test_another_qualifying_conversation_keeps_the_client_qualified(scene: Scene, crm: FakeCRM) -> None:
    client, first = scene.talk()
    scene.talk("I want to book as well", client=client)
    scene.run()
    scene.override(first, "unqualified")
    scene.world.drain()
    assert record(crm).values["status"] == "Working"


def test_note_is_written_once_however_often_the_outcome_is_found(scene: Scene, crm: FakeCRM) -> None:
    _, conversation = scene.talk()
    scene.run()
    scene.world.drain()
    scene.override(conversation, "unqualified")
    scene.world.drain()
    scene.override(conversation, "qualified")
    scene.world.drain()
    scene.override(conversation, "unqualified")
    scene.world.run_until_done()
    subjects = [note.subject for note in crm.notes.values() if note.subject != "chat"]
    assert subjects == ["Qualified lead (provisional)", "No longer a qualified lead"]


def test_note_of_an_outcome_that_is_another_one_by_now_is_not_written(scene: Scene, crm: FakeCRM) -> None:
    _, conversation = scene.talk()
    scene.look()
    scene.override(conversation, "qualified")
    scene.world.drain()
    scene.world.drain()
    assert crm.notes == {}
    assert ("add_note", "skipped", "superseded") in scene.world.outcomes()


def test_notes_off_means_these_too(scene: Scene, crm: FakeCRM) -> None:
    scene.connection(sync_notes=False)
    scene.talk()
    scene.run()
    scene.world.drain()
    assert crm.notes == {}
    assert record(crm).values["status"] == "Working"


def test_status_that_the_crm_refuses_holds_nobody_back(scene: Scene, crm: FakeCRM) -> None:
    client, _ = scene.talk()
    refusal = InvalidRecord("no such option", fields={"status": "no such option"})
    crm.fail("upsert", refusal, only=lambda write: "status" in write.values)
    scene.run()
    assert record(crm).values["status"] == "New"
    assert record(crm).values["tags"] == "hot"
    assert told(scene, client)["left"] == {"status": "the CRM does not take this value"}


def test_choice_that_is_taken_back_leaves_the_crm_as_it_is(scene: Scene, crm: FakeCRM) -> None:
    client, _ = scene.talk()
    scene.run()
    choose(scene, FollowUps())
    scene.world.edit(client, city="Linz")
    scene.world.run_until_done()
    assert record(crm).values["status"] == "Working"
    assert record(crm).values["city"] == "Linz"
