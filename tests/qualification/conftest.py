"""The engine's worlds, for conversations that are judged in them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest

from flask_crm_sync.qualification import schedule
from flask_crm_sync.sync.steps import JudgingStep
from tests.qualification.scene import Scene
from tests.sync.conftest import _nobody_listens, anywhere, clock, crm, engine_of, world, world_on
from tests.sync.dying import once_at
from tests.sync.world import FakeClock, World

__all__ = ["_nobody_listens", "anywhere", "clock", "crm", "engine_of", "world", "world_on"]


@pytest.fixture(autouse=True)
def _reviews_go_by_the_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let claims go by the test's clock, where the test has one."""
    if "clock" in request.fixturenames:
        clock: FakeClock = request.getfixturevalue("clock")
        monkeypatch.setattr(schedule, "SQL", schedule.Statements.by(clock.column()))


@pytest.fixture
def scene(world: World) -> Scene:
    """Return a host on SQLite whose conversations are judged."""
    return Scene(world)


@pytest.fixture
def scene_anywhere(anywhere: World) -> Scene:
    """Return such a host on each kind of database."""
    return Scene(anywhere)


@pytest.fixture
def once_loaded() -> Callable[[Callable[[], object]], AbstractContextManager[Any]]:
    """Return what does something once the rules have spoken, before it is written."""
    return partial(once_at, JudgingStep.JUDGING_LOADED)
