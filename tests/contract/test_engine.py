"""The engine with every adapter: a host's clients and conversations, once each, in the CRM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flask_crm_sync.credentials.oauth import Granted
from flask_crm_sync.crm.base import Adapter, RemoteRecord
from flask_crm_sync.errors import CannotConfirm
from flask_crm_sync.models.operation import CREATE_NEW
from flask_crm_sync.sync import budget, due, lease, reasons
from flask_crm_sync.sync.agreement import compare
from flask_crm_sync.sync.choices import decide
from flask_crm_sync.sync.comparing import Compared
from flask_crm_sync.sync.connections import store_credentials
from flask_crm_sync.sync.erasure import erase_client, erasures
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.sync.undo import Stretch, put_back
from tests.sync.dying import killed_at
from tests.sync.host_models import make_engine
from tests.sync.world import ACCOUNT, FakeClock, World

from .cases import capable
from .conftest import Bench


@dataclass
class _Connected(World):
    """A host whose one account is connected to the bench's CRM."""

    bench: Bench = None  # type: ignore[assignment]

    def connect(self, account_id: str, token: str = "") -> UUID:
        granted = Granted(self.bench.name, self.bench.case.method, self.bench.case.credentials)
        return store_credentials(self.sync, account_id, granted).id

    def stored(self) -> list[dict[str, Any]]:
        return [record["properties"] for record in self.bench.records()]


@pytest.fixture
def world(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Connected]:
    clock = FakeClock()
    monkeypatch.setattr(budget, "LOOK", budget.look_by(clock.column()))
    monkeypatch.setattr(lease, "SQL", lease.Statements.by(clock.column()))
    monkeypatch.setattr(due, "FREE", due.free_by(clock.column()))
    engine = make_engine(f"sqlite:///{tmp_path / 'host.sqlite'}")
    made = _Connected(engine, clock, bench.settings, bench=bench)
    yield made
    for warm in made.sync.warm.kept.values():
        warm.adapter.http.close()
    engine.dispose()


def test_clients_and_their_conversations_arrive_once(world: _Connected, bench: Bench) -> None:
    clients = world.clients(12)
    for client in clients:
        world.conversation(client)
    world.run_until_done()
    assert {(op.status, op.reason) for op in world.operations()} == {("success", "")}
    emails = sorted(record[bench.field["email"]] for record in world.stored())
    assert emails == sorted(f"person{n}@example.com" for n in range(12))
    owners = [note["contacts"] for note in bench.notes()]
    assert sorted(owners) == sorted([record["id"]] for record in bench.records())
    assert all("I would like an offer" in note["properties"][bench.case.note_body] for note in bench.notes())


def test_many_clients_with_a_note_each_cost_no_more_calls_than_promised(world: _Connected, bench: Bench) -> None:
    clients, most = bench.case.most_calls
    before = bench.calls()
    people = [
        {"first_name": "Ann", "last_name": f"Lee {n}", "email": f"ann{n}@example.com", "phone": f"+49 30 1234 {n:04d}"}
        for n in range(clients)
    ]
    world.conversations(world.clients(people))
    world.run_until_done()
    assert (len(bench.records()), len(bench.notes())) == (clients, clients)
    assert bench.calls() - before <= most


def test_changes_go_out_and_a_persons_edit_stays(world: _Connected, bench: Bench) -> None:
    client = world.client("Ann", last_name="Lee", email="ann@example.com", city="Rome")
    world.run_until_done()
    (record,) = bench.records()
    bench.person_edits(record["id"], phone="+1 202-555-0123", first_name="Anna")
    world.edit(client, city="Oslo", first_name="Ann")
    world.run_until_done()
    (stored,) = world.stored()
    shown = {name: stored.get(bench.field[name]) for name in ("first_name", "last_name", "phone", "city")}
    assert shown == {"first_name": "Anna", "last_name": "Lee", "phone": "+1 202-555-0123", "city": "Oslo"}


def test_stand_in_gives_way_to_the_first_real_value(world: _Connected, bench: Bench, adapter: Adapter) -> None:
    client = world.client("", email="ann@example.com")
    world.run_until_done()
    world.edit(client, city="Rome")
    world.run_until_done()
    world.edit(client, first_name="Ann", last_name="Lee")
    world.run_until_done()
    (record,) = bench.records()
    (read,) = adapter.read([record["id"]])
    assert isinstance(read, RemoteRecord)
    shown = {name: read.values[bench.field[name]] for name in ("first_name", "last_name", "city")}
    assert shown == {"first_name": "Ann", "last_name": "Lee", "city": "Rome"}


def test_create_whose_answer_was_lost_makes_no_second_record(world: _Connected, bench: Bench) -> None:
    bench.fault("lose_reply", **bench.case.writes, times=1)
    world.client("Ann", last_name="Lee", email="ann@example.com")
    world.run_until_done()
    assert len(bench.records()) == 1
    assert {op.status for op in world.operations()} == {"success"}


def test_create_of_a_worker_that_died_is_made_once_though_the_address_was_edited_since(
    world: _Connected, bench: Bench
) -> None:
    """By the address of then nobody could look, where a CRM keeps no key of ours: a person does."""
    ada = world.client("Ann", last_name="Lee", email="ann@example.com")
    with killed_at(Step.PROPOSED):
        world.run()
    world.edit(ada, email="ann@example.org")
    world.run_until_done()
    unsure = world.operations(status="failed", reason=CannotConfirm.code)
    assert len(unsure) == ("keys" in bench.case.cannot)
    for entry in unsure:
        decide(world.sync, ACCOUNT, entry.id, CREATE_NEW)
    world.run_until_done()
    assert [record[bench.field["email"]] for record in world.stored()] == ["ann@example.org"]


def test_note_whose_answer_was_lost_is_there_once(world: _Connected, bench: Bench) -> None:
    client = world.client("Ann", last_name="Lee", email="ann@example.com")
    world.run_until_done()
    bench.fault("lose_reply", **bench.case.note_writes, times=1)
    conversation = world.conversation(client)
    world.run_until_done()
    assert len(bench.notes()) == 1
    note = world.last(conversation, "conversation")
    unsure = "finding notes" in bench.case.cannot
    assert (note.status, note.reason) == (("failed", "cannot_confirm") if unsure else ("success", ""))


def test_conversation_that_goes_on_is_told_without_doubling_what_was_said(world: _Connected, bench: Bench) -> None:
    client = world.client("Ann", last_name="Lee", email="ann@example.com")
    conversation = world.conversation(client)
    world.run_until_done()
    world.say(conversation, "And a second room")
    world.run_until_done()
    bodies = [note["properties"][bench.case.note_body] for note in bench.notes()]
    assert sum("And a second room" in body for body in bodies) == 1
    assert len(bodies) == (2 if "rewriting notes" in bench.case.cannot else 1)


def test_lost_answer_to_a_changed_note_doubles_nothing(world: _Connected, bench: Bench) -> None:
    client = world.client("Ann", last_name="Lee", email="ann@example.com")
    conversation = world.conversation(client)
    world.run_until_done()
    bench.fault("lose_reply", **bench.case.note_writes, times=1)
    world.say(conversation, "And a second room")
    world.run_until_done()
    bodies = [note["properties"][bench.case.note_body] for note in bench.notes()]
    assert sum("And a second room" in body for body in bodies) == 1
    follow_up = "rewriting notes" in bench.case.cannot
    note = world.last(conversation, "conversation")
    assert (note.status, note.reason) == (("failed", "cannot_confirm") if follow_up else ("success", ""))


@pytest.mark.parametrize("step", [Step.PROPOSED, Step.CRM_WRITTEN])
def test_worker_that_dies_over_a_changed_note_doubles_nothing(world: _Connected, bench: Bench, step: Step) -> None:
    client = world.client("Ann", last_name="Lee", email="ann@example.com")
    conversation = world.conversation(client)
    world.run_until_done()
    world.say(conversation, "And a second room")
    with killed_at(step) as was_killed:
        world.run_until_done()
    assert was_killed()
    world.restart()
    world.run_until_done()
    bodies = [note["properties"][bench.case.note_body] for note in bench.notes()]
    follow_up = "rewriting notes" in bench.case.cannot
    assert sum("And a second room" in body for body in bodies) == (0 if follow_up and step is Step.PROPOSED else 1)
    note = world.last(conversation, "conversation")
    assert (note.status, note.reason) == (("failed", "cannot_confirm") if follow_up else ("success", ""))


@capable("erase")
def test_an_erased_person_is_gone_with_the_notes_and_others_stay(world: _Connected, bench: Bench) -> None:
    ann, bob = (world.client(name, email=f"{name}@example.com", phone=phone) for name, phone in _PEOPLE)
    for client in (ann, bob):
        world.conversation(client)
    world.run_until_done()
    erase_client(world.sync, ACCOUNT, ann)
    world.run_until_done()
    (receipt,) = erasures(world.sync, ACCOUNT).erasures[0].receipts
    assert receipt.how in ("deleted", "anonymised"), receipt
    assert bool(receipt.records) == (receipt.how == "anonymised")
    held = str(bench.records())
    assert "ann@example.com" not in held
    assert "bob@example.com" in held
    told = [note for note in bench.notes() if "I would like an offer" in note["properties"][bench.case.note_body]]
    assert len(told) == 1 or receipt.how == "anonymised"
    world.edit(ann, city="Linz")
    world.run_until_done()
    assert world.last(ann).reason == reasons.ERASED
    assert "ann@example.com" not in str(bench.records())


_PEOPLE = (("Ann", "+12025550101"), ("Bob", "+12025550102"))


def test_what_was_replaced_is_put_back(world: _Connected, bench: Bench) -> None:
    ann = world.client("Ann", email="ann@example.com", phone="+12025550101", city="Graz")
    world.run_until_done()
    world.edit(ann, city="Linz")
    world.run_until_done()
    assert [record[bench.field["city"]] for record in world.stored()] == ["Linz"]
    put_back(world.sync, ACCOUNT, bench.name, Stretch())
    world.run_until_done()
    assert [record[bench.field["city"]] for record in world.stored()] == ["Graz"]
    assert world.last(ann).status == "success"
    assert compare(world.sync, world.connection_id, everything=True) == Compared(
        1, ran_at=world.clock.now(), whole=True
    )
