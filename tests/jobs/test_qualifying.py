"""Qualification in the jobs: rules in every wake, reviews in a job of their own, signals after the commit."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
import sqlalchemy as sa
from flask import Flask

from flask_crm_sync import CRMSync, signals
from flask_crm_sync.jobs import qualifying, tasks
from flask_crm_sync.jobs.running import Running, running_of
from flask_crm_sync.models import Connection, Qualification
from flask_crm_sync.qualification.reviewers.base import ReviewFailed
from flask_crm_sync.sandbox.server import Sandbox
from tests.jobs.test_tasks import queued, statuses, use_clock
from tests.qualification.scene import BUYS, Oracle
from tests.small_host.app import Client, Conversation, Message, db

table = Qualification.__table__


@pytest.fixture
def judging(host: Flask, running: Running, connection_id: UUID) -> Running:
    """Return the running host with criteria in code, a reviewer, and a connection for qualified clients only."""
    running.criteria, running.reviewer = (BUYS,), Oracle()
    running.sync = dataclasses.replace(running.sync, code_sets=frozenset({"default"}))
    with running.sync.database.write() as connection:
        connection.execute(sa.update(Connection).values(qualified_only=True))
    return running


def talk(text: str, email: str = "ada@example.com") -> None:
    client = Client(account_id=1, first_name="Ada", email=email)
    db.session.add(client)
    db.session.flush()
    conversation = Conversation(account_id=1, client_id=client.id)
    db.session.add(conversation)
    db.session.flush()
    db.session.add(Message(conversation_id=conversation.id, sender="client", text=text))
    db.session.commit()


def qualifications(running: Running) -> list[tuple[str, str]]:
    with running.sync.database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table.c.status, table.c.outcome))]


def test_one_wake_brings_a_message_that_qualifies_to_the_crm(host: Flask, judging: Running) -> None:
    heard: list[Any] = []

    def listen(_: Flask, *, move: Any) -> None:
        heard.append((move.conversation_id, move.before, move.after, move.decided_by))

    with host.app_context(), signals.conversation_qualified.connected_to(listen, host):
        talk("Hello", "bea@example.com")
        talk("I want to buy it")
        tasks.wake()
    assert [status for _, status in statuses(judging)] == ["success", "pending"]
    assert heard == [("2", "pending", "qualified", "rules")]


def test_a_bell_judges_what_no_wake_told_of(host: Flask, judging: Running) -> None:
    with host.app_context():
        talk("I want to buy it")
        tasks.bell()
    assert qualifications(judging) == [("qualified", "")]
    assert ("create_lead", "pending") in statuses(judging)


def test_a_message_in_the_middle_of_a_drain_is_judged_before_it_ends(host: Flask, judging: Running) -> None:
    with host.app_context():
        talk("I want to buy it")
        qualifying.look_at_changes(judging)
    assert qualifications(judging) == [("qualified", "")]


def test_due_reviews_are_made_by_a_job_of_their_own(host: Flask, judging: Running, server: redis.Redis) -> None:
    heard: list[str] = []

    def listen(_: Flask, *, move: Any) -> None:
        heard.append(move.outcome)

    with host.app_context(), signals.review_finished.connected_to(listen, host):
        talk("I want to buy it")
        talk("I want to book it", "bea@example.com")
        tasks.wake()
        use_clock(judging, datetime.now(UTC) + timedelta(hours=49))
        server.flushdb()
        tasks.bell()
        assert "review" in queued(server, "crm-update")
        judging.reviewer.says = "unqualified"  # type: ignore[union-attr]
        tasks.review()
        assert "wake" in queued(server)
    assert qualifications(judging) == [("unqualified", "downgraded")] * 2
    assert heard == ["downgraded", "downgraded"]


def test_a_reviewer_that_is_down_is_left_alone_until_the_next_bell(host: Flask, judging: Running) -> None:
    oracle = judging.reviewer = Oracle(fails=[ReviewFailed("Down.", whole_reviewer=True)] * 5)
    with host.app_context():
        talk("I want to buy it")
        talk("I want to book it", "bea@example.com")
        tasks.wake()
        use_clock(judging, datetime.now(UTC) + timedelta(hours=49))
        tasks.review()
    assert len(oracle.asked) == 1
    assert qualifications(judging) == [("qualified", "")] * 2


def test_redis_emptied_loses_no_review(host: Flask, judging: Running, server: redis.Redis) -> None:
    with host.app_context():
        talk("I want to buy it")
        tasks.wake()
        server.flushdb()
        use_clock(judging, datetime.now(UTC) + timedelta(hours=49))
        tasks.bell()
        assert "review" in queued(server, "crm-update")
        server.flushdb()
        tasks.bell()
        assert "review" in queued(server, "crm-update")


def test_a_review_that_comes_due_within_a_minute_gets_a_bell_of_its_own(host: Flask, judging: Running) -> None:
    rung: list[datetime] = []

    class Port:
        def ring_every(self, seconds: int) -> None:
            raise AssertionError

        def ring_at(self, when: datetime) -> None:
            rung.append(when)

    judging.scheduler = Port()
    with host.app_context():
        talk("I want to buy it")
        tasks.wake()
        with judging.sync.database.read() as connection:
            due = connection.execute(sa.select(table.c.review_at)).scalar_one()
        use_clock(judging, due - timedelta(seconds=30))
        rung.clear()
        tasks.ring_soon(judging)
    assert rung == [due]


def test_criteria_and_a_reviewer_come_with_the_extension(sandbox: Sandbox, environment: dict[str, str]) -> None:
    """`CRMSync(app, criteria=..., reviewer=...)` is all that a host says."""
    app = Flask("coded")
    app.config.update(SQLALCHEMY_DATABASE_URI="sqlite://", SECRET_KEY="for tests")
    app.config.update({name: value for name, value in environment.items() if name.startswith("CRM_SYNC_")})
    db.init_app(app)
    oracle = Oracle()
    crm = CRMSync(app, criteria=[BUYS], reviewer=oracle)
    running = running_of(app)
    assert (running.criteria, running.reviewer, running.sync.code_sets) == ((BUYS,), oracle, {"default"})
    with app.app_context():
        assert (crm.criteria, crm.reviewer) == ((BUYS,), oracle)
    crm.release(app)
