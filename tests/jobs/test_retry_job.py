"""Retrying all with one cause is the jobs' work: it goes on from wake to wake, whoever watches."""

from __future__ import annotations

from uuid import UUID

import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from rq import Queue

from flask_crm_sync.jobs import tasks
from flask_crm_sync.jobs.running import Running
from flask_crm_sync.models import Operation
from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.sync import retry_runs
from flask_crm_sync.sync.causes import Cause
from tests.small_host.fixtures import add_clients

table = Operation.__table__


@pytest.fixture
def failed(host: Flask, running: Running, connection_id: UUID, monkeypatch: pytest.MonkeyPatch) -> Running:
    """An app in which five leads have failed, and a retry of all of them was asked for."""
    monkeypatch.setattr(retry_runs, "SLICE", 2)
    monkeypatch.setattr(retry_runs, "SLICES", 1)
    add_clients(host, 5)
    with host.app_context():
        tasks.wake()
        with running.sync.database.write() as database:
            database.execute(table.update().values(status=FAILED, reason="rejected"))
        retry_runs.begin_retrying(running.sync, "1", Cause("rejected"))
    return running


def left(running: Running) -> int:
    with running.sync.database.read() as database:
        return len(database.execute(sa.select(table.c.id).where(table.c.status == FAILED)).all())


def test_each_wake_does_a_slice_and_asks_for_the_next(host: Flask, failed: Running, server: redis.Redis) -> None:
    seen = []
    for _ in range(3):
        server.flushdb()
        with host.app_context():
            tasks.wake()
        seen.append(
            (left(failed), [job.func_name.rpartition(".")[2] for job in Queue("crm-live", connection=server).jobs])
        )
    assert [number for number, _ in seen] == [3, 1, 0]
    assert ["wake" in names for _, names in seen] == [True, True, False]


def test_a_bell_goes_on_where_redis_forgot_everything(host: Flask, failed: Running, server: redis.Redis) -> None:
    server.flushdb()
    with host.app_context():
        tasks.bell()
    assert left(failed) == 3
