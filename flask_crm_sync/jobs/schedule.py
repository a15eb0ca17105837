"""The bell: what rings every minute and at the times that were asked for. rq-scheduler stands behind one small port.

Due times live in the database; a bell only says "look". Flush Redis at any moment, and the scheduler's next tick hangs
the bell up again.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import redis
from rq_scheduler import Scheduler

from ..clock import Clock
from ..models import Database
from ..models.heartbeat import SCHEDULER
from .heartbeat import beat, forget_old
from .queue import LIVE_QUEUE, Queues

_BELL = "flask_crm_sync.jobs.tasks.bell"
_BELL_EVERY = 60
_TICK_SECONDS = 1.0
_BEAT_SECONDS = 30.0
_WAIT_FOR_REDIS = 2.0
_KEPT_SECONDS = 300
"""A bell that nobody heard for so long after its time is dropped; others have rung since."""

_log = logging.getLogger(__name__)


class SchedulerPort(Protocol):
    """What we ask of a scheduler."""

    def ring_every(self, seconds: int) -> None:
        """See to it that the bell rings when this number of seconds divides the time of day; said at every tick."""
        ...

    def ring_at(self, when: datetime) -> None:
        """Ring the bell once, in the second after an instant; saying it twice rings once."""
        ...


class RQSchedulerPort:
    """rq-scheduler's sorted set. One entry per second of ringing, so that nobody's entry can overwrite a running job.

    rq-scheduler's own repeating jobs are not used: one id for every ring would let the end of a slow bell delete the
    next one.
    """

    def __init__(self, connect: Callable[[], redis.Redis], clock: Clock, job_seconds: int) -> None:
        self._connect, self._clock, self._job_seconds = connect, clock, job_seconds

    def ring_every(self, seconds: int) -> None:
        """Hang up the next ring unless it hangs already."""
        now = self._clock.now().timestamp()
        self._hang_up(int(now // seconds + 1) * seconds)

    def ring_at(self, when: datetime) -> None:
        """Hang up one ring in the second after an instant."""
        self._hang_up(math.ceil(when.timestamp()))

    def _hang_up(self, second: int) -> None:
        job_id = f"crm-sync-bell-{second}"
        scheduler = scheduler_on(self._connect())
        if job_id in scheduler:
            return
        scheduler.schedule(
            datetime.fromtimestamp(second, UTC),
            _BELL,
            id=job_id,
            timeout=self._job_seconds,
            ttl=_BELL_EVERY + _KEPT_SECONDS,
            result_ttl=0,
        )


def scheduler_on(connection: redis.Redis) -> Scheduler:
    """Return an rq-scheduler that fills the queue of the live lane."""
    return Scheduler(queue_name=LIVE_QUEUE, connection=connection, interval=_TICK_SECONDS)


class Bellringer:
    """The process behind `flask crm scheduler`: moves what is due into the queue, every second, until told to stop."""

    def __init__(self, database: Database, queues: Queues, clock: Clock) -> None:
        self._database, self._clock = database, clock
        connection = queues.worker_connection()
        self._scheduler = scheduler_on(connection)
        self._port: SchedulerPort = RQSchedulerPort(lambda: connection, clock, queues.job_seconds)
        self._name = f"scheduler {socket.gethostname()} {os.getpid()}"
        self._next_beat = clock.monotonic()
        self.stop = threading.Event()
        """Set it to end `run` at the next tick."""

    def run(self) -> None:
        """Tick until `stop` is set; a Redis or a database that is away is waited for."""
        while not self.stop.is_set():
            self.stop.wait(_TICK_SECONDS if self._ticked() else _WAIT_FOR_REDIS)

    def tick(self) -> None:
        """Hang the bell up if a flush took it, and move what is due into the queue."""
        self._port.ring_every(_BELL_EVERY)
        with _quiet_utcnow():
            if self._scheduler.acquire_lock():
                try:
                    self._scheduler.enqueue_jobs()
                finally:
                    self._scheduler.remove_lock()

    def _ticked(self) -> bool:
        self._beat()
        try:
            self.tick()
        except (redis.RedisError, OSError) as error:
            _log.warning("Redis does not answer (%s); trying again.", type(error).__name__)
            return False
        return True

    def _beat(self) -> None:
        """Leave a sign of life now and then; a database that is away must not silence the bell."""
        if self._clock.monotonic() < self._next_beat:
            return
        self._next_beat = self._clock.monotonic() + _BEAT_SECONDS
        try:
            beat(self._database, self._clock, self._name, SCHEDULER)
            forget_old(self._database, self._clock)
        except Exception:
            _log.exception("The scheduler's sign of life could not be written.")


@contextmanager
def _quiet_utcnow() -> Iterator[None]:
    """rq-scheduler 0.14 asks the time in a way that Python 3.12 deprecates."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "datetime.datetime.utcnow", DeprecationWarning)
        yield
