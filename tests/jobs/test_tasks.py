"""The jobs: each opens the app, does one thing of the sync, and asks for what is left."""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import redis
import sqlalchemy as sa
from flask import Flask, current_app, g, has_app_context
from rq import Queue

from flask_crm_sync import signals
from flask_crm_sync.errors import ConfigurationError
from flask_crm_sync.jobs import running as running_module
from flask_crm_sync.jobs import tasks
from flask_crm_sync.jobs.heartbeat import last_beat
from flask_crm_sync.jobs.running import Running, of_this_job, stopping
from flask_crm_sync.jobs.worker import run_worker
from flask_crm_sync.models import Connection, Operation
from flask_crm_sync.models.heartbeat import BELL, WORKER
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync import catch_up as catching
from flask_crm_sync.sync.backfill import begin_backfill
from flask_crm_sync.sync.connections import connect_account
from flask_crm_sync.sync.context import Sync
from flask_crm_sync.sync.drain import Settled
from flask_crm_sync.sync.fanout import fan_out
from flask_crm_sync.sync.settings import catch_up_now
from tests.notifications.desk import channel as make_channel
from tests.notifications.desk import happens
from tests.small_host.app import Client, Conversation, Message, db
from tests.small_host.clocks import StillClock
from tests.small_host.fixtures import TOKEN, add_clients

table = Operation.__table__


def statuses(running: Running) -> list[tuple[str, str]]:
    with running.sync.database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table.c.kind, table.c.status).order_by(table.c.id))]


def queued(server: redis.Redis, queue: str = "crm-live") -> list[str]:
    return [job.func_name.rpartition(".")[2] for job in Queue(queue, connection=server).jobs]


def use_clock(running: Running, at: datetime) -> StillClock:
    clock = StillClock(at)
    running.sync = dataclasses.replace(running.sync, clock=clock)
    return clock


def test_commit_rings_and_the_wake_brings_the_client_to_the_crm(
    host: Flask, running: Running, connection_id: UUID, server: redis.Redis, sandbox: Sandbox
) -> None:
    add_clients(host, 3)
    assert queued(server) == ["wake"]
    with host.app_context():
        tasks.wake()
    assert statuses(running) == [("create_lead", "success")] * 3


def test_a_job_that_fails_tells_redis_nothing_of_anybody(
    running: Running, server: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    person = {"email": "canary@example.com"}

    def refused(sync: Sync) -> None:
        with sync.database.write() as database:
            database.execute(sa.text("INSERT INTO nowhere VALUES (:email)"), person)

    monkeypatch.setattr(tasks, "fan_out", refused)
    running.queues.wake()
    run_worker(running, burst=True)
    failed = Queue("crm-live", connection=server).failed_job_registry
    (kept,) = (failed.job_class.fetch(id, server).latest_result() for id in failed.get_job_ids())
    assert kept is not None
    assert "OperationalError" in str(kept.exc_string)
    assert "canary" not in str(kept.exc_string)
    assert "INSERT INTO nowhere" in caplog.text
    assert "canary" not in caplog.text


def test_wake_without_anything_to_do_is_harmless(host: Flask, running: Running) -> None:
    with host.app_context():
        tasks.wake()
    assert statuses(running) == []


def test_wake_works_on_the_first_connection_and_asks_for_the_others(
    host: Flask, running: Running, connection_id: UUID, server: redis.Redis
) -> None:
    connect_account(running.sync, "2", "hubspot", "token", TOKEN)
    add_clients(host, 1, account=1)
    add_clients(host, 1, account=2)
    server.flushdb()
    with host.app_context():
        tasks.wake()
    assert sorted(status for _, status in statuses(running)) == ["pending", "success"]
    assert queued(server) == ["drain"]


def test_drain_job_finishes_what_the_wake_left(
    host: Flask, running: Running, connection_id: UUID, server: redis.Redis
) -> None:
    other = connect_account(running.sync, "2", "hubspot", "token", TOKEN)
    add_clients(host, 1, account=1)
    add_clients(host, 1, account=2)
    with host.app_context():
        tasks.wake()
        for job in Queue("crm-live", connection=server).jobs:
            if job.args:
                tasks.drain(*job.args)
    assert [status for _, status in statuses(running)] == ["success", "success"]
    assert server.get(f"crm-sync:drain:{other.id.hex}") is None


def test_commit_in_the_middle_of_a_wake_rings_anew(
    host: Flask, running: Running, connection_id: UUID, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fan_out_and_commit(sync: Sync) -> int:
        looked_at = fan_out(sync)
        add_clients(host, 1)
        return looked_at

    add_clients(host, 1)
    monkeypatch.setattr(tasks, "fan_out", fan_out_and_commit)
    with host.app_context():
        tasks.wake()
    assert queued(server) == ["wake", "wake"]


def test_bell_leaves_a_sign_and_asks_for_drains_without_working_itself(
    host: Flask, running: Running, connection_id: UUID, server: redis.Redis
) -> None:
    add_clients(host, 1)
    server.flushdb()
    with host.app_context():
        tasks.bell()
    assert last_beat(running.sync.database, BELL) is not None
    assert last_beat(running.sync.database, WORKER) is not None
    assert statuses(running) == [("create_lead", "pending")]
    assert queued(server) == ["drain"]


def test_bell_finds_what_no_event_saw(host: Flask, running: Running, connection_id: UUID) -> None:
    with host.app_context():
        tasks.bell()
        soon = (running.sync.clock.now() + timedelta(minutes=1)).replace(tzinfo=None)
        row = {"account_id": 1, "first_name": "Ada", "email": "ada@example.com", "updated_at": soon}
        columns = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        db.session.execute(sa.text(f"INSERT INTO client ({columns}) VALUES ({values})"), row)
        db.session.commit()
        use_clock(running, datetime.now(UTC) + timedelta(hours=2))
        tasks.bell()
    assert statuses(running) == [("create_lead", "pending")]


def test_clients_from_before_the_connection_arrive_when_it_catches_up(
    host: Flask, running: Running, server: redis.Redis, request: pytest.FixtureRequest
) -> None:
    add_clients(host, 3)
    with host.app_context():
        tasks.wake()  # heard before anybody was connected: owed to nobody
        request.getfixturevalue("connection_id")
        assert catch_up_now(running.sync, "1", "hubspot") == 3
        tasks.wake()
        tasks.wake()
    assert statuses(running) == [("create_lead", "success")] * 3


def test_what_comes_due_within_a_minute_gets_a_bell_of_its_own(
    host: Flask, running: Running, connection_id: UUID
) -> None:
    rung: list[datetime] = []

    class Port:
        def ring_every(self, seconds: int) -> None:
            raise AssertionError

        def ring_at(self, when: datetime) -> None:
            rung.append(when)

    running.scheduler = Port()
    now = datetime.now(UTC).replace(microsecond=0)
    clock = use_clock(running, now)
    add_clients(host, 1)
    with host.app_context():
        tasks.wake()
        for away, expected in ((timedelta(minutes=20), 0), (timedelta(seconds=40), 1), (timedelta(0), 1)):
            with running.sync.database.write() as connection:
                connection.execute(table.update().values(status="pending", due_at=clock.now() + away))
            tasks.ring_soon(running)
            assert len(rung) == expected
    assert rung == [now + timedelta(seconds=40)]


def test_receivers_hear_of_success_and_a_failing_one_breaks_nothing(
    host: Flask, running: Running, connection_id: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Any] = []

    def deaf(sender: Flask, **news: Any) -> None:
        raise RuntimeError("not listening")

    def attentive(sender: Flask, *, operation: Any) -> None:
        assert has_app_context()
        assert current_app == sender
        heard.append((operation.kind, operation.status, operation.account_id))

    add_clients(host, 2)
    with (
        host.app_context(),
        signals.client_synced.connected_to(deaf, host),
        signals.client_synced.connected_to(attentive, host),
        caplog.at_level(logging.ERROR),
    ):
        tasks.wake()
    assert heard == [("create_lead", "success", "1")] * 2
    assert "client-synced" in caplog.text


def test_conversation_that_closes_brings_its_note(host: Flask, running: Running, connection_id: UUID) -> None:
    with host.app_context():
        client = Client(account_id=1, first_name="Ada", email="ada@example.com")
        db.session.add(client)
        db.session.flush()
        conversation = Conversation(account_id=1, client_id=client.id, status="closed")
        db.session.add(conversation)
        db.session.flush()
        db.session.add(Message(conversation_id=conversation.id, sender="client", text="Is the flat still free?"))
        db.session.commit()
        tasks.wake()
    assert sorted(statuses(running)) == [("add_note", "success"), ("create_lead", "success")]


def test_worker_that_is_told_to_stop_gives_the_connection_back(
    host: Flask, running: Running, connection_id: UUID, server: redis.Redis
) -> None:
    add_clients(host, 1)
    stopping.set()
    with host.app_context():
        tasks.wake()
    with running.sync.database.read() as connection:
        assert connection.execute(sa.select(Connection.__table__.c.lease_until)).scalar() == 0.0


def test_job_outside_any_app_loads_the_one_that_the_environment_names(
    host: Flask, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running_module._load_app.cache_clear()
    with of_this_job() as first, of_this_job() as second:
        assert first.app is second.app
        assert first.app is not host
    running_module._load_app.cache_clear()
    monkeypatch.setenv("CRM_SYNC_APP", "tests.jobs.no_such_module")
    with pytest.raises(Exception, match="no_such_module"):
        tasks.wake()


def test_job_that_cannot_know_its_app_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    running_module._load_app.cache_clear()
    monkeypatch.delenv("FLASK_APP", raising=False)
    monkeypatch.delenv("CRM_SYNC_APP", raising=False)
    with pytest.raises(ConfigurationError, match="CRM_SYNC_APP"):
        tasks.wake()


def test_job_in_an_app_without_the_extension_says_so() -> None:
    with Flask("bare").app_context(), pytest.raises(ConfigurationError, match="no CRMSync"):
        tasks.wake()


def test_every_job_has_a_context_of_its_own(host: Flask) -> None:
    with host.app_context():
        with of_this_job():
            g.left_behind = True
        with of_this_job():
            assert not hasattr(g, "left_behind")


def test_forked_child_leaves_its_parents_connections_alone(host: Flask, running: Running) -> None:
    with running.sync.database.read() as connection:
        connection.execute(sa.text("SELECT 1"))
    pool = running.sync.database.engine.pool
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def child() -> None:
        with host.app_context(), of_this_job() as inherited:
            theirs.send((inherited.sync.database.engine.pool is pool, inherited.process == os.getpid()))

    process = context.Process(target=child)
    process.start()
    assert ours.recv() == (False, True)
    process.join()
    with host.app_context(), of_this_job():
        assert running.sync.database.engine.pool is pool


def test_news_is_spread_by_the_bell_and_sent_by_a_job_of_its_own(
    host: Flask, running: Running, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, ...]] = []
    make_channel(running.sync, account="1")
    happens(running.sync, "a")
    with host.app_context():
        tasks.bell()
        assert queued(server, "crm-update") == ["notify"]
        collecting = partial(send_due, deliver=lambda _sync, _to, bundle: told.append(bundle.notice_ids))
        monkeypatch.setattr(tasks, "send_due", collecting)
        tasks.notify()
    assert told == [(1,)]


def test_what_came_home_wakes_a_worker_for_the_other_connections(running: Running, server: redis.Redis) -> None:
    told = Settled(1, "1", "hubspot", "apply_remote", "1", "1", "success", "", came_home=False)
    tasks._tell(running, [told])
    assert queued(server) == []
    tasks._tell(running, [dataclasses.replace(told, came_home=True)])
    assert queued(server) == ["wake"]
    running.queues.quick_connection().close()


def test_a_backfill_goes_on_slice_by_slice_as_long_as_there_is_room(
    host: Flask, running: Running, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching, "SLICE", 2)
    monkeypatch.setattr(catching, "MOST_WAITING", 2)
    woken: list[None] = []
    add_clients(host, 7)
    with host.app_context():
        tasks.wake()
        connection: UUID = request.getfixturevalue("connection_id")
        begin_backfill(running.sync, "1", "hubspot")
        catching.catch_up(running.sync)
        monkeypatch.setattr(running.queues, "wake", lambda: woken.append(None))
        tasks.drain(str(connection))
        while woken:  # each job asks for the next one, as long as there is more to owe
            woken.clear()
            tasks.wake()
    assert statuses(running) == [("create_lead", "success")] * 7
