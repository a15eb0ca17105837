"""Nights in which clocks change: reviews come hours later as they pass, wherever the machine thinks it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_crm_sync.qualification.schedule import next_review_at, review_time, reviews_today
from tests.qualification.scene import Scene
from tests.sync.conftest import settings as sync_settings
from tests.sync.world import ACCOUNT

NIGHTS = {
    "Europe/Vienna": ("2026-03-29T00:30:00", "2026-10-25T00:30:00"),
    "America/New_York": ("2026-03-08T06:30:00", "2026-11-01T05:30:00"),
    "Australia/Lord_Howe": ("2026-04-04T14:45:00", "2026-10-03T15:15:00"),
}
"""Instants in UTC, half an hour or less before the clocks there change."""
CASES = [(zone, night) for zone, nights in NIGHTS.items() for night in nights]


@pytest.fixture
def night(scene: Scene, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Return a scene on a machine of some zone, a day before the clocks change there."""
    zone, at = request.param
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    until = datetime.fromisoformat(at).replace(tzinfo=UTC) - timedelta(hours=24) - scene.world.clock.now()
    scene.world.clock.advance(until.total_seconds())
    yield scene
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("night", CASES, ids=lambda case: " ".join(case), indirect=True)
def test_a_review_comes_between_its_hours_and_once(night: Scene) -> None:
    night.criterion()
    _, conversation = night.talk()
    night.look()
    began, due = night.world.clock.now(), next_review_at(night.world.sync)
    assert due is not None
    assert timedelta(hours=24) <= due - began <= timedelta(hours=48)
    night.world.clock.advance((due - began).total_seconds() - 1)
    assert night.review() is None
    night.world.clock.advance(1)
    assert night.review() is not None
    assert night.review() is None
    assert night.history(conversation)[-1] == ("review", "qualified", "qualified")
    assert night.row(conversation).reviewed_at == due
    with night.world.sync.database.read() as connection:
        assert reviews_today(connection, ACCOUNT, night.world.clock.now()) == 1


instants = st.sampled_from([night for nights in NIGHTS.values() for night in nights])


@settings(max_examples=40)
@given(instants, st.integers(-90, 90), st.text(max_size=20))
def test_hours_are_hours_in_every_night(night: str, minutes: int, conversation: str) -> None:
    now = datetime.fromisoformat(night).replace(tzinfo=UTC) + timedelta(minutes=minutes)
    due = review_time(sync_settings(), conversation, "default", now)
    assert timedelta(hours=24) <= due - now <= timedelta(hours=48)
    assert review_time(sync_settings(), conversation, "default", now) == due
