"""Whatever happens to Redis and to workers, and in whatever order bells come: each review is made, and settled once."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_crm_sync.jobs import tasks
from flask_crm_sync.jobs.running import Running
from flask_crm_sync.models import Judgement
from flask_crm_sync.qualification import schedule
from flask_crm_sync.qualification.schedule import next_review_at
from flask_crm_sync.sync.steps import JudgingStep
from tests.jobs.test_qualifying import talk
from tests.jobs.test_tasks import StillClock, queued, use_clock
from tests.qualification.scene import BUYS, Oracle
from tests.sync.dying import killed_at

judgements = Judgement.__table__

fates = st.lists(st.sampled_from(["bell", "review", "flush", "wait", *JudgingStep]), max_size=9)


@pytest.fixture
def judging(host: Flask, running: Running, connection_id: UUID, monkeypatch: pytest.MonkeyPatch) -> Running:
    """Return the running host with a criterion in code, whose claims go by the test's clock, as all else does."""
    running.criteria, running.reviewer = (BUYS,), Oracle()
    running.sync = dataclasses.replace(running.sync, code_sets=frozenset({"default"}))
    by_clock = sa.bindparam("fake_now", callable_=lambda: running.sync.clock.now().timestamp(), type_=sa.Double())
    monkeypatch.setattr(schedule, "SQL", schedule.Statements.by(by_clock))
    return running


def happens(fate: str | JudgingStep, clock: StillClock, server: redis.Redis) -> None:
    if fate == "flush":
        server.flushdb()
    elif fate == "wait":
        clock.at += timedelta(minutes=7)
    elif isinstance(fate, JudgingStep):
        with killed_at(fate):
            tasks.bell()
            tasks.review()
    else:
        getattr(tasks, fate)()


def finish(running: Running, clock: StillClock, server: redis.Redis) -> None:
    """Let bells ring, and run the reviews that they ask for, until none is due."""
    for _ in range(12):
        clock.at += timedelta(hours=1)
        server.flushdb()
        tasks.bell()
        if "review" in queued(server, "crm-update"):
            tasks.review()
    assert next_review_at(running.sync) is None


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(fates)
def test_a_review_is_never_lost_and_never_settled_twice(
    host: Flask, judging: Running, server: redis.Redis, history: list[str | JudgingStep]
) -> None:
    with host.app_context():
        clock = use_clock(judging, datetime.now(UTC))
        with judging.sync.database.write() as connection:
            connection.execute(judgements.delete())
        talk("I want to buy it")
        talk("I want to book it")
        tasks.bell()
        clock.at += timedelta(hours=48)
        for fate in history:
            happens(fate, clock, server)
        finish(judging, clock, server)
        with judging.sync.database.read() as connection:
            rows = connection.execute(sa.select(judgements.c.conversation_id, judgements.c.decided_by)).all()
    assert set(Counter(map(tuple, rows)).values()) == {1}
    assert Counter(row.decided_by for row in rows) == {"rules": 2, "review": 2}
