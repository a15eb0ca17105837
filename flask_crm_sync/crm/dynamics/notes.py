"""Notes on contacts: annotations under GUIDs of our choice, so that each is found again and made only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import CRMError, Duplicate, RecordMissing, RejectedByCRM
from ..base import NoteWrite, RemoteNote, RemoteRecord
from .client import ROOT, Outcome, get, guid
from .contacts import Contacts, master_of, state_of
from .markup import note_subject, note_text
from .multipart import Request

BIND = "objectid_contact@odata.bind"


class Notes:
    """The notes of one environment."""

    def __init__(self, contacts: Contacts) -> None:
        self.contacts, self.client = contacts, contacts.client

    def add(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Create notes on their contacts, or rewrite those that have an id.

        The state of each contact rides along, so that a note whose contact was merged moves on to the survivor.
        """
        contacts = list(dict.fromkeys(guid(note.record_id) for note in notes if note.note_id is None))
        asked = _interleaved(notes)
        outcomes = self.client.batch(asked)
        states = {part.record_id: o for part, o in zip(asked, outcomes, strict=True) if part.rides}
        written = [outcome for part, outcome in zip(asked, outcomes, strict=True) if not part.rides]
        survivors = self._survivors(contacts, states)
        found: dict[int, RemoteNote | CRMError] = {}
        again: dict[int, Request] = {}
        for number, (note, outcome) in enumerate(zip(notes, written, strict=True)):
            better = _better(note, outcome, survivors)
            if better is not None:
                again[number] = better
            else:
                found[number] = self._settled(note, outcome, states.get(guid(note.record_id)))
        for number, outcome in zip(again, self.client.batch(list(again.values())), strict=True):
            found[number] = self._settled(notes[number], outcome, None)
        return [found[number] for number in range(len(notes))]

    def _survivors(self, contacts: Sequence[str], states: Mapping[str, Outcome]) -> dict[str, str]:
        """Return by contact that was merged the one that survived, as far as that can be read."""
        merged = [contact for contact in contacts if _is_merged(states.get(contact))]
        records = self.contacts.look(merged) if merged else {}
        return {old: record.id for old, record in records.items() if old in merged and isinstance(record, RemoteRecord)}

    def _settled(self, note: NoteWrite, outcome: Outcome, contact: Outcome | None) -> RemoteNote | CRMError:
        if not isinstance(outcome, CRMError):
            return RemoteNote(_note_id(note), self.contacts.record_url(guid(note.record_id)))
        if isinstance(outcome, RejectedByCRM) and isinstance(contact, RecordMissing):
            return contact
        return outcome

    def find(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find notes by their GUIDs; one that is not there is missing for good where its contact is gone too."""
        asked = [request for note in notes for request in (state_of(guid(note.record_id)), _reading(note))]
        outcomes = self.client.batch(asked)
        return [self._seen(note, outcomes[2 * n], outcomes[2 * n + 1]) for n, note in enumerate(notes)]

    def _seen(self, note: NoteWrite, contact: Outcome, outcome: Outcome) -> RemoteNote | CRMError | None:
        if not isinstance(outcome, CRMError):
            return RemoteNote(_note_id(note), self.contacts.record_url(guid(note.record_id)))
        if not isinstance(outcome, RecordMissing):
            return outcome
        return contact if isinstance(contact, CRMError) else None


def _interleaved(notes: Sequence[NoteWrite]) -> list[Request]:
    """Return the writes of notes, the state of each contact before its first new one."""
    asked: list[Request] = []
    seen: set[str] = set()
    for note in notes:
        contact = guid(note.record_id)
        if note.note_id is None and contact not in seen:
            seen.add(contact)
            asked.append(state_of(contact))
        asked.append(_creating(note) if note.note_id is None else _changing(note, _texts(note)))
    return asked


def _better(note: NoteWrite, outcome: Outcome, survivors: Mapping[str, str]) -> Request | None:
    """Return what is to be sent after a first answer, None where that stands.

    A note of ours that is there already is brought up to date; one on a contact that was merged goes to the survivor.
    """
    if note.note_id is not None:
        return None
    survivor = survivors.get(guid(note.record_id))
    bound = {BIND: f"/contacts({survivor})"} if survivor else {}
    if isinstance(outcome, Duplicate) and outcome.existing_id is not None:
        return _changing(note, {**_texts(note), **bound})
    if survivor and not isinstance(outcome, CRMError):
        return _changing(note, bound)
    if survivor and isinstance(outcome, RejectedByCRM):
        return _creating(replace(note, record_id=survivor))
    return None


def _creating(note: NoteWrite) -> Request:
    body = {**_texts(note), "isdocument": False, BIND: f"/contacts({guid(note.record_id)})"}
    return _patch(note, body, {"If-None-Match": "*"})


def _changing(note: NoteWrite, body: Mapping[str, Any]) -> Request:
    return _patch(note, body, {"If-Match": "*"})


def _patch(note: NoteWrite, body: Mapping[str, Any], condition: Mapping[str, str]) -> Request:
    note_id = _note_id(note)
    return Request("PATCH", f"{ROOT}annotations({note_id})", body, condition, note_id, "annotationid")


def _reading(note: NoteWrite) -> Request:
    note_id = guid(note.key)
    asked = get(f"annotations({note_id})", select="annotationid")
    return replace(asked, record_id=note_id, id_column="annotationid")


def _note_id(note: NoteWrite) -> str:
    return guid(note.note_id or note.key)


def _texts(note: NoteWrite) -> dict[str, str]:
    return {"subject": note_subject(note.subject), "notetext": note_text(note.body, note.at)}


def _is_merged(state: Outcome | None) -> bool:
    return state is not None and not isinstance(state, CRMError) and master_of(state) != ""
