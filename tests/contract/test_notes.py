"""What every adapter must do with notes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from flask_crm_sync.crm.base import Adapter, NoteWrite, RemoteNote, Written
from flask_crm_sync.errors import CRMError, InvalidRecord, OutcomeUnknown, RecordMissing

from .cases import able
from .conftest import Bench

_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def _contacts(bench: Bench, count: int) -> list[str]:
    return [bench.person_adds(email=f"ann{n}@example.com", first_name="Ann") for n in range(count)]


def _note(key: str, record_id: str, body: str = "Wants a room", note_id: str | None = None) -> NoteWrite:
    return NoteWrite(key, record_id, "Web chat", body, _AT, note_id)


def _ids(outcomes: list[RemoteNote | CRMError]) -> list[str]:
    assert all(isinstance(outcome, RemoteNote) for outcome in outcomes), outcomes
    return [outcome.id for outcome in outcomes if isinstance(outcome, RemoteNote)]


def _notes_by_id(bench: Bench) -> dict[str, str]:
    return {note["id"]: note["properties"][bench.case.note_body] for note in bench.notes()}


def _found(outcomes: Sequence[RemoteNote | CRMError | None]) -> list[object]:
    return [outcome.id if isinstance(outcome, RemoteNote) else outcome for outcome in outcomes]


def test_notes_stand_on_their_contacts_and_answer_in_order(bench: Bench, adapter: Adapter) -> None:
    contacts = _contacts(bench, 30)
    ids = _ids(adapter.add_notes([_note(f"n{n}", contact, f"Text {n:02d}") for n, contact in enumerate(contacts)]))
    bodies = _notes_by_id(bench)
    assert [f"Text {n:02d}" in bodies[note_id] for n, note_id in enumerate(ids)] == [True] * 30
    assert {note["id"]: note["contacts"] for note in bench.notes()} == {
        note_id: [contact] for note_id, contact in zip(ids, contacts, strict=True)
    }


def test_several_notes_of_one_contact_and_one_moment_are_told_apart(bench: Bench, adapter: Adapter) -> None:
    (contact,) = _contacts(bench, 1)
    notes = [_note(f"n{n}", contact, "The same text") for n in range(5)]
    ids = _ids(adapter.add_notes(notes))
    assert len(set(ids)) == 5
    if "finding notes" not in bench.case.cannot:
        assert _found(adapter.find_notes(notes)) == ids


@able("batches", "finding notes")
def test_note_whose_answer_was_lost_is_found_on_its_contact(bench: Bench, adapter: Adapter) -> None:
    contacts = _contacts(bench, 3)
    adapter.add_notes([_note("other", contacts[0])])
    bench.fault("lose_reply", **bench.case.note_writes, times=1)
    notes = [_note("n0", contacts[0]), _note("n1", contacts[1])]
    assert {type(outcome) for outcome in adapter.add_notes(notes)} == {OutcomeUnknown}
    first, second, never = adapter.find_notes([*notes, _note("n2", contacts[2])])
    assert isinstance(first, RemoteNote)
    assert isinstance(second, RemoteNote)
    assert never is None
    assert len(bench.notes()) == 3


@able("merges", "finding notes")
def test_note_is_found_after_its_contact_was_merged(bench: Bench, adapter: Adapter) -> None:
    contacts = _contacts(bench, 2)
    notes = [_note("n0", contacts[0]), _note("n1", contacts[1])]
    ids = _ids(adapter.add_notes(notes))
    bench.person_merges(contacts[0], contacts[1])
    assert _found(adapter.find_notes(notes)) == ids


@able("finding notes")
def test_notes_of_a_deleted_contact_are_neither_found_nor_made_again(bench: Bench, adapter: Adapter) -> None:
    contacts = _contacts(bench, 2)
    adapter.add_notes([_note("n1", contacts[1])])
    bench.person_deletes(contacts[0])
    gone, there = adapter.find_notes([_note("n0", contacts[0]), _note("n1", contacts[1])])
    assert isinstance(there, RemoteNote)
    (again,) = [gone] if gone is not None else adapter.add_notes([_note("n0", contacts[0])])
    assert isinstance(again, RecordMissing)
    assert len(bench.notes()) <= 1


@able("rewriting notes", "finding notes")
def test_note_is_rewritten_in_place(bench: Bench, adapter: Adapter) -> None:
    (contact,) = _contacts(bench, 1)
    (note_id,) = _ids(adapter.add_notes([_note("n0", contact, "First")]))
    assert _ids(adapter.add_notes([_note("n0", contact, "Second", note_id)])) == [note_id]
    (body,) = _notes_by_id(bench).values()
    assert "Second" in body
    assert "First" not in body
    (found,) = adapter.find_notes([_note("n0", contact)])
    assert isinstance(found, RemoteNote)


@able("rewriting notes")
def test_new_and_rewritten_notes_of_one_call_keep_their_order(bench: Bench, adapter: Adapter) -> None:
    contacts = _contacts(bench, 2)
    (old,) = _ids(adapter.add_notes([_note("n0", contacts[0])]))
    new, again = _ids(adapter.add_notes([_note("n1", contacts[1]), _note("n0", contacts[0], "Again", old)]))
    assert again == old
    assert new != old


def test_note_for_a_contact_that_is_gone_fails_alone(bench: Bench, adapter: Adapter) -> None:
    contacts = _contacts(bench, 5)
    bench.person_deletes(contacts[2])
    outcomes = adapter.add_notes(
        [_note(f"n{n}", contact) for n, contact in enumerate([*contacts, bench.case.never_there])]
    )
    assert [type(outcome) for outcome in outcomes] == [
        RemoteNote,
        RemoteNote,
        RecordMissing,
        RemoteNote,
        RemoteNote,
        RecordMissing,
    ]
    assert len(bench.notes()) == 4


@able("rewriting notes")
def test_rewriting_a_note_that_is_gone_is_told_as_missing(bench: Bench, adapter: Adapter) -> None:
    (contact,) = _contacts(bench, 1)
    (outcome,) = adapter.add_notes([_note("n0", contact, "x", bench.case.never_there)])
    assert isinstance(outcome, RecordMissing)


def test_changed_note_is_told_to_the_reader_and_the_first_one_stays_single(bench: Bench, adapter: Adapter) -> None:
    (contact,) = _contacts(bench, 1)
    (first,) = _ids(adapter.add_notes([_note("n0", contact, "First")]))
    _ids(adapter.add_notes([_note("n0", contact, "Second", first)]))
    bodies = list(_notes_by_id(bench).values())
    follow_up = "rewriting notes" in bench.case.cannot
    assert sum("Second" in body for body in bodies) == 1
    assert sum("First" in body for body in bodies) == (1 if follow_up else 0)


def _one_bad(bench: Bench, adapter: Adapter) -> None:
    (contact,) = _contacts(bench, 1)
    outcomes = adapter.add_notes([_note(f"n{n}", contact, "Spoilt" if n == 42 else "Fine") for n in range(100)])
    assert [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, RemoteNote)] == [42]
    assert isinstance(outcomes[42], InvalidRecord)
    assert len(bench.notes()) == 99


def test_one_bad_note_in_a_hundred_fails_alone(bench: Bench, adapter: Adapter) -> None:
    bench.fault("reject_matching", params={"text": "Spoilt"})
    _one_bad(bench, adapter)


@able("whole refusals")
def test_one_bad_note_fails_alone_though_the_batch_is_refused_whole(bench: Bench, adapter: Adapter) -> None:
    bench.fault("reject_matching", params={"text": "Spoilt", "whole_batch": True})
    _one_bad(bench, adapter)


def test_endless_text_makes_a_shortened_note(bench: Bench, adapter: Adapter) -> None:
    (contact,) = _contacts(bench, 1)
    texts = ["ä" * 10_000_000, "👩" * 100_000, "half \ud800 a character \x00"]
    ids = _ids(adapter.add_notes([_note(f"n{n}", contact, text) for n, text in enumerate(texts)]))
    assert len(set(ids)) == 3


@able("batches", "finding notes")
def test_notes_on_a_contact_with_very_many_are_found(bench: Bench, adapter: Adapter) -> None:
    (contact,) = _contacts(bench, 1)
    notes = [_note(f"n{n}", contact) for n in range(620)]
    ids = _ids(adapter.add_notes(notes))
    found = adapter.find_notes([notes[0], notes[619]])
    assert _found(found) == [ids[0], ids[619]]


def test_new_clients_with_a_note_each_cost_no_more_calls_than_they_may(bench: Bench, adapter: Adapter) -> None:
    clients, most = bench.case.most_calls
    before, size = bench.calls(), adapter.batch_size
    for start in range(0, clients, size):
        numbers = range(start, start + size)
        writes = [
            bench.write(f"key{n}", first_name="Ann", email=f"ann{n}@example.com", phone=f"+49 30 1234 {n:04d}")
            for n in numbers
        ]
        found = adapter.find([adapter.lookup(write.key, write.values, by_key=False) for write in writes])
        assert found == [()] * size
        outcomes = adapter.upsert(writes)
        records = [outcome.record.id for outcome in outcomes if isinstance(outcome, Written)]
        _ids(adapter.add_notes([_note(f"n{n}", record) for n, record in zip(numbers, records, strict=True)]))
    assert bench.calls() - before <= most
    assert (len(bench.records()), len(bench.notes())) == (clients, clients)
