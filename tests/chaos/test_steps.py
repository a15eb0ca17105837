"""A worker is killed at every boundary of the engine: nothing is lost, nothing is there twice."""

from __future__ import annotations

import ast
from functools import partial
from itertools import product
from pathlib import Path
from random import Random

import pytest

import flask_crm_sync
from flask_crm_sync.sync.steps import JudgingStep, Step
from tests.chaos.conftest import DATABASES, WorldMaker
from tests.chaos.crms import KINDS
from tests.chaos.tally import LONG
from tests.chaos.world import World, kill_at

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

WORK = {
    "leads": {"new": 2, "new_together": 1, "undone": 1},
    "updates": {"rename": 3, "edit": 2, "undone": 1},
    "notes": {"talk": 2, "talk_on": 1},
}
"""What the host does so that a worker has this kind of work, and no other, in hand."""
ANY = {"any": {"new": 2, "edit": 2, "talk": 2, "talk_on": 1}}
CRITICAL = [Step.CLAIMED, Step.CRM_READ, Step.PROPOSED, Step.CRM_WRITTEN, Step.CRM_WRITTEN, Step.SETTLING]
"""Where a death is the CRM's affair as well; the engine around it is the same for each."""


def test_every_boundary_is_reached_somewhere_in_the_package() -> None:
    package = Path(flask_crm_sync.__file__).parent
    reached = {name for file in package.rglob("*.py") for name in _reached_in(file)}
    assert reached == {step.name for step in (*Step, *JudgingStep)}  # tests/qualification dies at the latter


def _reached_in(file: Path) -> set[str]:
    """Return the members of Step that a module hands to `reach`."""
    calls = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]
    reaches = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "reach"]
    return {step.attr for step in reaches if isinstance(step, ast.Attribute)}


@pytest.mark.parametrize("kind", WORK)
@pytest.mark.parametrize("database", DATABASES if LONG else ["sqlite"])
def test_a_kill_at_any_boundary_loses_and_doubles_nothing(world_on: WorldMaker, database: str, kind: str) -> None:
    world = world_on(database)
    deaths = list(product(Step, [1, 2] if LONG else [1]))
    _die(world, kind, deaths, seed=f"{database} {kind}")
    world.expect_order()


@pytest.mark.skipif(LONG, reason="the long form dies at every boundary with every kind of work")
@pytest.mark.parametrize(("database", "first"), [("postgresql", 0), ("mariadb", 1)])
def test_a_kill_at_some_boundaries_on_the_other_databases(world_on: WorldMaker, database: str, first: int) -> None:
    """Every boundary on one or the other, with changing kinds of work."""
    world = world_on(database)
    steps = list(Step)[first::2]
    for number, kind in enumerate(WORK):
        _die(world, kind, [(step, 1) for step in steps[number :: len(WORK)]], seed=f"{database} {kind}")
        world.settle()
    world.expect_order()


@pytest.mark.parametrize("kind", ["any", *WORK] if LONG else ["any"])
@pytest.mark.parametrize("crm", sorted(KINDS.keys() - {"hubspot"}))
def test_a_kill_at_any_boundary_loses_and_doubles_nothing_in_any_crm(world_on: WorldMaker, crm: str, kind: str) -> None:
    """What a CRM makes of a call whose caller is dead, and how its records are found again, is its own affair."""
    world = world_on("sqlite", crm=crm)
    _die(world, kind, [(step, 1) for step in (Step if LONG else CRITICAL)], seed=f"{crm} {kind}")
    world.expect_order()


def _die(world: World, kind: str, deaths: list[tuple[Step, int]], seed: str) -> None:
    """Let workers die one after another, each with fresh work of this kind and what the dead have left."""
    rng = Random(seed)
    print(f"seed: {seed!r}")
    if kind != "leads":
        for account in (1, 2):
            world.host(rng.randrange(1 << 30), account, new=4, talk=1 if kind in ("notes", "any") else 0)
        world.settle()
    rng.shuffle(deaths)
    for step, nth in deaths:
        account = rng.choice((1, 2))
        kill_at(world, step, partial(_keep_busy, world, rng, account, kind), nth)


def _keep_busy(world: World, rng: Random, account: int, kind: str) -> None:
    world.host(rng.randrange(1 << 30), account, **(WORK | ANY)[kind])
