"""The worker's watch: signs of life, and a bell whoever is away."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from rq import Queue

from flask_crm_sync.config import Settings
from flask_crm_sync.jobs.heartbeat import beat, last_beat
from flask_crm_sync.jobs.queue import Queues
from flask_crm_sync.jobs.running import Running
from flask_crm_sync.jobs.watch import Watch
from flask_crm_sync.models import Operation
from flask_crm_sync.models.heartbeat import BELL, WORKER
from tests.small_host.clocks import StillClock
from tests.small_host.fixtures import add_clients

table = Operation.__table__


@pytest.fixture
def without_redis(running: Running) -> Iterator[Running]:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings = Settings(redis_url=f"redis://127.0.0.1:{nobody.getsockname()[1]}")
        running.queues = Queues(settings, StillClock())
        yield running


def bells(server: redis.Redis) -> int:
    return sum(job.func_name.endswith(".bell") for job in Queue("crm-live", connection=server).jobs)


def test_watch_leaves_a_sign_of_life(running: Running) -> None:
    Watch(running).tick()
    assert last_beat(running.sync.database, WORKER) is not None


def test_worker_rings_by_itself_when_no_bell_was_ever_heard(running: Running, server: redis.Redis) -> None:
    Watch(running).tick()
    assert bells(server) == 1


@pytest.mark.parametrize(("silent_for", "rings"), [(80, 0), (100, 1)])
def test_worker_rings_by_itself_after_ninety_seconds_of_silence(
    running: Running, server: redis.Redis, silent_for: int, rings: int
) -> None:
    rung = StillClock(running.sync.clock.now() - timedelta(seconds=silent_for))
    beat(running.sync.database, rung, BELL, BELL)
    Watch(running).tick()
    assert bells(server) == rings


def test_without_redis_the_worker_does_the_work_from_the_database(
    host: Flask, connection_id: UUID, without_redis: Running
) -> None:
    add_clients(host, 3)
    Watch(without_redis).tick()
    with without_redis.sync.database.read() as connection:
        assert connection.execute(sa.select(table.c.status)).scalars().all() == ["success"] * 3


def test_without_redis_the_worker_goes_on_at_every_tick_and_stops_when_redis_is_back(
    host: Flask, connection_id: UUID, running: Running, without_redis: Running, server: redis.Redis
) -> None:
    queues = Queues(running.sync.settings, StillClock())
    watch = Watch(without_redis)
    watch.tick()
    add_clients(host, 1)
    watch.tick()
    with running.sync.database.read() as connection:
        assert connection.execute(sa.select(table.c.status)).scalars().all() == ["success"]
    running.queues = queues
    add_clients(host, 1)
    watch.tick()
    assert bells(server) == 1
    with running.sync.database.read() as connection:
        assert len(connection.execute(sa.select(table.c.status)).scalars().all()) == 1


def test_watch_survives_a_database_that_is_away(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    with running.sync.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE crm_sync_heartbeat")
    watch = Watch(running)
    watch.start()
    while "goes on" not in caplog.text:
        assert watch._thread.is_alive()
    watch.stop()
    assert not watch._thread.is_alive()
