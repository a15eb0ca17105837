"""A worker dies at each boundary of qualification, and another goes on: nothing is lost, nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from flask_crm_sync.sync.steps import JudgingStep
from flask_crm_sync.testing import FakeCRM
from tests.qualification.scene import Scene
from tests.sync.dying import killed_at
from tests.sync.world import World

REVIEWS = {step for step in JudgingStep if step.name.startswith("REVIEW")}


def finish(scene: Scene) -> None:
    """Go on as a fresh process, until nothing waits: marks that the dead left, reviews that they had in hand."""
    scene.world.restart()
    for _ in range(3):
        scene.look()
        scene.world.drain()
        scene.world.clock.advance(minutes=20)
    scene.review_all()
    scene.look()
    scene.world.run_until_done()


@pytest.mark.parametrize("step", list(JudgingStep))
@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mariadb"])
def test_a_worker_killed_at_any_boundary_loses_and_doubles_nothing(
    world_on: Callable[[str], World], crm: FakeCRM, database: str, step: JudgingStep
) -> None:
    scene = Scene(world_on(database))
    scene.criterion()
    scene.connection(qualified_only=True)
    talks = [scene.talk(f"I want to buy number {number}") for number in range(3)]
    scene.talk("Hello")
    if step in REVIEWS:
        scene.run()
        scene.world.clock.advance(hours=48)
    scene.oracle.says = "unqualified"
    with killed_at(step) as killed:
        scene.run()
        scene.review()
    assert killed()
    finish(scene)
    for _, conversation in talks:
        assert scene.status(conversation) == ("unqualified", True, "review")
        assert scene.history(conversation) == [
            ("rules", "pending", "qualified"),
            ("review", "qualified", "unqualified"),
        ]
        assert sorted(event for event, of in scene.news() if of == conversation) == ["lead_qualified", "review_changed"]
    assert len(crm.records) == 3
    assert scene.world.pending() == []
    assert not scene.waiting_changes()


def test_a_failed_judgement_table_takes_the_status_back_with_it(scene: Scene) -> None:
    """Status, history and the client's sync are one transaction."""
    scene.criterion()
    _, conversation = scene.talk()
    scene.world.fan_out()
    with scene.world.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE crm_sync_judgement RENAME TO gone"))
    try:
        with pytest.raises(sa.exc.OperationalError):
            scene.look()
        assert scene.row(conversation).status == "pending"
        assert not scene.waiting_changes()
    finally:
        with scene.world.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE gone RENAME TO crm_sync_judgement"))
    scene.world.clock.advance(minutes=2)
    scene.look()
    assert scene.status(conversation)[0] == "qualified"
