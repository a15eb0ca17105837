"""Whatever people do on both sides, and whatever goes wrong: in the end both agree, and no edit is lost in silence.

The host and a sandbox CRM are edited, records deleted, restored, merged and converted, webhooks come twice, late or
never, calls fail, workers die at any step. Then all faults end, time passes, and what must be true is checked against a
model that knows only who wrote what where, and what stood there when they did.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from flask_crm_sync.crm.base import RemoteRecord
from flask_crm_sync.errors import CannotConfirm
from flask_crm_sync.models import Conflict
from flask_crm_sync.models.conflict import OPEN
from flask_crm_sync.models.operation import APPLY_REMOTE, CREATE_NEW
from flask_crm_sync.sync import steps
from flask_crm_sync.sync.choices import decide
from tests.contract.cases import capable
from tests.contract.conftest import Bench, bench, sandbox  # noqa: F401
from tests.sync.host_models import make_engine
from tests.sync.world import ACCOUNT
from tests.two_way.history import HERE, RULES, THERE, History

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
CALLS_A_STEP, CALLS_AT_LEAST = 12, 120
"""What a history may cost in calls to the CRM; a loop would cost far more."""


class Histories(History):
    """A history with its end."""

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            self.bench.no_faults()
            steps.listen(None)
            for warm in self.world.sync.warm.kept.values():
                warm.adapter.http.close()
            for undo in self.undo:
                undo()

    def check(self) -> None:
        self.bench.no_faults()
        self.restart()
        self.deliver(self.told if self.by_hints else [])
        for minutes in (6, 6, 60):
            self.look(minutes)
        self.settle_unsure()
        for minutes in (26 * 60, 6, 6):
            self.look(minutes)
        spent = self.bench.calls()
        assert spent <= CALLS_AT_LEAST + CALLS_A_STEP * self.taken, f"{spent} calls for {self.taken} steps"
        self.check_rest()
        self.check_sides()
        self.check_echo()

    def look(self, minutes: float) -> None:
        self.bench.sandbox.clock.advance(60 * min(minutes, 10))
        self.clock.advance(minutes=minutes)
        self.world.run_until_done()

    def settle_unsure(self) -> None:
        """Let a person look for creates that nothing can confirm, and have those made that are not there.

        A CRM that finds clients by e-mail alone cannot tell of one whose address was edited here before the read-back.
        """
        addresses = {row["properties"].get(self.bench.field["email"]) for row in self.records()}
        unsure = self.world.operations(status="failed", reason=CannotConfirm.code)
        for id, entry in {operation.subject_id: operation for operation in unsure}.items():
            is_there = self.record_of(id) or self.addresses[id] & addresses
            if id in self.own and not is_there:
                decide(self.world.sync, ACCOUNT, entry.id, CREATE_NEW)

    def check_rest(self) -> None:
        """Nothing goes round: a look at a CRM in which nothing happens costs one call, and owes nothing."""
        before = len(self.world.operations()), self.bench.calls()
        self.look(6)
        after = len(self.world.operations()), self.bench.calls()
        assert after[0] == before[0]
        assert after[1] - before[1] <= 1

    def check_echo(self) -> None:
        """What we wrote ourselves comes back by poll or webhook, and is known by its content: it owes nothing."""
        before, id = self.taken_home(), self.make_client()
        self.look(6)
        self.world.edit(id, city="Back again")
        self.look(61)
        self.deliver([self.record_of(id)] * 2)
        self.look(6)
        assert (self.there(self.record_of(id)) or {})[self.bench.field["city"]] == "Back again"
        assert self.taken_home() == before, "our own write was taken for somebody's edit"

    def taken_home(self) -> int:
        """Return how many operations were owed because the CRM told of something."""
        return sum(operation.kind == APPLY_REMOTE for operation in self.world.operations())

    def check_sides(self) -> None:
        records = self.records()
        assert len(records) == self.alive, f"{len(records)} records for {self.alive} people"
        conflicts = self.world.rows(Conflict)
        met = {(row.client_id, row.field) for row in conflicts}
        waiting = {(row.client_id, row.field) for row in conflicts if row.state == OPEN}
        adapter = self.bench.adapter()
        try:
            for id in self.own:
                record = self.record_of(id)
                if record:
                    (read,) = adapter.read([record])
                    assert isinstance(read, RemoteRecord), read
                    self.check_client(id, read, met, waiting)
        finally:
            adapter.http.close()

    def check_client(self, id: str, record: RemoteRecord, met: set[Any], waiting: set[Any]) -> None:
        client = self.here(id)
        assert client is not None
        ours = self.bench.kind.translate(client)
        for name in RULES:
            field = self.bench.field[name]
            if field in record.lacks:
                continue
            sides = {HERE: ours[field], THERE: record.values.get(field, "")}
            if (id, field) not in waiting:
                assert sides[HERE] == sides[THERE], (id, name, sides, self.pending.get((id, name)))
            for side, value in self.pending.get((id, name), {}).items():
                kept = sides[side] == value if (id, field) in waiting else value in sides.values()
                assert kept or (id, field) in met, f"{name} of {id}, edited {side} to {value!r}, is lost: {sides}"


def run_histories(bench: Bench, tmp_path: Path, **ways: Any) -> None:  # noqa: F811
    """Run random histories; `ways` are attributes of their class."""
    engine = make_engine(f"sqlite:///{tmp_path / 'host.sqlite'}")
    made = type("Histories", (Histories,), {"bench": bench, "engine": engine, **ways})
    try:
        run_state_machine_as_test(
            made,
            settings=settings(
                max_examples=60 if THOROUGH else 4,
                stateful_step_count=40 if THOROUGH else 30,
                phases=[Phase.generate],  # a history that fails is told as it is: shrinking it takes many minutes
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        engine.dispose()


AUTOCHAT = pytest.mark.parametrize("bench", ["autochat"], indirect=True)
"""The one CRM that tells of its changes only as far as an operator has found out how to ask for them."""


@capable("changes")
@pytest.mark.timeout(3600 if THOROUGH else 120)
def test_both_sides_agree_in_the_end(bench: Bench, tmp_path: Path) -> None:  # noqa: F811
    run_histories(bench, tmp_path)


@AUTOCHAT
@pytest.mark.timeout(3600 if THOROUGH else 120)
def test_they_agree_where_an_operator_lets_changes_be_asked_for(bench: Bench, tmp_path: Path) -> None:  # noqa: F811
    asking = {"autochat_changed_since": "updated_since", "autochat_paging": (("page", "page"), ("size", "limit"))}
    bench.settings = replace(bench.settings, **asking)
    run_histories(bench, tmp_path, switches={"changed_since": "updated_since"})


@AUTOCHAT
@pytest.mark.timeout(3600 if THOROUGH else 120)
def test_they_agree_where_webhooks_alone_tell_of_changes(bench: Bench, tmp_path: Path) -> None:  # noqa: F811
    run_histories(bench, tmp_path, by_hints=True)
