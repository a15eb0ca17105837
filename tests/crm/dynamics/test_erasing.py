"""Removing a person from Dynamics: the contact, those that were merged into it, and the notes."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from flask_crm_sync.crm.base import Erased, NoteWrite, RemoteNote
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.errors import CRMError, OutcomeUnknown, PermissionMissing, RateLimited

from .environment import Environment, Part, Told, refusal
from .office import Office

_AT = datetime(2026, 9, 20, 9, 30, tzinfo=UTC)
_ANN, _BEN = "00000001-1111-4111-8111-111111111111", "00000002-1111-4111-8111-111111111111"
_NOTE = "00000009-1111-4111-8111-111111111111"


def _merged(office: Office, *names: str) -> list[str]:
    """Make contacts of which each is merged into the one before it, the last ones first."""
    ids = [office.contact(lastname=name) for name in names]
    for primary, other in reversed(list(pairwise(ids))):
        office.api("POST", "contacts/merge", {"primary": primary, "other": other})
    return ids


def _left(office: Office) -> set[str]:
    return {contact["id"] for contact in office.api("GET", "contacts")}


def _note(adapter: DynamicsAdapter, contact: str) -> str:
    (note,) = adapter.add_notes([NoteWrite(f"note {contact}", contact, "Web chat", "Secret wish", _AT)])
    assert isinstance(note, RemoteNote)
    return note.id


def _erased(outcomes: list[Erased | CRMError]) -> list[str]:
    return [outcome.how if isinstance(outcome, Erased) else outcome.code for outcome in outcomes]


def test_all_that_were_merged_into_a_person_go_too_whichever_of_them_is_asked_for(office: Office) -> None:
    for asked in range(3):
        ids, other = _merged(office, "Lee", "Li", "Lu"), office.contact(lastname="Other")
        assert _erased(office.adapter().erase([ids[asked]], {})) == ["deleted"]
        assert _left(office) == {other}
        office.api("DELETE", f"contacts/{other}")


def test_two_records_of_one_person_are_each_removed(office: Office) -> None:
    ids = _merged(office, "Lee", "Li")
    assert _erased(office.adapter().erase(ids, {})) == ["deleted"] * 2
    assert _left(office) == set()


def test_notes_of_a_contact_that_is_gone_are_removed(office: Office) -> None:
    adapter, contact = office.adapter(), office.contact(lastname="Lee")
    note = _note(adapter, contact)
    office.api("DELETE", f"contacts/{contact}")
    (outcome,) = adapter.erase([contact], {contact: [note]})
    assert isinstance(outcome, Erased)
    assert (outcome.notes, "not there any more" in outcome.says) == (1, True)


def test_missing_right_is_told_and_removes_nobody(office: Office) -> None:
    contact = office.contact(lastname="Lee")
    adapter = office.adapter()
    office.api("PATCH", "switches", {"withheld_privilege": "prvDeleteContact"})
    (outcome,) = adapter.erase([contact], {})
    assert isinstance(outcome, PermissionMissing)
    assert outcome.permissions == ("prvDeleteContact",)
    assert _left(office) == {contact}


def _one_there(part: Part) -> Told:
    if part.method == "GET" and "_masterid_value eq" not in part.path:
        return Told(200, {"contactid": part.path[9:45]})
    return Told(200, {"value": []}) if part.method == "GET" else Told(204)


def test_one_that_cannot_be_removed_fails_alone(env: Environment) -> None:
    def answer(part: Part) -> Told:
        return refusal(503) if part.method == "DELETE" and _BEN in part.path else _one_there(part)

    env.answer = answer
    removed, unsure = env.adapter().erase([_ANN, _BEN], {_ANN: [_NOTE]})
    assert isinstance(removed, Erased)
    assert isinstance(unsure, OutcomeUnknown)
    deleted = [part.path for part in env.parts if part.method == "DELETE"]
    assert deleted == [f"annotations({_NOTE})", f"contacts({_ANN})", f"contacts({_BEN})"]


def test_one_whose_place_cannot_be_read_is_left_alone(env: Environment) -> None:
    def answer(part: Part) -> Told:
        is_read = part.path.startswith(f"contacts({_BEN})?")
        return refusal(503) if part.method == "GET" and is_read else _one_there(part)

    env.answer = answer
    assert _erased(env.adapter().erase([_ANN, _BEN], {})) == ["deleted", "transient"]
    assert [part.path for part in env.parts if part.method == "DELETE"] == [f"contacts({_ANN})"]


def test_limit_met_while_merges_are_looked_up_removes_nobody(env: Environment) -> None:
    def answer(part: Part) -> Told:
        return refusal(429, "0x80072322") if "_masterid_value eq" in part.path else _one_there(part)

    env.answer = answer
    assert {type(outcome) for outcome in env.adapter().erase([_ANN, _BEN], {})} == {RateLimited}
    assert all(part.method == "GET" for part in env.parts)
