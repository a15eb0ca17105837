"""Ringing: once for many commits, never lost, never a burden to the host when Redis is away."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import socket
import threading
import zlib
from collections.abc import Iterator
from uuid import UUID

import pytest
import redis
from rq import Queue
from rq.job import Job

from flask_crm_sync.config import Settings
from flask_crm_sync.errors import ConfigurationError
from flask_crm_sync.jobs.queue import QUEUE_NAMES, Queues
from tests.small_host.clocks import StillClock

CONNECTION = UUID("11111111-2222-4333-8444-555555555555")
LIVE, UPDATE, BULK = 0, 1, 2


@pytest.fixture
def queues(redis_database: str) -> Queues:
    return Queues(Settings(redis_url=redis_database), StillClock())


@pytest.fixture
def server(redis_database: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_database) as client:
        yield client


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never answers: worse than one that refuses."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


@pytest.fixture
def dead_address(silent: socket.socket) -> str:
    return f"redis://127.0.0.1:{silent.getsockname()[1]}"


def jobs(server: redis.Redis, queue: str = "crm-live") -> list[Job]:
    return Queue(queue, connection=server).jobs


def test_many_commits_ring_once(queues: Queues, server: redis.Redis) -> None:
    for _ in range(20):
        queues.wake()
    assert [job.func_name for job in jobs(server)] == ["flask_crm_sync.jobs.tasks.wake"]


def test_commit_after_the_job_began_rings_anew(queues: Queues, server: redis.Redis) -> None:
    queues.wake()
    queues.wake_begins()
    queues.wake()
    assert len(jobs(server)) == 2


def test_ring_that_nobody_answered_is_repeated_after_a_while(queues: Queues, server: redis.Redis) -> None:
    queues.wake()
    assert 0 < server.ttl("crm-sync:wake") <= 30
    server.delete("crm-sync:wake")  # what Redis does by itself when the time is over
    queues.wake()
    assert len(jobs(server)) == 2


def test_drains_are_asked_for_once_for_each_connection_in_its_lane(queues: Queues, server: redis.Redis) -> None:
    other = UUID(int=7)
    for connection_id, lane in ((CONNECTION, LIVE), (CONNECTION, LIVE), (other, UPDATE), (UUID(int=8), BULK)):
        assert queues.enqueue_drain(connection_id, lane)
    assert {queue: len(jobs(server, queue)) for queue in QUEUE_NAMES.values()} == {
        "crm-live": 1,
        "crm-update": 1,
        "crm-bulk": 1,
    }
    assert jobs(server)[0].args == (CONNECTION.hex, LIVE)
    queues.drain_begins(CONNECTION)
    queues.enqueue_drain(CONNECTION, LIVE)
    assert len(jobs(server)) == 2


def test_job_has_a_limit_above_its_slice_and_leaves_nothing_behind(queues: Queues, server: redis.Redis) -> None:
    queues.enqueue_drain(CONNECTION, LIVE)
    settings = Settings()
    job = jobs(server)[0]
    assert job.timeout > settings.slice_seconds + settings.call_timeout
    assert job.result_ttl == 0
    assert 0 < job.ttl <= 600
    assert 0 < job.failure_ttl <= 7 * 24 * 3600


def test_jobs_carry_ids_only(queues: Queues, server: redis.Redis) -> None:
    queues.wake()
    queues.ring_bell()
    queues.enqueue_drain(CONNECTION, LIVE)
    called = {
        pickle.loads(zlib.decompress(job.to_dict()["data"])) and (job.func_name, job.args) for job in jobs(server)
    }
    assert {arguments for _, arguments in called} == {(), (CONNECTION.hex, LIVE)}


def test_dead_redis_is_tried_once_and_then_left_alone(
    silent: socket.socket, dead_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = StillClock()
    queues = Queues(Settings(redis_url=dead_address), clock)
    for _ in range(50):
        queues.wake()
    assert _connections_made(silent) == 1
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    clock.move(5.1)
    queues.wake()
    assert _connections_made(silent) == 1


def _connections_made(listening: socket.socket) -> int:
    made = 0
    while True:
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return made
        made += 1


def test_client_of_the_host_waits_fifty_milliseconds_and_never_tries_again(queues: Queues) -> None:
    client = queues.quick_connection()
    limits = client.connection_pool.connection_kwargs
    assert limits["socket_timeout"] == limits["socket_connect_timeout"] == 0.05
    assert client.get_retry() is None or client.get_retry()._retries == 0


def test_redis_that_came_back_is_used_again(dead_address: str, redis_database: str, server: redis.Redis) -> None:
    clock = StillClock()
    queues = Queues(Settings(redis_url=dead_address), clock)
    queues.wake()
    queues._url, queues._quick = redis_database, None
    queues.wake()
    assert jobs(server) == []
    clock.move(5.1)
    queues.wake()
    assert len(jobs(server)) == 1


def test_connection_that_the_server_closed_loses_no_wake(queues: Queues, server: redis.Redis) -> None:
    queues.wake()
    queues.wake_begins()
    server.client_kill_filter(_type="normal", skipme=True)
    queues.wake()
    assert len(jobs(server)) == 2


def test_forked_child_makes_a_client_of_its_own(queues: Queues, server: redis.Redis) -> None:
    mine = queues.quick_connection()
    mine.ping()
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=lambda: theirs.send(queues.quick_connection() is mine))
    child.start()
    assert ours.recv() is False
    child.join()
    assert queues.quick_connection() is mine


def test_threads_ring_together_once(queues: Queues, server: redis.Redis) -> None:
    threads = [threading.Thread(target=queues.wake) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs(server)) == 1


@pytest.mark.parametrize("url", ["", "127.0.0.1:6379", "http://127.0.0.1", "redis://:canary@h:port/0"])
def test_unusable_address_is_refused_at_once_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="CRM_SYNC_REDIS_URL") as refused:
        Queues(Settings(redis_url=url), StillClock())
    assert "canary" not in str(refused.value)


def test_address_with_a_password_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    queues = Queues(Settings(redis_url="redis://:canary@127.0.0.1:1/0"), StillClock())
    queues.wake()
    assert "canary" not in repr(queues) + caplog.text
