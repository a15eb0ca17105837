"""Backfill: how fast a worker takes old clients to a CRM, in how much memory, and what looking at an idle CRM costs."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.crm.registry import adapter_class
from flask_crm_sync.models import Connection
from flask_crm_sync.sync.backfill import begin_backfill
from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.progress import progress
from flask_crm_sync.sync.push import drain
from flask_crm_sync.sync.two_way import find_two_way, save_two_way

from .calls import CRMS
from .engine import config_of
from .figures import spent, tell
from .growth import Grown
from .processes import Elsewhere
from .servers import Servers
from .workers import Account, Worker

MEMORY_AIM = 60.0
"""Megabytes by which a worker may grow, however many clients there are."""
SIZE = "CRM_SYNC_BENCH_BACKFILL"
"""The environment variable that asks for another number of clients, such as 1000000."""
_ASKED_FOR = int(os.environ.get(SIZE, "100000"))  # read before the run forgets the developer's own settings
_SAMPLE = 2_000
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


@dataclass(frozen=True)
class Filled:
    """What a backfill took: seconds in all and without its waiting, CPU seconds, and the megabytes that it grew by
    after the first thousands.
    """

    wall: float
    busy: float
    cpu: float
    grown: float


class Watched(SystemClock):
    """The machine's clock, which counts the seconds that somebody slept by it."""

    def __init__(self) -> None:
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += max(0.0, seconds)
        super().sleep(seconds)


class Filler(Grown):
    """A worker whose host has many clients of whom the CRM knows nothing."""

    def fill_host(self, wanted: int) -> None:
        """Make so many clients, and nothing of ours."""
        with self.engine.begin() as connection:
            self._fill_clients(connection, wanted)

    def backfill(self) -> Filled:
        """Send them all, and take apart what was work and what was waiting for the CRM's limit."""
        clock, grown = Watched(), 0.0
        sync = replace(self.crm.sync, clock=clock)
        total, settled = begin_backfill(sync, "1", "hubspot"), 0

        def work() -> None:
            nonlocal grown, settled
            warm = 0.0
            while True:
                catch_up(sync)
                drained = drain(sync, self.connection_id)
                settled += sum(drained.settled.values())
                if not warm and settled >= min(5_000, total // 2):
                    warm = _megabytes()
                grown = max(grown, _megabytes() - warm) if warm else grown
                if drained.blocked_until is not None:
                    clock.sleep(max(0.0, (drained.blocked_until - datetime.now(UTC)).total_seconds()))
                elif not drained.settled and _is_over(self):
                    break

        took = spent(work)
        if settled != total:
            raise RuntimeError(f"{settled} of {total} were settled: {self._states()}")
        return Filled(took.wall, took.wall - clock.slept, took.cpu, max(grown, 0.1))


def _is_over(worker: Worker) -> bool:
    seen = progress(worker.crm.sync, worker.connection_id)
    return seen is None or seen.is_over


def _megabytes() -> float:
    """Return the memory that this process holds now; where the system tells no such thing, the most it ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        told = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(told.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def bench_backfill(servers: Servers, database: str, *, quick: bool) -> None:
    """Print records a second of work beside the bare sender's, megabytes, and the calls of looking at idle CRMs."""
    clients = 500 if quick else _ASKED_FOR
    with ExitStack() as stack:
        given = servers.database(database), config_of(servers), servers.sandbox.call("open_portal")
        worker = stack.enter_context(Elsewhere(Filler, *given))
        bare = _bare(servers, database, 200 if quick else _SAMPLE)
        worker.call("fill_host", clients)
        took: Filled = worker.call("backfill")
    rate = clients / took.busy
    more = {"cpu_a_thousand": 1000 * took.cpu / clients, "seconds": took.wall, "within_limits": clients / took.wall}
    tell(f"backfill of {clients} clients", database, "records/s", rate, bare, ratio=bare / rate, aim=None, **more)
    tell(
        f"memory of a backfill of {clients}",
        database,
        "MB",
        took.grown,
        MEMORY_AIM,
        ratio=took.grown / MEMORY_AIM,
        aim=1.0,
    )
    for crm in CRMS:
        if "changes" in adapter_class(crm).capabilities:  # AutoChat tells by webhooks alone, so far as it is documented
            _tell_of_looks(servers, database, crm)


def _bare(servers: Servers, database: str, clients: int) -> float:
    """Return the records a second of a sender that does nothing but send what we sent for so many clients."""
    given = servers.database(database), config_of(servers), servers.sandbox.call("open_portal")
    with Elsewhere(Worker, *given) as worker:
        worker.call("save", clients, False)
        worker.call("record", clients)
        return float(clients / worker.call("send").wall)


class Looker(Worker):
    """A worker of a connection that is synced both ways."""

    def look(self, crm: str) -> None:
        """Look at the CRM now."""
        sync = self.crm.sync
        both = find_two_way(sync, "1", crm)
        if not both.on:
            save_two_way(sync, "1", crm, replace(both, on=True))
        past = sync.clock.now() - timedelta(hours=1)
        with self.engine.begin() as connection:
            asked = sa.case((_connections.c.polled_at.is_(None), None), else_=past)
            connection.execute(_connections.update().values(pull_at=past, polled_at=asked))
        drain(sync, self.connection_id)


def _tell_of_looks(servers: Servers, database: str, crm: str) -> None:
    """An unchanged CRM is looked at for one call; the first look only begins."""
    counted = CRMS[crm]
    servers.sandbox.call("empty", crm)
    account = Account(crm, counted.method, counted.credentials)
    with Elsewhere(Looker, servers.database(database), config_of(servers) | dict(counted.settings), account) as worker:
        worker.call("look", crm)
        before = sum(servers.sandbox.call("calls_to", crm).values())
        worker.call("look", crm)
        calls = sum(servers.sandbox.call("calls_to", crm).values()) - before
    tell(f"looking at an unchanged {crm}", database, "calls", calls, 1, ratio=calls, aim=1)
