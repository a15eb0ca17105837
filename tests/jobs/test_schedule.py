"""The bell: it rings every minute, at the times asked for, and survives whatever happens to Redis."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import redis
from rq import Queue
from rq_scheduler import Scheduler

from flask_crm_sync.config import Settings
from flask_crm_sync.jobs import tasks
from flask_crm_sync.jobs.heartbeat import beat, forget_old, last_beat
from flask_crm_sync.jobs.queue import Queues
from flask_crm_sync.jobs.running import Running
from flask_crm_sync.jobs.schedule import Bellringer, RQSchedulerPort
from flask_crm_sync.models.heartbeat import SCHEDULER, WORKER
from tests.small_host.clocks import StillClock


@pytest.fixture
def clock() -> StillClock:
    """The present, a quarter past a minute: rq-scheduler itself looks at the machine's clock."""
    return StillClock(datetime.now(UTC).replace(second=15, microsecond=0))


@pytest.fixture
def port(server: redis.Redis, clock: StillClock) -> RQSchedulerPort:
    return RQSchedulerPort(lambda: server, clock, 100)


def hanging(server: redis.Redis) -> list[datetime]:
    scheduler = Scheduler(connection=server)
    return [when.replace(tzinfo=UTC) for _, when in scheduler.get_jobs(with_times=True)]


def queued(server: redis.Redis) -> list[str]:
    return [job.func_name for job in Queue("crm-live", connection=server).jobs]


def test_bell_hangs_for_the_next_whole_minute_once(
    port: RQSchedulerPort, server: redis.Redis, clock: StillClock
) -> None:
    for _ in range(5):
        port.ring_every(60)
    assert hanging(server) == [clock.at.replace(second=0) + timedelta(minutes=1)]
    clock.move(45)
    port.ring_every(60)
    assert len(hanging(server)) == 2


def test_bell_that_hangs_is_left_alone(port: RQSchedulerPort, server: redis.Redis) -> None:
    """At every tick and from every scheduler the same is asked; writing it anew would touch a job that runs."""
    made = []
    for _ in range(2):
        port.ring_every(60)
        made += [job.created_at for job in Scheduler(connection=server).get_jobs()]
    assert len(made) == 2
    assert len(set(made)) == 1


def test_asking_twice_for_one_second_rings_once(port: RQSchedulerPort, server: redis.Redis, clock: StillClock) -> None:
    when = clock.at + timedelta(seconds=20, milliseconds=300)
    for milliseconds in (0, 200, 500):
        port.ring_at(when + timedelta(milliseconds=milliseconds))
    assert hanging(server) == [clock.at + timedelta(seconds=21)]


def test_bell_never_rings_before_the_time_asked_for(
    port: RQSchedulerPort, server: redis.Redis, clock: StillClock
) -> None:
    port.ring_at(clock.at + timedelta(seconds=5, microseconds=1))
    assert hanging(server) == [clock.at + timedelta(seconds=6)]


def test_tick_moves_what_is_due_into_the_queue(running: Running, server: redis.Redis, clock: StillClock) -> None:
    RQSchedulerPort(lambda: server, clock, 100).ring_at(datetime.now(UTC) - timedelta(seconds=2))
    Bellringer(running.sync.database, running.queues, clock).tick()
    assert queued(server) == ["flask_crm_sync.jobs.tasks.bell"]
    assert len(hanging(server)) == 1


def test_tick_hangs_the_bell_up_again_after_a_flush(running: Running, server: redis.Redis, clock: StillClock) -> None:
    ringer = Bellringer(running.sync.database, running.queues, clock)
    ringer.tick()
    before = hanging(server)
    server.flushdb()
    assert hanging(server) == []
    ringer.tick()
    assert hanging(server) == before


def test_slow_bell_does_not_delete_the_next_one(
    running: Running, connection_id: UUID, server: redis.Redis, clock: StillClock
) -> None:
    """The end of a job deletes its entry; the next ring must not share it."""
    port = RQSchedulerPort(lambda: server, clock, 100)
    port.ring_at(datetime.now(UTC) - timedelta(seconds=2))
    ringer = Bellringer(running.sync.database, running.queues, clock)
    ringer.tick()
    rung = Queue("crm-live", connection=server).jobs[0]
    ringer.tick()
    rung.delete()
    assert len(hanging(server)) == 1


def test_second_scheduler_does_no_harm(running: Running, server: redis.Redis, clock: StillClock) -> None:
    RQSchedulerPort(lambda: server, clock, 100).ring_at(datetime.now(UTC) - timedelta(seconds=2))
    for _ in range(2):
        Bellringer(running.sync.database, running.queues, clock).tick()
    assert len(queued(server)) == 1
    assert len(hanging(server)) == 1


def test_scheduler_leaves_a_sign_of_life_and_works_on_without_a_database(
    running: Running, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    ringer = Bellringer(running.sync.database, running.queues, clock)
    assert ringer._ticked()
    assert last_beat(running.sync.database, SCHEDULER) == clock.now()
    with running.sync.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE crm_sync_heartbeat")
    clock.move(31)
    assert ringer._ticked()
    assert "could not be written" in caplog.text


def test_scheduler_waits_for_a_redis_that_is_away(running: Running, clock: StillClock) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"redis://127.0.0.1:{nobody.getsockname()[1]}"
        queues = Queues(Settings(redis_url=address), clock)
        assert not Bellringer(running.sync.database, queues, clock)._ticked()
    assert last_beat(running.sync.database, SCHEDULER) == clock.now()


def test_signs_of_life_are_one_row_a_process_and_forgotten_after_a_month(running: Running, clock: StillClock) -> None:
    database = running.sync.database
    for name in ("worker a", "worker b", "worker a"):
        beat(database, clock, name, WORKER)
        clock.move(10)
    assert last_beat(database, WORKER) == clock.now() - timedelta(seconds=10)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM crm_sync_heartbeat").scalar() == 2
    clock.move(31 * 24 * 3600)
    forget_old(database, clock)
    assert last_beat(database, WORKER) is None


def test_bell_that_rings_is_the_task_that_exists() -> None:
    from flask_crm_sync.jobs import schedule

    assert f"{tasks.__name__}.{tasks.bell.__name__}" == schedule._BELL
