"""A portal of the sandbox in which time stands still, and somebody who speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from flask_crm_sync.crm.base import Adapter, RemoteChange
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.sandbox.server import Sandbox
from tests.contract.conftest import Bench
from tests.sync.world import FakeClock

NOON = 1_790_000_000.0


class Portal:
    """A portal, somebody who polls it, and time, which is the same for both."""

    def __init__(self, bench: Bench, adapter: Adapter, clock: FakeClock) -> None:
        self.bench, self.adapter, self.clock = bench, adapter, clock
        self.hubspot = bench.sandbox.hubspot
        self.hubspot.dialect.change({"search_lag_ms": 0})
        self.cursor = ""

    def wait(self, seconds: float) -> None:
        self.bench.sandbox.clock.advance(seconds)
        self.clock.passed += seconds

    def poll(self) -> list[RemoteChange]:
        found: list[RemoteChange] = []
        while True:
            told = self.adapter.changes_since(self.cursor)
            self.cursor = told.cursor
            assert len(self.cursor) <= 4_000
            found += told.changes
            if not told.more:
                return found

    def told(self) -> set[tuple[str, str]]:
        return {(change.record_id, change.what) for change in self.poll()}

    def calls_of(self, work: Callable[[], object]) -> int:
        before = self.bench.calls()
        work()
        return self.bench.calls() - before

    def changed_at(self, record_id: str, seconds_ago: float) -> None:
        """Let a change bear an earlier time, as one that the index shows late."""
        at = int((self.bench.sandbox.clock.now() - seconds_ago) * 1000)
        with self.hubspot.store.writing() as db:
            db.execute("UPDATE record SET updated = ? WHERE id = ?", (at, int(record_id)))

    def add(self, count: int) -> list[str]:
        return [self.hubspot.add_contact({"firstname": f"Ann {number}"}) for number in range(count)]


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("still"), clock=lambda: NOON, keep=False) as running:
        yield running


@pytest.fixture
def portal(still: Sandbox) -> Iterator[Portal]:
    still.clock.set(NOON)
    still.hubspot.start_afresh()
    bench, clock = Bench("hubspot", still), FakeClock()
    adapter = connect("hubspot", bench.case.credentials, bench.settings, {}, meter=None, clock=clock)
    made = Portal(bench, adapter, clock)
    made.add(1)
    assert made.poll() == []
    yield made
    adapter.http.close()
