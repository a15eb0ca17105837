"""A world for one test: a database, a Redis, a sandbox CRM, a host that writes and workers that die.

Time is the one thing that is helped along. What waits for its interval, or for a retry hours away after a hundred
crashes, is brought forward in the database, as if the hours had passed; and the lease of a worker whose death the
harness has seen is ended at once, where in life it would run out by itself (`bury`; some tests do wait).
"""

from __future__ import annotations

import base64
import json
import secrets
import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from flask_crm_sync.models import Change, Connection, Heartbeat, Operation, Scan, database_now
from flask_crm_sync.models.change import CLIENT, CONVERSATION
from flask_crm_sync.models.heartbeat import BELL
from flask_crm_sync.models.operation import PENDING, UPDATE_CONTACT
from flask_crm_sync.sync.steps import Step
from tests.chaos.crm import CRM
from tests.chaos.engines import Redis
from tests.chaos.processes import Nursery
from tests.chaos.reckoning import (
    Problem,
    changed_hands,
    compare,
    doubtful_notes,
    operations_of,
    truth_of,
    unsettled,
    unsure_clients,
)
from tests.chaos.tally import Tally

ACCOUNTS = (1, 2)
"""The host's accounts that are connected."""
CONFIRM = 1.0
"""Seconds that an unanswered write rests: longer than the sandbox ever works on a call whose caller is dead."""
SETTINGS = {
    "CRM_SYNC_CONFIRM_SECONDS": str(CONFIRM),
    "CRM_SYNC_LEASE_SECONDS": "10",
    "CRM_SYNC_SLICE_SECONDS": "5",
    "CRM_SYNC_CALL_TIMEOUT": "4",
    # The harness kills whoever works, a hundred times over: by the default of five, innocent records that were in
    # hand each time would be set aside as the cause.
    "CRM_SYNC_MAX_CRASHES": "1000",
}
LONG_AGO = 1.0
"""An instant at which a lease ended that nobody gave back."""
RING_EVERY = 0.3
"""Seconds between two bells, which in life are a minute."""
DEADLOCKS = 10
"""How often the harness, which writes where workers write, lets them go first."""
PATIENCE = 90.0
"""Seconds within which anything must come to its end; a world in order needs a fraction."""

_operations: Any = Operation.__table__
_connections: Any = Connection.__table__
_heartbeats: Any = Heartbeat.__table__
_scans: Any = Scan.__table__


class Stuck(AssertionError):
    """Something did not come to its end."""


@dataclass(frozen=True)
class Worker:
    """A worker process and the file in which it notes the boundaries that it reaches."""

    pid: int
    trail: Path

    @property
    def steps(self) -> list[str]:
        """Return the boundaries reached so far."""
        return self.trail.read_text().split() if self.trail.exists() else []


class World:
    """Everything that runs for one test. `name` is the database's, for the tally."""

    def __init__(
        self,
        name: str,
        url: str,
        redis: Redis,
        nursery: Nursery,
        directory: Path,
        tally: Tally,
        *,
        settings: Mapping[str, str] = SETTINGS,
        journal: str = "",
        crm: str = "hubspot",
    ) -> None:
        self.name, self.redis, self.nursery, self.tally = name, redis, nursery, tally
        self._directory, self._people, self._next_ring = directory, 0, 0.0
        self._pids: list[int] = []
        self.engine = sa.create_engine(url, poolclass=sa.NullPool, **_patience(url))
        redis.flush()
        self.crm = self._start_sandbox(crm)
        self._env = {
            **settings,
            **self.crm.kind.settings,
            "DATABASE_URL": url,
            "REDIS_URL": redis.url,
            "SECRET_KEY": secrets.token_hex(16),
            "CRM_SYNC_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "CRM_SYNC_SANDBOX_URL": self.crm.url,
            "CRM_SYNC_SANDBOX_CA": str(self.crm.ca_file),
            "FLASK_SKIP_DOTENV": "1",
        }
        self._prepare(journal)

    def _start_sandbox(self, crm: str) -> CRM:
        ready = self._directory / "ready.json"
        self._spawn("sandbox", {"directory": str(self._directory / "sandbox"), "ready": str(ready)}, {})
        self._until(ready.exists, "the sandbox to start")
        told = json.loads(ready.read_text())
        return CRM(crm, told["url"], Path(told["ca_file"]))

    def _prepare(self, journal: str) -> None:
        self.crm.open_portals()
        keys = {str(account): [portal.method, *portal.keys] for account, portal in self.crm.kind.portals.items()}
        pid = self._spawn("prepare", {"journal": journal, "crm": self.crm.name, "keys": keys}, self._env)
        if self.nursery.wait(pid, PATIENCE) != 0:
            raise Stuck(f"The world was not set up:\n{self.last_words()}")
        # The scan would find what a crash has lost, and so hide it. It is told that it ran just now, and runs daily.
        now = datetime.now(UTC)
        ran = [{"name": name, "ran_at": now, "after": now, "cursor": "", "note": ""} for name in (CLIENT, CONVERSATION)]
        self._write(_connections.update().values(interval_minutes=1440), _scans.insert().values(ran))

    def close(self) -> None:
        """End everything, whatever state it is in."""
        for pid in self._pids:
            self.nursery.send(pid, signal.SIGKILL)
        self.nursery.wait_for_all(self._pids, 30)
        self.crm.close()
        self.engine.dispose()

    # Processes

    def start_worker(self, **order: Any) -> Worker:
        """Start `flask crm worker`; for the order (step, nth, signal, poison) see `roles.Listener`."""
        trail = self._directory / f"trail-{len(self._pids)}"
        return Worker(self._spawn("worker", {**order, "trail": str(trail)}, self._env), trail)

    def start_scheduler(self) -> int:
        """Start `flask crm scheduler`."""
        return self._spawn("scheduler", {}, self._env)

    def start_host(self, seed: int, account: int = 1, pause: float = 0.0, **deeds: int) -> int:
        """Start a process of the host that does so many of each deed."""
        first, self._people = self._people, self._people + 1000
        tagged = ["company"] if self.crm.kind.company_is_text else ["company", "state"]
        order = {"seed": seed, "account": account, "first": first, "pause": pause, "deeds": deeds, "tagged": tagged}
        return self._spawn("host", order, self._env)

    def host(self, seed: int, account: int = 1, **deeds: int) -> None:
        """Let the host do something, to its end."""
        pid = self.start_host(seed, account, **deeds)
        if self.nursery.wait(pid, PATIENCE) != 0:
            raise Stuck(f"The host could not do its deeds ({self.nursery.code(pid)}):\n{self.last_words()}")

    def dies(self, worker: Worker, seconds: float) -> bool:
        """Wait for a worker to be killed, and count it; one that ends in any other way is an error."""
        code = self.nursery.wait(worker.pid, seconds)
        if code is None:
            return False
        if code != -signal.SIGKILL:
            raise Stuck(f"The worker ended with {code} by itself:\n{self.last_words()}")
        self.tally.kills[self.name, (worker.steps or ["idle"])[-1]] += 1
        return True

    def kill(self, worker: Worker) -> None:
        """Kill a worker from outside, and count it."""
        self.nursery.kill(worker.pid)
        self.dies(worker, 30)

    def bury(self) -> None:
        """End the leases of workers that are known to be dead, as time does: all of them must be, or have given up."""
        held = _connections.c.lease_until > 0
        self._write(_connections.update().where(held).values(lease_until=LONG_AGO))

    def last_words(self) -> str:
        """Return the end of what the processes wrote."""
        return (self._directory / "log").read_text(errors="replace")[-6000:]

    # Time

    def hasten(self) -> bool:
        """Let time pass: intervals come round, retries fall due, a resting connection is rested.

        What may have been sent keeps its rest: nothing that was put back is due before `CONFIRM` seconds have passed.
        Return whether there was anything to bring forward.
        """
        now = datetime.now(UTC)
        soon = now + timedelta(seconds=CONFIRM)
        table = _operations.c
        waits = sa.and_(table.status == PENDING, table.claim.is_(None))
        fresh = sa.and_(waits, table.kind == UPDATE_CONTACT, table.reason == "", sa.not_(table.unknown))
        forward = [
            (_operations, sa.and_(fresh, table.due_at > now), {"due_at": now}),
            (_operations, sa.and_(waits, table.due_at > soon), {"due_at": soon}),
            (_connections, _connections.c.blocked_until > soon, {"blocked_until": soon}),
        ]
        # A look before each write: one that finds nothing would still stand in the way of every other writer.
        late = [one for one in forward if self._is_so(sa.exists().where(one[1]))]
        self._write(*(rows.update().where(condition).values(values) for rows, condition, values in late))
        return bool(late)

    def nudge(self) -> None:
        """Let time pass, and ring the bell when something has come due, or now and then."""
        if self.hasten() or time.monotonic() > self._next_ring:
            self.redis.ring()
            self._next_ring = time.monotonic() + RING_EVERY

    def silence_bell(self) -> None:
        """Let the last bell be so long ago that a worker which starts now looks for itself."""
        self._write(_heartbeats.update().values(beat_at=datetime.now(UTC) - timedelta(minutes=5)))

    # Ends

    def settle(self) -> None:
        """Let a healthy worker work until nothing is left to do, then ask it to end."""
        worker, since, self._next_ring = self.start_worker(), datetime.now(UTC), 0.0
        self._until(lambda: self._is_done(worker, since), "everything to be settled")
        self.stop(worker)

    def stop(self, worker: Worker) -> None:
        """Ask a worker to end, as an operator does."""
        self.nursery.send(worker.pid, signal.SIGTERM)
        if self.nursery.wait(worker.pid, 30) != 0:
            raise Stuck(f"The worker ended with {self.nursery.code(worker.pid)}:\n{self.last_words()}")

    def reckon(self, pardoned: Collection[int] = ()) -> list[Problem]:
        """Compare the host with the CRM's own store; the ids of operations that may have failed are pardoned."""
        problems: list[Problem] = []
        with self.engine.connect() as connection:
            doubtful = doubtful_notes(connection) if not self.crm.kind.notes_can_be_found else {}
            unsure = unsure_clients(connection) if not self.crm.kind.creates_can_be_confirmed else set()
            problems += unsettled(connection, {*pardoned, *doubtful, *operations_of(connection, unsure)})
            for account, portal in self.crm.kind.portals.items():
                contacts, notes = self.crm.contacts(portal), self.crm.notes(portal)
                truth = truth_of(connection, account, set(doubtful.values()), unsure)
                problems += compare(truth, contacts, notes, self.crm.kind)
                problems += changed_hands(self.crm.tags(portal))
                self.tally.records, self.tally.notes = self.tally.records + len(contacts), self.tally.notes + len(notes)
        self.tally.judged(problems)
        return problems

    def expect_order(self, pardoned: Collection[int] = ()) -> None:
        """Let the host close its conversations and the workers finish; then everything must be there exactly once."""
        for account in ACCOUNTS:
            self.host(0, account, close_all=1)
        self.settle()
        problems = self.reckon(pardoned)
        if problems:
            shown = "\n".join(map(str, problems[:20]))
            raise AssertionError(f"{len(problems)} problems:\n{shown}\n\nThe processes said:\n{self.last_words()}")

    def in_hand(self) -> list[Any]:
        """Return the operations that somebody, alive or dead, has claimed."""
        claimed = sa.and_(_operations.c.status == PENDING, _operations.c.claim.is_not(None))
        return self._read(sa.select(_operations).where(claimed))

    def operations(self, *conditions: Any) -> Sequence[Any]:
        """Return operations."""
        return self._read(sa.select(_operations).where(*conditions))

    def is_owing(self) -> bool:
        """Tell whether a change waits to be looked at, or an operation to be done."""
        waiting = sa.exists().where(_operations.c.status == PENDING)
        return self._is_so(sa.or_(sa.exists(sa.select(Change.id)), waiting))

    def lease_left(self) -> float:
        """Return for how many seconds any connection is still held."""
        with self.engine.connect() as connection:
            until: float = connection.execute(sa.select(sa.func.max(_connections.c.lease_until))).scalar_one()
            return until - database_now(connection)

    def _is_done(self, worker: Worker, since: datetime) -> bool:
        """Tell whether a bell was heard, nothing is left to do, and nobody is at it any more."""
        if self.nursery.code(worker.pid) is not None:
            raise Stuck(f"A healthy worker ended with {self.nursery.code(worker.pid)}:\n{self.last_words()}")
        self.nudge()
        heard = sa.exists().where(Heartbeat.kind == BELL, Heartbeat.beat_at > since)
        return self._is_so(heard) and not self.is_owing() and self.lease_left() < 0

    def until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for something, while time passes and the bell rings."""

        def look() -> bool:
            self.nudge()
            return ready()

        self._until(look, what)

    def until_dead(self, worker: Worker) -> None:
        """Wait for a worker to be killed by its listener, while time passes."""

        def look() -> bool:
            self.hasten()
            return self.dies(worker, 0.1)

        self._until(look, "the worker to die")

    def _until(self, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > deadline:
                pending = self._read(sa.select(_operations).where(_operations.c.status == PENDING))
                raise Stuck(f"Waited in vain for {what}. Pending: {pending[:5]}\n{self.last_words()}")
            time.sleep(0.05)

    def _spawn(self, role: str, order: Mapping[str, Any], env: Mapping[str, str]) -> int:
        pid = self.nursery.spawn(role, order, env, self._directory / "log")
        self._pids.append(pid)
        return pid

    def _write(self, *statements: Any) -> None:
        """Write, and again where the database chose us as the victim of a deadlock."""
        for attempt in range(DEADLOCKS if statements else 0):
            try:
                with self.engine.begin() as connection:
                    for statement in statements:
                        connection.execute(statement)
                return
            except sa.exc.OperationalError:
                if attempt == DEADLOCKS - 1:
                    raise

    def _is_so(self, condition: Any) -> bool:
        return bool(self._read(sa.select(condition))[0][0])

    def _read(self, query: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(query).all())


def kill_at(world: World, step: Step, keep_busy: Callable[[], None], nth: int = 1) -> None:
    """Kill a worker at its nth arrival at a boundary, with the host writing until it gets there; then bury it."""
    keep_busy()
    worker = world.start_worker(step=step, nth=nth)
    for look in range(1, 400):
        if world.dies(worker, 0.1):
            return world.bury()
        if look > 2:
            world.nudge()
        if look % 16 == 0:
            keep_busy()
    raise Stuck(f"{step} was never reached (time {nth}); steps: {worker.steps}\n{world.last_words()}")


def _patience(url: str) -> dict[str, Any]:
    return {"connect_args": {"timeout": 30}} if url.startswith("sqlite") else {}
