"""Removing a person from HubSpot: for good, with our notes and without their text in any bin."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flask_crm_sync.crm.base import Erased, NoteWrite, RemoteNote
from flask_crm_sync.errors import CRMError, PermissionMissing, RecordLocked

from .conftest import Portal

_AT = datetime(2026, 9, 20, 9, 30, tzinfo=UTC)


def _noted(portal: Portal, contact: str, count: int = 1) -> list[str]:
    notes = [NoteWrite(f"{contact}-{number}", contact, "Web chat", "Secret wish", _AT) for number in range(count)]
    return [made.id for made in portal.adapter.add_notes(notes) if isinstance(made, RemoteNote)]


def _people(portal: Portal) -> set[str]:
    return {contact["id"] for contact in portal.hubspot.contacts()}


def _erased(outcomes: list[Erased | CRMError]) -> list[bool]:
    return [isinstance(outcome, Erased) for outcome in outcomes]


def test_text_of_a_note_is_in_no_bin(portal: Portal) -> None:
    (contact,) = portal.add(1)
    (note,) = _noted(portal, contact)
    portal.adapter.erase([contact], {contact: [note]})
    (left,) = portal.hubspot.notes()
    assert left["archived"]
    assert "hs_note_body" not in left["properties"]


def test_contact_in_the_bin_is_removed_from_there(portal: Portal) -> None:
    (contact,) = portal.add(1)
    portal.hubspot.delete_contact(contact)
    assert contact in _people(portal)
    assert _erased(portal.adapter.erase([contact], {})) == [True]
    assert contact not in _people(portal)


def test_contact_whose_notes_do_not_go_stays_to_be_asked_for_again(portal: Portal) -> None:
    first, second = portal.add(2)
    notes = {contact: _noted(portal, contact) for contact in (first, second)}
    portal.bench.fault("locked", path="notes/batch/archive", times=1)
    outcomes = portal.adapter.erase([first, second], notes)
    assert [type(outcome) for outcome in outcomes] == [RecordLocked, RecordLocked]
    assert {first, second} <= _people(portal)
    assert _erased(portal.adapter.erase([first, second], notes)) == [True, True]
    assert not {first, second} & _people(portal)


def test_person_with_very_many_notes_takes_a_call_for_a_hundred(portal: Portal) -> None:
    (contact,) = portal.add(1)
    notes = _noted(portal, contact, 250)
    assert portal.calls_of(lambda: portal.adapter.erase([contact], {contact: notes})) == 3 + 3 + 1 + 1
    assert not [note for note in portal.hubspot.notes() if not note["archived"]]


def test_key_that_may_not_write_removes_nobody(portal: Portal) -> None:
    (contact,) = portal.add(1)
    portal.bench.fault("missing_scopes", path="gdpr-delete")
    outcomes = portal.adapter.erase([contact, contact], {})
    assert {type(outcome) for outcome in outcomes} == {PermissionMissing}
    assert contact in _people(portal)


@pytest.mark.parametrize(("record_id", "counts"), [("987654321", True), ("no-id", True), ("", False)])
def test_id_that_names_nobody_counts_as_gone(portal: Portal, record_id: str, counts: bool) -> None:
    before = _people(portal)
    assert _erased(portal.adapter.erase([record_id], {})) == [counts]
    assert _people(portal) == before
