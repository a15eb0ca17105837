"""A worker dies at every step boundary, and another one goes on: nothing is lost, nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from flask_crm_sync.config import Settings
from flask_crm_sync.crm.hubspot import HubSpotAdapter
from flask_crm_sync.sync.steps import Step
from tests.sync.conftest import Portal
from tests.sync.dying import killed_at
from tests.sync.world import FakeClock, World

PEOPLE = 4
WORK = ["new clients", "edited clients", "notes"]
DATABASES = ["sqlite", "postgresql", "mariadb"]


@dataclass
class Scene:
    """A host, its portal, and what must be there in the end: values by e-mail, and a piece of each note's text."""

    world: World
    portal: Portal
    ids: list[str] = field(default_factory=list)
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def set_up(self, work: str) -> None:
        """Come to the point where the work of the test is all that is owed."""
        for number in range(PEOPLE):
            email = f"person{number}@example.com"
            self.ids.append(self.world.client(f"First{number}", email=email, city="Graz"))
            self.people[email] = {"firstname": f"First{number}", "city": "Graz"}
        if work != "new clients":
            self.world.run_until_done()
        if work == "edited clients":
            self.edit_all("Linz")
        if work == "notes":
            self.talk_all()

    def edit_all(self, city: str) -> None:
        self.world.edit_all(self.ids, city=city)
        for expected in self.people.values():
            expected["city"] = city

    def talk_all(self) -> None:
        for id, email in zip(self.ids, self.people, strict=True):
            self.world.conversation(id, f"a question of {email}")
            self.notes[email] = f"a question of {email}"

    def check(self) -> None:
        """Compare the portal with what must be there, and see that nothing waits any more."""
        assert self.world.pending() == []
        found = self.portal.rows()
        assert sorted(row["properties"]["email"] for row in found) == sorted(self.people)
        for row in found:
            expected = self.people[row["properties"]["email"]]
            assert {name: row["properties"].get(name) for name in expected} == expected
        notes = {row["contacts"][0]: row["properties"]["hs_note_body"] for row in self.portal.notes()}
        assert len(notes) == len(self.portal.notes()) == len(self.notes)
        for email, text in self.notes.items():
            assert text in notes[self.portal.person(email)["id"]]


@pytest.fixture
def new_scene(
    request: pytest.FixtureRequest,
    engine_of: Callable[[str], sa.Engine],
    clock: FakeClock,
    wire_settings: Settings,
    new_portal: Callable[..., Portal],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Scene]:
    """Return what sets a fresh scene on a kind of database; batches hold two, so that there are several of them."""
    monkeypatch.setattr(HubSpotAdapter, "batch_size", 2)

    def make(kind: str) -> Scene:
        engine, portal = engine_of(kind), new_portal()
        return Scene(World(engine, clock, wire_settings, token=portal.token), portal)

    return make


def kill_and_go_on(scene: Scene, step: Step, occurrence: int, between: Callable[[], None] = lambda: None) -> bool:
    """Kill a worker, let another one finish; return whether the step was reached so often."""
    with killed_at(step, occurrence) as killed:
        scene.world.run_until_done()
    between()
    scene.world.restart()
    scene.world.run_until_done()
    return killed()


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("database", DATABASES)
def test_a_worker_killed_at_any_step_loses_and_doubles_nothing(new_scene, database, step, work) -> None:
    for occurrence in (1, 2) if database == "sqlite" else (1,):
        scene = new_scene(database)
        scene.set_up(work)
        killed = kill_and_go_on(scene, step, occurrence)
        assert killed or occurrence > 1
        scene.check()
        if not killed:
            break


WRITES = {
    "new clients": "contacts/batch/upsert",
    "edited clients": "contacts/batch/update",
    "notes": "notes/batch/create",
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("step", list(Step))
def test_a_lost_reply_and_a_death_together_lose_and_double_nothing(new_scene, step, work) -> None:
    """The reply to the first write is lost; the worker that should read it back dies on the way."""
    scene = new_scene("sqlite")
    scene.set_up(work)
    scene.portal.fail("lose_reply", WRITES[work], times=1)
    kill_and_go_on(scene, step, 2)
    scene.check()


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("work", ["new clients", "edited clients"])
def test_edits_here_and_there_between_death_and_recovery_both_survive(new_scene, step, work) -> None:
    """The platform changed one field, a person in the CRM another: each keeps the value of who changed it last."""
    scene = new_scene("sqlite")
    scene.set_up(work)
    touched: list[str] = []

    def between() -> None:
        for row in scene.portal.rows():
            email = row["properties"]["email"]
            scene.portal.edit(email, lastname="set by a person")
            scene.people[email]["lastname"] = "set by a person"
            touched.append(email)
        scene.edit_all("Wels")

    kill_and_go_on(scene, step, 1, between)
    scene.check()
    if work == "edited clients":
        assert len(touched) == PEOPLE


@pytest.mark.parametrize("step", list(Step))
def test_a_persons_edit_of_the_very_field_survives_a_death(new_scene, step) -> None:
    """We changed the city and died; a person changed it too. The CRM's value stays, unless ours never met theirs."""
    scene = new_scene("sqlite")
    scene.set_up("edited clients")

    def between() -> None:
        for email in scene.people:
            scene.portal.edit(email, city="Steyr")
            scene.people[email]["city"] = "Steyr"

    kill_and_go_on(scene, step, 1, between)
    scene.check()


def test_two_workers_that_die_one_after_the_other_at_each_step_lose_and_double_nothing(new_scene) -> None:
    """Every worker dies at the next step, all the way through, before one may finish."""
    scene = new_scene("sqlite")
    scene.set_up("new clients")
    scene.talk_all()
    for step in Step:
        with killed_at(step):
            scene.world.run()
        scene.world.restart()
        scene.world.clock.advance(scene.world.settings.lease_seconds + 1)
    scene.world.restart()
    scene.world.run_until_done()
    scene.check()
