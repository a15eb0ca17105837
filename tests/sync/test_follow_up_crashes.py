"""A worker dies at every step boundary while something follows from a qualification: each of it is there once."""

from __future__ import annotations

import pytest

from flask_crm_sync.errors import OutcomeUnknown
from flask_crm_sync.qualification import schedule
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.qualification.scene import Scene
from tests.sync.dying import killed_at
from tests.sync.test_follow_up import CHOSEN, STATUS, TAGS, choose
from tests.sync.world import FakeClock, World


@pytest.fixture
def crm() -> FakeCRM:
    return FakeCRM(schema=(STATUS, TAGS))


@pytest.fixture
def scene(world: World, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(schedule, "SQL", schedule.Statements.by(clock.column()))
    made = Scene(world)
    made.criterion()
    choose(made)
    return made


def finish(scene: Scene) -> None:
    scene.world.restart()
    scene.look()
    scene.world.run_until_done()


def check(crm: FakeCRM, status: str, tags: str, *subjects: str) -> None:
    (record,) = crm.records.values()
    assert (record.values["status"], record.values["tags"]) == (status, tags)
    assert sorted(note.subject for note in crm.notes.values() if note.subject != "chat") == sorted(subjects)


@pytest.mark.parametrize("occurrence", [1, 2, 3])
@pytest.mark.parametrize("step", list(Step))
def test_death_while_a_lead_qualifies_loses_and_doubles_nothing(
    scene: Scene, crm: FakeCRM, step: Step, occurrence: int
) -> None:
    assert CHOSEN.of("provisional").note
    scene.talk()
    with killed_at(step, occurrence):
        scene.look()
        scene.world.run_until_done()
    finish(scene)
    check(crm, "Working", "hot", "Qualified lead (provisional)")


@pytest.mark.parametrize("step", list(Step))
def test_death_while_the_last_update_goes_out_still_brings_it(scene: Scene, crm: FakeCRM, step: Step) -> None:
    """Under "qualified only" that is the update after which nothing more goes."""
    scene.connection(qualified_only=True)
    client, conversation = scene.talk()
    scene.look()
    scene.world.run_until_done()
    with killed_at(step):
        scene.override(conversation, "unqualified")
        scene.world.run_until_done()
    finish(scene)
    check(crm, "Lost", "hot;cold", "Qualified lead (provisional)", "No longer a qualified lead")
    scene.world.edit(client, city="Linz")
    finish(scene)
    assert next(iter(crm.records.values())).values["city"] == ""


@pytest.mark.parametrize("call", ["upsert", "add_notes"])
def test_lost_reply_doubles_neither_tag_nor_note_and_is_no_persons_stage(scene: Scene, crm: FakeCRM, call: str) -> None:
    crm.fail(call, OutcomeUnknown(), after=True)
    _, conversation = scene.talk()
    scene.look()
    scene.world.run_until_done()
    scene.override(conversation, "qualified")
    finish(scene)
    check(crm, "Qualified", "hot", "Qualified lead (provisional)")


def test_outcome_that_changes_while_a_reply_is_lost_still_moves_the_stage(scene: Scene, crm: FakeCRM) -> None:
    _, conversation = scene.talk()
    crm.fail("upsert", OutcomeUnknown(), after=True)
    scene.run()
    scene.override(conversation, "qualified")
    finish(scene)
    check(crm, "Qualified", "hot")
