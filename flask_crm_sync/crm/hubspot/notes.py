"""Notes on contacts. HubSpot has no key for them, so each carries its own on its last line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ...errors import CRMError, InvalidRecord, RecordMissing
from ..answers import objects
from ..base import NoteWrite, RemoteNote, RemoteRecord
from .client import BatchAnswer, Row, identifier, outcomes, properties
from .contacts import Contacts
from .finding import next_page
from .markup import markers, note_body

_NOTE_TO_CONTACT = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}
_BODY = "hs_note_body"
_FULL = 500
"""Associations on one page, at most."""


class Notes:
    """The notes of one portal."""

    def __init__(self, contacts: Contacts) -> None:
        self.contacts, self.client = contacts, contacts.client

    def add(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Create notes on their contacts, or rewrite those that have an id."""
        numbered = {str(number): note for number, note in enumerate(notes)}
        new = {name: _new_input(note) for name, note in numbered.items() if note.note_id is None}
        old = {name: _rewrite_input(note) for name, note in numbered.items() if note.note_id is not None}
        results = self._send("update", old, None)
        halted = next((o for o in results.values() if isinstance(o, CRMError) and o.whole_connection), None)
        results.update(self._send("create", new, halted))
        results.update(self._second_look({name: numbered[name] for name in new if _doubtful(results[name])}))
        return [self._remote(note, results[name]) for name, note in numbered.items()]

    def _second_look(self, notes: Mapping[str, NoteWrite]) -> dict[str, Row | CRMError]:
        """Tell apart why notes were refused without a property at fault: the contact is gone, merged, or none of these.

        How HubSpot words a wrong id in an association is not documented, so the contacts themselves are asked.
        """
        moved: dict[str, Row] = {}
        found: dict[str, Row | CRMError] = {}
        records = self.contacts.read([note.record_id for note in notes.values()]) if notes else []
        for (name, note), record in zip(notes.items(), records, strict=True):
            if isinstance(record, RecordMissing):
                found[name] = record
            elif isinstance(record, RemoteRecord) and record.id != note.record_id:
                moved[name] = _new_input(replace(note, record_id=record.id))
        return {**found, **self._send("create", moved, None)}

    def _send(self, call: str, inputs: Mapping[str, Row], halted: CRMError | None) -> dict[str, Row | CRMError]:
        if not inputs:
            return {}
        answer = self.client.batch(f"{self.client.paths.notes}/batch/{call}", inputs, writes=True, halted=halted)
        if any(not _marks_of_row(row) for row in answer.rows):
            answer.rows = self._with_bodies(answer.rows)
        return outcomes(answer, inputs, of_row=_marks_of_row, of_input=_marks_of_row)

    def _with_bodies(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows with the bodies that the answer left out, read back where they can be."""
        bare = {identifier(row): row for row in rows if not _marks_of_row(row)}
        read = {identifier(row): row for row in self._bodies(bare).rows}
        return [read.get(identifier(row), row) if identifier(row) in bare else row for row in rows]

    def _bodies(self, note_ids: Iterable[str]) -> BatchAnswer:
        inputs = {note_id: {"id": note_id} for note_id in note_ids}
        return self.client.batch(
            f"{self.client.paths.notes}/batch/read", inputs, extra={"properties": [_BODY]}, writes=False
        )

    def _remote(self, note: NoteWrite, result: Row | CRMError) -> RemoteNote | CRMError:
        # HubSpot has no page for a note alone; it stands on the timeline of its contact.
        if isinstance(result, CRMError):
            return result
        return RemoteNote(identifier(result), self.contacts.record_url(note.record_id))

    def find(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find notes by the marker on their last line, among all notes of their contacts; not by search, which lags."""
        lists, failures = self._note_ids({note.record_id for note in notes})
        answer = self._bodies({note_id for ids in lists.values() for note_id in ids})
        owners: dict[str, str] = {}
        # Of several notes with one key the oldest is the note.
        for row in sorted(answer.rows, key=lambda row: (len(identifier(row)), identifier(row)), reverse=True):
            owners.update(dict.fromkeys(_marks_of_row(row), identifier(row)))
        return [self._found(note, owners, failures.get(note.record_id) or answer.halted) for note in notes]

    def _found(
        self, note: NoteWrite, owners: Mapping[str, str], failure: CRMError | None
    ) -> RemoteNote | CRMError | None:
        if note.key in owners:
            return RemoteNote(owners[note.key], self.contacts.record_url(note.record_id))
        return failure

    def _note_ids(self, record_ids: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, CRMError]]:
        """Return the note ids of each contact, and the errors of those that could not be read.

        A contact without notes and one that was merged into another look alike here (no row): those are read, and asked
        for again under the survivor's id.
        """
        wanted = sorted(record_ids)
        lists, failures = self._associations(wanted)
        silent = [record_id for record_id in wanted if record_id not in lists and record_id not in failures]
        survivors: dict[str, str] = {}
        for record_id, record in zip(silent, self.contacts.read(silent) if silent else [], strict=True):
            if isinstance(record, CRMError):
                failures[record_id] = record
            elif record.id != record_id:
                survivors[record_id] = record.id
        if survivors:
            inherited, refused = self._associations(sorted(set(survivors.values())))
            lists.update({old: inherited[new] for old, new in survivors.items() if new in inherited})
            failures.update({old: refused[new] for old, new in survivors.items() if new in refused})
        return lists, failures

    def _associations(self, record_ids: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, CRMError]]:
        """Return the note ids of the contacts that have any, and what could not be read."""
        inputs = {record_id: {"id": record_id} for record_id in record_ids}
        answer = self.client.batch(f"{self.client.paths.contact_notes}/batch/read", inputs, writes=False)
        failures = {name: error for name, error in answer.failures.items() if not isinstance(error, RecordMissing)}
        lists: dict[str, list[str]] = {}
        for row in answer.rows:
            owner = identifier(row["from"]) if isinstance(row.get("from"), dict) else ""
            targets = list(_targets(row.get("to")))
            try:
                # A full list may be a cut one, whether or not the answer says so.
                lists[owner] = self._all_note_ids(owner) if len(targets) >= _FULL or next_page(row) else targets
            except CRMError as error:
                failures[owner] = error
        return lists, failures

    def _all_note_ids(self, record_id: str) -> list[str]:
        path, after = self.client.paths.notes_of_contact.format(quote(record_id, safe="")), ""
        found: list[str] = []
        while True:
            params = {"limit": str(_FULL), **({"after": after} if after else {})}
            answer = self.client.call("GET", path, params=params)
            found += _targets(answer.get("results"))
            cursor = next_page(answer)
            if not cursor or cursor == after:
                return found
            after = cursor


def _new_input(note: NoteWrite) -> Row:
    return {
        "properties": {
            "hs_timestamp": str(int(note.at.timestamp() * 1000)),
            _BODY: note_body(note.subject, note.body, note.key),
        },
        "associations": [{"to": {"id": note.record_id}, "types": [_NOTE_TO_CONTACT]}],
    }


def _rewrite_input(note: NoteWrite) -> Row:
    return {"id": note.note_id, "properties": {_BODY: note_body(note.subject, note.body, note.key)}}


def _marks_of_row(row: Row) -> set[str]:
    return markers(properties(row).get(_BODY, ""))


def _targets(value: Any) -> Iterator[str]:
    for target in objects(value):
        note_id = target.get("toObjectId")
        if isinstance(note_id, (str, int)):
            yield str(note_id)


def _doubtful(result: Row | CRMError) -> bool:
    return isinstance(result, RecordMissing) or (isinstance(result, InvalidRecord) and not result.fields)
