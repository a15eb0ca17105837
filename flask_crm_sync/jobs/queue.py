"""The queues of the lanes, and a way to ring that never costs the host more than a moment.

A ring is `SET key NX EX 30` and a plain enqueue; the job deletes the key before it reads, so that a change committed
afterwards rings anew. RQ's own `unique=True` would refuse a ring while the job runs, and that wake would be lost.
Jobs hold ids only. Whatever Redis loses, the next bell finds in the database.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from rq import Queue

from ..clock import Clock
from ..config import Settings
from ..errors import ConfigurationError
from ..models.operation import LANES, LIVE, UPDATE

QUEUE_NAMES = {lane: f"crm-{word}" for lane, word in LANES.items()}
LIVE_QUEUE = QUEUE_NAMES[LIVE]

_TASKS = "flask_crm_sync.jobs.tasks"
_WAKE_KEY = "crm-sync:wake"
_BELL_KEY = "crm-sync:bell"
_NOTIFY_KEY = "crm-sync:notify"
_REVIEW_KEY = "crm-sync:review"
_RING_SECONDS = 30
"""For how long a ring that nobody answers keeps the next one away."""
_JOB_SECONDS = 300
"""A job that waited so long is not worth running: the bell has rung since."""
_FAILURE_SECONDS = 24 * 3600
_MARGIN_SECONDS = 60
_TIMEOUT_SECONDS = 0.05
_BREAK_SECONDS = 5.0
"""After a failure Redis is left alone for so long: looking up a name is outside any socket's time limit."""

_log = logging.getLogger(__name__)


class Queues:
    """The queues as the host's processes and the workers fill them. Its repr shows no URL, which may hold a password.

    What asks for something tells whether Redis took it; nothing but the two connections raises when Redis is away.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        try:
            parse_url(settings.redis_url)  # type: ignore[no-untyped-call]
        except ValueError:
            raise ConfigurationError(
                "CRM_SYNC_REDIS_URL (or REDIS_URL) is not an address such as redis://127.0.0.1:6379/0."
            ) from None
        self._url, self._clock = settings.redis_url, clock
        self._job_seconds = int(settings.slice_seconds + settings.call_timeout + _MARGIN_SECONDS)
        self._quick: redis.Redis | None = None
        self._process = 0
        self._broken_until = 0.0

    @property
    def job_seconds(self) -> int:
        """Return how long a job may run: a slice, the call in hand, and a margin."""
        return self._job_seconds

    def wake(self) -> bool:
        """Ask a worker to look at fresh changes; after every commit of the host that wrote some."""
        return self.quietly(partial(self._ring, _WAKE_KEY, LIVE_QUEUE, "wake"))

    def ring_bell(self) -> bool:
        """Ask a worker to look at everything."""
        return self.quietly(partial(self._ring, _BELL_KEY, LIVE_QUEUE, "bell"))

    def enqueue_drain(self, connection_id: UUID, lane: int) -> bool:
        """Ask a worker to work on a connection."""
        ring = partial(self._ring, _drain_key(connection_id), QUEUE_NAMES[lane], "drain", connection_id.hex, lane)
        return self.quietly(ring)

    def enqueue_notify(self) -> bool:
        """Ask a worker to send what people are to be told; receivers may be slow, so it is no work of the live lane."""
        return self.quietly(partial(self._ring, _NOTIFY_KEY, QUEUE_NAMES[UPDATE], "notify"))

    def notify_begins(self) -> None:
        """Let the next sending be asked for; before anything is read."""
        self.quietly(lambda: self.quick_connection().delete(_NOTIFY_KEY))

    def enqueue_review(self, longest: float) -> bool:
        """Ask a worker to make the reviews that are due, each of which may take `longest` seconds."""
        seconds = int(self._job_seconds + longest)
        return self.quietly(partial(self._ring, _REVIEW_KEY, QUEUE_NAMES[UPDATE], "review", seconds=seconds))

    def review_begins(self) -> None:
        """Let reviews be asked for again; before anything is read."""
        self.quietly(lambda: self.quick_connection().delete(_REVIEW_KEY))

    def wake_begins(self) -> None:
        """Let the next commit ring again; before anything is read."""
        self.quietly(lambda: self.quick_connection().delete(_WAKE_KEY))

    def bell_begins(self) -> None:
        """Let the bell be rung again; before anything is read."""
        self.quietly(lambda: self.quick_connection().delete(_BELL_KEY))

    def drain_begins(self, connection_id: UUID) -> None:
        """Let the next drain of a connection be asked for; before anything is read."""
        self.quietly(lambda: self.quick_connection().delete(_drain_key(connection_id)))

    def answers(self) -> bool:
        """Tell whether Redis is there, for whoever asks just that: what failed a moment ago does not count."""
        try:
            self.quick_connection().ping()
        except (redis.RedisError, OSError):
            return False
        return True

    def quietly(self, call: Callable[[], Any]) -> bool:
        """Do something with Redis unless it failed a moment ago; tell whether it went through."""
        if self._clock.monotonic() < self._broken_until:
            return False
        try:
            call()
        except (redis.RedisError, OSError) as error:
            self._broken_until = self._clock.monotonic() + _BREAK_SECONDS
            _log.warning("Redis did not answer (%s); nothing is lost, the next bell finds it.", type(error).__name__)
            return False
        return True

    def quick_connection(self) -> redis.Redis:
        """Return this process's client with short time limits and no second try."""
        if self._quick is None or self._process != os.getpid():
            self._quick, self._process = _quick_client(self._url), os.getpid()
        return self._quick

    def worker_connection(self) -> redis.Redis:
        """Return a client that waits, for a process that has nothing else to do."""
        return redis.Redis.from_url(self._url, socket_connect_timeout=5, socket_timeout=5, socket_keepalive=True)

    def _ring(self, key: str, queue: str, task: str, *arguments: Any, seconds: int = 0) -> None:
        client = self.quick_connection()
        if client.set(key, "1", nx=True, ex=_RING_SECONDS):
            Queue(queue, connection=client).enqueue_call(
                f"{_TASKS}.{task}",
                args=arguments,
                timeout=seconds or self._job_seconds,
                ttl=_JOB_SECONDS,
                result_ttl=0,
                failure_ttl=_FAILURE_SECONDS,
            )


def _quick_client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        protocol=2,  # no greeting, hence one round trip less and no time limits of the server's choosing
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),  # redis-py's own default tries for seconds
    )


def _drain_key(connection_id: UUID) -> str:
    return f"crm-sync:drain:{connection_id.hex}"
