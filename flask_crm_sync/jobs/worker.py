"""The process behind `flask crm worker`: one worker for all lanes that never forks.

TLS sessions, database connections and the loaded app stay warm from job to job; a job that does nothing costs a few
milliseconds. Plain `rq worker crm-live crm-update crm-bulk` does the same work, with a fork and a fresh start
each time.
"""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Sequence
from types import FrameType

import redis
from rq import SimpleWorker
from rq.exceptions import StopRequested

from .queue import QUEUE_NAMES
from .running import Running, stopping
from .watch import Watch

_WAIT_FOR_REDIS = 1.0
_IDLE_SECONDS = 60

_log = logging.getLogger(__name__)


class LaneWorker(SimpleWorker):
    """RQ's worker without fork and without a channel for remote commands: SIGTERM is the way to end it."""

    log_result_lifespan = False
    max_connection_wait_time = 2.0  # RQ would wait up to a minute before it looks for Redis again

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End after the batch in hand, at once where there is none, also when Redis is away."""
        stopping.set()
        with contextlib.suppress(redis.RedisError):  # RQ writes the request down in Redis
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def _install_signal_handlers(self) -> None:
        """Take over from our own handlers, with a signal that came in just before."""
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        self._stop_requested = self._stop_requested or stopping.is_set()

    def subscribe(self) -> None:
        """Listen to no commands: the thread for it would outlive a lost Redis."""

    def unsubscribe(self) -> None:
        """There is nothing to leave."""


def run_worker(running: Running, lanes: Sequence[int] = tuple(QUEUE_NAMES), *, burst: bool = False) -> None:
    """Work on the lanes in the order given until SIGTERM or SIGINT; with `burst` until the queues are empty.

    A Redis that is away is waited for. To be called in the main thread, the one that signals reach.
    """
    stopping.clear()
    _listen_to_signals()  # before anybody reads of a worker that is there and may be told to end
    watch = Watch(running)
    if not burst:
        watch.start()
    try:
        while not _worked(running, lanes, burst=burst):
            _log.warning("Redis does not answer; trying again.")
            stopping.wait(_WAIT_FOR_REDIS)
    finally:
        watch.stop()
        if not burst:
            _hand_over(running)


def _worked(running: Running, lanes: Sequence[int], *, burst: bool) -> bool:
    """Work until there is nothing more to do; False when Redis was lost on the way."""
    queues = [QUEUE_NAMES[lane] for lane in lanes]
    try:
        if not stopping.is_set():
            with contextlib.closing(running.queues.worker_connection()) as connection:
                worker = LaneWorker(queues, connection=connection, worker_ttl=_IDLE_SECONDS, log_job_description=False)
                worker.work(burst=burst, logging_level="WARNING")
    except (redis.RedisError, OSError, StopRequested):
        return stopping.is_set()
    finally:
        _listen_to_signals()  # RQ's own handlers belong to a worker that is no more
    return burst or stopping.is_set()


def _hand_over(running: Running) -> None:
    """Ring for the others: a job that was taken from its queue when the signal came is not put back by RQ."""
    running.queues.wake_begins()
    running.queues.wake()


def _listen_to_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
