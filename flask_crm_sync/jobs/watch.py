"""The worker's watch: a small thread that leaves a sign of life and sees to it that a bell rings, whoever is away.

Without a scheduler the worker rings by itself once no bell was heard for 90 seconds. Without Redis there is no queue to
ring in, and the worker's main thread can only wait for it; the database still holds everything that is owed, so the
watch then does the bell's and the drains' work in its own thread, until Redis is back. Leases keep that apart from
whatever other workers do.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from datetime import timedelta

from ..models.heartbeat import BELL, WORKER
from ..sync.due import due_connections
from .heartbeat import beat, forget_old, last_beat
from .running import Running, stopping
from .tasks import look_around, work_on

_BEAT_SECONDS = 30.0
_SILENCE = timedelta(seconds=90)
_PARTING_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Watch:
    """One per worker process."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._name = f"worker {socket.gethostname()} {os.getpid()}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crm-sync-watch", daemon=True)
        self._redis_is_away = False

    def start(self) -> None:
        """Begin to watch, with a sign of life and, where needed, a bell at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch; a drain that it has in hand is given a moment."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(_PARTING_SECONDS)

    def tick(self) -> None:
        """Leave a sign of life; ring, or do what a bell would, when nobody else does."""
        with self._running.app.app_context():
            self._beat()
            forget_old(self._running.sync.database, self._running.sync.clock)
            if self._redis_is_away or self._is_silent():
                self._redis_is_away = not self._running.queues.ring_bell()
                if self._redis_is_away:
                    self._work_without_queue()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.tick()
            except Exception:
                _log.exception("The worker's watch met an error; it goes on.")
            self._over.wait(_BEAT_SECONDS)

    def _beat(self) -> None:
        beat(self._running.sync.database, self._running.sync.clock, self._name, WORKER)

    def _is_silent(self) -> bool:
        last = last_beat(self._running.sync.database, BELL)
        return last is None or self._running.sync.clock.now() - last > _SILENCE

    def _work_without_queue(self) -> None:
        _log.warning("Redis is away: this worker looks into the database by itself.")
        look_around(self._running)
        for one in due_connections(self._running.sync):
            while not stopping.is_set() and work_on(self._running, one.connection_id, one.lane).more:
                self._beat()
