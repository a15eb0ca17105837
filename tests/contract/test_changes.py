"""Whatever people do in a CRM, and whenever it is polled: who believes what the polls told knows what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_crm_sync.crm.base import Adapter, RemoteRecord, Values
from tests.sync.world import FakeClock

from .cases import capable
from .conftest import Bench

AdapterOf = Callable[..., Adapter]

_WHO = st.integers(0, 7)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "poll", "edit", "poll", "delete", "wait", "restore", "edit", "merge", "poll"]),
        _WHO,
        _WHO,
    ),
    min_size=8,
    max_size=30,
)
_DAY = 90_000


class History:
    """A CRM, somebody who polls it, and what that one believes: the values of each record, and where some went."""

    def __init__(self, bench: Bench, adapter: Adapter, clock: FakeClock) -> None:
        self.bench, self.adapter, self.clock = bench, adapter, clock
        self.cursor, self.live, self.gone = "", list[str](), list[str]()
        self.believed: dict[str, Values | None] = {}
        self.serial = 0
        self._polled()

    def step(self, what: str, one: int, other: int) -> None:
        self.serial += 1
        if what == "add":
            self.live.append(self.bench.person_adds(email=f"a{self.serial}@example.com", first_name="Ann"))
        elif what == "wait":
            self.bench.sandbox.clock.advance(1)
        elif what == "poll":
            self._polled()
        elif what == "restore" and self.gone:
            self.live.append(self._taken(self.gone, one))
            self.bench.api("POST", f"contacts/{self.live[-1]}/restore")
        elif what == "edit" and self.live:
            self.bench.person_edits(self.live[one % len(self.live)], city=f"City {self.serial}")
        elif what == "delete" and self.live:
            self.gone.append(self._taken(self.live, one))
            self.bench.person_deletes(self.gone[-1])
        elif what == "merge" and len(self.live) > 1:
            merged = self._taken(self.live, one), self._taken(self.live, other)
            self.live.append(self.bench.person_merges(*merged))

    def settled(self) -> None:
        """Let everything show up that shows up late, at most a day later."""
        for seconds in (10, _DAY):
            self.clock.advance(seconds)
            self.bench.sandbox.clock.advance(10)
            self._polled()
            self._polled()

    def _polled(self) -> None:
        while True:
            told = self.adapter.changes_since(self.cursor)
            self.cursor = told.cursor
            for change in told.changes:
                if change.what in ("deleted", "merged"):
                    self.believed.pop(change.record_id, None)
                else:
                    self.believed[change.record_id] = change.record.values if change.record else None
            if not told.more:
                return

    @staticmethod
    def _taken(ids: list[str], number: int) -> str:
        return ids.pop(number % len(ids))


@pytest.fixture
def back_in_time(bench: Bench) -> Iterator[None]:
    """The sandbox is shared: its time goes on as if nothing had been."""
    yield
    bench.sandbox.clock.set(time.time())


@capable("changes")
@pytest.mark.usefixtures("back_in_time")
def test_polls_tell_what_is_there(bench: Bench, adapter_of: AdapterOf) -> None:
    clock = FakeClock()
    adapter, passed = adapter_of(bench, traits={}, clock=clock), clock.passed

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_STEPS, st.booleans())
    def run(steps: list[tuple[str, int, int]], lags: bool) -> None:
        bench.api("POST", "reset")
        bench.api("POST", "portals", bench.case.portal)
        if bench.case.switches:
            bench.switch(**bench.case.switches)
        if not lags:
            bench.switch(**bench.case.found_at_once)
        clock.passed = passed
        history = History(bench, adapter, clock)
        never = ({"merge"} if "merges" in bench.case.cannot else set[str]()) | ({"restore"} - adapter.capabilities)
        for what, one, other in steps:
            if what not in never:
                history.step(what, one, other)
        history.settled()
        there = {record.id: record.values for record in adapter.read(history.live) if isinstance(record, RemoteRecord)}
        assert set(there) == set(history.live)
        assert {one: there[one] if values is None else values for one, values in history.believed.items()} == there

    run()
