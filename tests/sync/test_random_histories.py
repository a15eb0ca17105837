"""Whatever happens, in whatever order: in the end each client and each note is there once, with the right last values.

A host edits, people edit in the CRM, the CRM fails in every way it can, workers die at random steps, time passes. Then
all faults end, and what must be true is checked against a model that knows only who wrote what when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from flask_crm_sync.errors import (
    CRMError,
    InvalidRecord,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    ServerFault,
    Unreachable,
)
from flask_crm_sync.sync import budget, due, lease, steps
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM, FakeRecord
from tests.sync.conftest import settings as sync_settings
from tests.sync.dying import killed_at
from tests.sync.host_models import make_engine, wipe
from tests.sync.world import FakeClock, World

CITIES = st.sampled_from(["", "Graz", "Linz", "Wels", "Steyr"])
CITIES_THERE = st.sampled_from(["Wien", "Bregenz"])  # no value of ours, so that it is plain whose a value is
TROUBLES = st.sampled_from([*[OutcomeUnknown] * 4, RecordLocked, InvalidRecord, RateLimited, Unreachable, ServerFault])
CALLS = st.sampled_from([*["upsert", "add_notes"] * 3, "find", "read", "find_notes"])
WRITES = ("upsert", "add_notes")
WORK = st.none() | st.tuples(
    st.sampled_from([0, 1, 61, 95, 600, 3700]), st.none() | st.sampled_from(list(Step))
)  # how long afterwards a worker comes, if at all, and where it dies, if it does


Work = tuple[int, Step | None] | None


class Histories(RuleBasedStateMachine):
    """`cities` are the values that the host last gave, `cities_there` those that a person in the CRM did."""

    clients: Bundle[str] = Bundle("clients")
    conversations: Bundle[str] = Bundle("conversations")
    engine: ClassVar[sa.Engine]

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.undo: list[Callable[[], None]] = []
        self._patch(budget, "LOOK", budget.look_by(self.clock.column()))
        self._patch(lease, "SQL", lease.Statements.by(self.clock.column()))
        self._patch(due, "FREE", due.free_by(self.clock.column()))
        wipe(self.engine)
        self.crm = FakeCRM()
        self.world = World(self.engine, self.clock, sync_settings(), self.crm.connect)
        self.number = 0
        self.details: dict[str, dict[str, str]] = {}
        self.cities: dict[str, str] = {}
        self.cities_there: dict[str, str] = {}
        self.deleted_there: set[str] = set()
        self.gone: set[str] = set()
        self.talks: dict[str, tuple[str, str]] = {}

    @initialize(target=clients, keys=st.booleans())
    def begin_with_somebody(self, keys: bool) -> str:
        self.crm.keys = keys
        return self.make_client("Graz", "email")

    @initialize(target=conversations, word=st.integers(0, 9))
    def begin_with_a_talk(self, word: int) -> str:
        return self.make_talk(self.make_client("Linz", "email"), word)

    def _patch(self, module: Any, name: str, value: Any) -> None:
        original = getattr(module, name)
        self.undo.append(lambda: setattr(module, name, original))
        setattr(module, name, value)

    # The host

    @rule(target=clients, city=CITIES, kind=st.sampled_from(["", "email", "email", "phone"]), then=WORK)
    def add_client(self, city: str, kind: str, then: Work) -> str:
        id = self.make_client(city, kind)
        self.work(then)
        return id

    def make_client(self, city: str, kind: str) -> str:
        self.number += 1
        self.clock.advance(0.001)
        details = self.new_details(kind)
        id = self.world.client(f"Client {self.number}", city=city, **details)
        self.forget(id)
        self.details[id], self.cities[id] = details, city
        return id

    def new_details(self, kind: str) -> dict[str, str]:
        known = {"email": f"client{self.number}@example.com", "phone": f"+43 {self.number}"}
        return {kind: known[kind]} if kind else {}

    def forget(self, id: str) -> None:
        """SQLite may have given the key to somebody before."""
        self.gone.discard(id)
        self.deleted_there.discard(id)
        self.cities_there.pop(id, None)
        self.talks = {talk: said for talk, said in self.talks.items() if said[0] != id}

    @rule(id=clients, city=CITIES, then=WORK)
    def edit_client(self, id: str, city: str, then: Work) -> None:
        if id not in self.gone:
            self.clock.advance(0.001)
            self.world.edit(id, city=city)
            self.cities[id] = city
        self.work(then)

    @rule(id=clients, then=WORK)
    def give_details(self, id: str, then: Work) -> None:
        if id not in self.gone and not self.details[id]:
            self.number += 1
            self.details[id] = self.new_details("email")
            self.world.edit(id, **self.details[id])
        self.work(then)

    @rule(id=consumes(clients), then=WORK)
    def delete_client(self, id: str, then: Work) -> None:
        if id not in self.gone:
            self.world.remove(id)
            self.gone.add(id)
        self.work(then)

    @rule(target=conversations, id=clients, word=st.integers(0, 9), then=WORK)
    def talk(self, id: str, word: int, then: Work) -> str:
        conversation = self.make_talk(id, word)
        self.work(then)
        return conversation

    def make_talk(self, id: str, word: int) -> str:
        self.clock.advance(0.001)
        conversation = self.world.conversation(id, f"word {word}")
        self.talks[conversation] = (id, f"word {word}")
        return conversation

    @rule(conversation=conversations, word=st.integers(0, 9), then=WORK)
    def say_more(self, conversation: str, word: int, then: Work) -> None:
        self.world.say(conversation, f"more {word}")
        if conversation in self.talks:
            self.talks[conversation] = (self.talks[conversation][0], f"more {word}")
        self.work(then)

    # A person in the CRM

    @rule(id=clients, city=CITIES_THERE, then=WORK)
    def edit_in_crm(self, id: str, city: str, then: Work) -> None:
        record_id = self.record_of(id)
        if record_id is not None:
            self.crm.edit(record_id, city=city)
            self.cities_there[id] = city
        self.work(then)

    @rule(id=clients, really=st.integers(0, 3), then=WORK)
    def delete_in_crm(self, id: str, really: int, then: Work) -> None:
        record_id = self.record_of(id)
        if record_id is not None and not really:
            self.crm.delete(record_id)
            self.deleted_there.add(id)
        self.work(then)

    def record_of(self, id: str) -> str | None:
        link = self.world.link(id)
        mine = {record.id for record in self.records_of(id)}
        return str(link.remote_id) if link is not None and link.state == "active" and link.remote_id in mine else None

    # What goes wrong

    @rule(call=CALLS, trouble=TROUBLES, after=st.booleans(), digit=st.none() | st.integers(0, 9), then=WORK)
    def break_a_call(self, call: str, trouble: type[CRMError], after: bool, digit: int | None, then: Work) -> None:
        """Let the next call go wrong, for all of its items or for those in which a digit happens to stand."""
        if trouble is OutcomeUnknown and call not in WRITES:
            trouble = Unreachable
        only = None if digit is None else lambda item: str(digit) in str(item)
        self.crm.fail(call, trouble(), after=after and trouble is OutcomeUnknown, only=only)
        self.work(then)

    def work(self, then: Work) -> None:
        """Let time pass and a worker do what a wake does, or die over it."""
        if then is None:
            return
        seconds, dies_at = then
        self.clock.advance(seconds)
        if dies_at is None:
            self.world.run()
            return
        with killed_at(dies_at):
            self.world.run()
        self.world.restart()

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            steps.listen(None)
            for undo in self.undo:
                undo()

    def check(self) -> None:
        """Let everything come to its end, touch every client once more as a person who retries would, and compare."""
        self.crm.heal()
        self.world.restart()
        self.world.run_until_done()
        for id in self.details.keys() - self.gone:
            self.world.edit(id)
        self.world.tell("conversation", list(self.talks), "updated")
        self.world.run_until_done()
        self.check_records()
        self.check_notes()
        waiting = {op.client_id for op in self.world.pending()}
        assert waiting <= {id for id in self.details.keys() - self.gone if self.is_set_aside(id)}

    def is_set_aside(self, id: str) -> bool:
        """Without our key and an e-mail, a create that went without an answer is for a person."""
        return self.world.last(id).reason == "cannot_confirm" and not self.crm.keys and "phone" in self.details[id]

    def records_of(self, id: str) -> list[FakeRecord]:
        wanted = self.details[id].items()
        return [record for record in self.crm.records.values() if wanted and wanted <= record.values.items()]

    def check_records(self) -> None:
        keys = [record.key for record in self.crm.records.values() if record.key]
        assert len(keys) == len(set(keys)), "a client is there twice"
        for id in self.details.keys() - self.gone:
            found = self.records_of(id)
            expected = bool(self.details[id]) and id not in self.deleted_there and not self.is_set_aside(id)
            assert len(found) == expected, f"client {id} is there {len(found)} times"
            for record in found:
                assert record.values["city"] == self.cities_there.get(id, self.cities[id])

    def check_notes(self) -> None:
        keys = [note.key for note in self.crm.notes.values()]
        assert len(keys) == len(set(keys)), "a note is there twice"
        for conversation, (id, word) in self.talks.items():
            if id not in self.gone | self.deleted_there and self.records_of(id):
                link = self.world.link(conversation, "conversation")
                assert word in self.crm.notes[link.remote_id].body


@pytest.fixture(autouse=True)
def _database(tmp_path: Path) -> Iterator[None]:
    Histories.engine = make_engine(f"sqlite:///{tmp_path / 'histories.sqlite'}")
    yield
    Histories.engine.dispose()


Histories.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=35,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestHistories = pytest.mark.timeout(280)(Histories.TestCase)
