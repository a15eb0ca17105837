"""Whatever happens, in whatever order: in the end each client and each note is there once, with the right last values.

A host edits, people edit in the CRM, the CRM fails in every way it can, workers die at random steps, time passes. Then
all faults end, and what must be true is checked against a model that knows only who wrote what when.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, precondition, rule

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
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import settings as sync_settings
from tests.sync.world import FakeClock, Killed, World, killed_at, make_engine, wipe

CITIES = st.sampled_from(["", "Graz", "Linz", "Wels", "Steyr"])
TROUBLES = st.sampled_from([OutcomeUnknown, RecordLocked, InvalidRecord, RateLimited, Unreachable, ServerFault])
CALLS = st.sampled_from(["find", "read", "upsert", "add_notes", "find_notes"])
WRITES = ("upsert", "add_notes")

_engine = make_engine(f"sqlite:///{Path(tempfile.mkdtemp()) / 'histories.sqlite'}")


class Histories(RuleBasedStateMachine):
    """`ours` and `theirs` are the values that each side last gave a client's city, None where it never did."""

    clients: Bundle[str] = Bundle("clients")
    conversations: Bundle[str] = Bundle("conversations")

    @initialize()
    def begin(self) -> None:
        self.clock = FakeClock()
        for module in (lease, budget, due):
            self._patch(module)
        wipe(_engine)
        self.crm = FakeCRM()
        self.world = World(_engine, self.clock, sync_settings(), self.crm.connect)
        self.number = 0
        self.emails: dict[str, str] = {}
        self.cities: dict[str, str] = {}
        self.edited_there: set[str] = set()
        self.gone: set[str] = set()
        self.talks: dict[str, tuple[str, str]] = {}

    def _patch(self, module: Any) -> None:
        original = module.database_now
        self.undo = [*getattr(self, "undo", []), lambda: setattr(module, "database_now", original)]
        module.database_now = lambda _: self.clock.now().timestamp()

    # The host

    @rule(target=clients, city=CITIES, has_details=st.booleans())
    def add_client(self, city: str, has_details: bool) -> str:
        self.number += 1
        email = f"client{self.number}@example.com" if has_details else ""
        id = self.world.client(f"Client {self.number}", email=email, city=city)
        self.emails[id], self.cities[id] = email, city
        return id

    @rule(id=clients, city=CITIES, told=st.booleans())
    def edit_client(self, id: str, city: str, told: bool) -> None:
        if id not in self.gone:
            self.clock.advance(0.001)
            self.world.edit(id, city=city)
            self.cities[id] = city

    @rule(id=clients)
    def give_details(self, id: str) -> None:
        if id not in self.gone and not self.emails[id]:
            self.emails[id] = f"late{id}@example.com"
            self.world.edit(id, email=self.emails[id])

    @rule(id=consumes(clients))
    def delete_client(self, id: str) -> None:
        if id not in self.gone:
            self.world.remove(id)
            self.gone.add(id)

    @rule(target=conversations, id=clients, word=st.integers(0, 9))
    def talk(self, id: str, word: int) -> str:
        conversation = self.world.conversation(id, f"word {word}")
        self.talks[conversation] = (id, f"word {word}")
        return conversation

    @rule(conversation=conversations, word=st.integers(0, 9))
    def say_more(self, conversation: str, word: int) -> None:
        self.world.say(conversation, f"more {word}")
        self.talks[conversation] = (self.talks[conversation][0], f"more {word}")

    # A person in the CRM

    @rule(id=clients, city=CITIES)
    def edit_in_crm(self, id: str, city: str) -> None:
        link = self.world.link(id)
        if link is not None and link.remote_id and self.crm.records[link.remote_id].values["city"] != city:
            self.crm.edit(link.remote_id, city=city)
            self.edited_there.add(id)

    # What goes wrong

    @rule(call=CALLS, trouble=TROUBLES, after=st.booleans(), times=st.integers(1, 3))
    def break_a_call(self, call: str, trouble: type[CRMError], after: bool, times: int) -> None:
        if trouble is OutcomeUnknown and call not in WRITES:
            trouble = Unreachable
        after = after and trouble is OutcomeUnknown
        self.crm.fail(call, trouble(), after=after, times=times)

    @rule(trouble=TROUBLES, digit=st.integers(0, 9), after=st.booleans())
    def break_some_rows(self, trouble: type[CRMError], digit: int, after: bool) -> None:
        after = after and trouble is OutcomeUnknown
        self.crm.fail("upsert", trouble(), only=lambda write: str(digit) in write.key[:4], after=after, times=2)

    @rule(step=st.sampled_from(list(Step)), occurrence=st.integers(1, 4))
    def die(self, step: Step, occurrence: int) -> None:
        with killed_at(step, occurrence), suppress(Killed):
            self.world.run()
        self.world.restart()

    # Time and work

    @rule()
    def work(self) -> None:
        self.world.run()

    @rule(seconds=st.sampled_from([1, 61, 95, 600, 3700]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: self.crm.faults)
    @rule()
    def heal(self) -> None:
        self.crm.heal()

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.check()
        finally:
            steps.listen(None)
            for undo in getattr(self, "undo", []):
                undo()

    def check(self) -> None:
        """Let everything come to its end, touch every client once more as a person who retries would, and compare."""
        self.crm.heal()
        self.world.restart()
        self.world.run_until_done()
        for id in self.emails.keys() - self.gone:
            self.world.edit(id)
        self.world.tell("conversation", list(self.talks), "updated")
        self.world.run_until_done()
        self.check_records()
        self.check_notes()
        waiting = {op.client_id for op in self.world.pending()}
        assert waiting <= {id for id, email in self.emails.items() if not email}

    def check_records(self) -> None:
        keys = [record.key for record in self.crm.records.values()]
        assert len(keys) == len(set(keys)), "a client is there twice"
        for id in self.emails.keys() - self.gone:
            found = [record for record in self.crm.records.values() if record.values["email"] == self.emails[id]]
            assert len(found) == bool(self.emails[id]), f"client {id} is there {len(found)} times"
            if found and id not in self.edited_there:
                assert found[0].values["city"] == self.cities[id]
            for record in found:
                check_history(record.versions)

    def check_notes(self) -> None:
        keys = [note.key for note in self.crm.notes.values()]
        assert len(keys) == len(set(keys)), "a note is there twice"
        for conversation, (id, word) in self.talks.items():
            if id not in self.gone and self.emails[id]:
                link = self.world.link(conversation, "conversation")
                assert word in self.crm.notes[link.remote_id].body


def check_history(versions: list[tuple[str, dict[str, str]]]) -> None:
    """A person's value may be followed by one of ours only if ours had changed since we last looked; that is for the
    tests of the merge. Here: no write of ours ever blanks what a person set.
    """
    assert all(values["email"] for _, values in versions)


Histories.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestHistories = pytest.mark.timeout(280)(Histories.TestCase)
