"""Notes as completed tasks on leads and contacts. Each carries a key: in our field, else on its last line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

from ...errors import CRMError, PermissionMissing, RecordMissing, RejectedByCRM
from ..base import NoteWrite, RemoteNote, RemoteRecord
from ..outcomes import halting
from .answers import Refusal, Result, Row
from .ids import LEAD, TASK, id18, kind_of
from .records import Records, converted_to
from .soql import lists, select
from .tasktext import description, markers, subject_line

Outcomes = dict[int, RemoteNote | CRMError]
_COLLECTIONS = "/composite/sobjects"


class Notes:
    """The tasks of one org that we made."""

    def __init__(self, records: Records) -> None:
        self.records, self.client, self.shape = records, records.client, records.shapes[TASK]

    def add(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Create tasks on their records, or rewrite those that have an id."""
        old = {number: note for number, note in enumerate(notes) if note.note_id is not None}
        new = {number: note for number, note in enumerate(notes) if note.note_id is None}
        found = self._rewrite(old)
        found.update(self._create(new, halting(found.values())))
        return [found[number] for number in range(len(notes))]

    def _rewrite(self, notes: Mapping[int, NoteWrite]) -> Outcomes:
        known = {number: note for number, note in notes.items() if id18(note.note_id)}
        bodies = [{**self._body(note), "Id": id18(note.note_id)} for note in known.values()]
        results = self.client.write("PATCH", _COLLECTIONS, bodies)
        found = {n: self._outcome(known[n], result) for n, result in zip(known, results, strict=True)}
        return {number: found.get(number) or RecordMissing() for number in notes}

    def _create(self, notes: Mapping[int, NoteWrite], halted: CRMError | None) -> Outcomes:
        if not notes:
            return {}
        if "createable" in self.shape.denied:
            denied = RejectedByCRM("The Salesforce user may not create tasks, which is what notes are there.")
            return dict.fromkeys(notes, denied)
        found: Outcomes = {n: RecordMissing() for n, note in notes.items() if not kind_of(note.record_id)}
        going = {number: note for number, note in notes.items() if number not in found}
        going = self._to_contacts(going, found) if halted is None else going
        results = self._send(going, halted)
        found.update({n: self._outcome(going[n], result) for n, result in results.items()})
        refused = {n: going[n] for n, r in results.items() if isinstance(r, Refusal) and _may_have_moved(r)}
        found.update(self._on_survivors(refused))
        return found

    def _to_contacts(self, notes: Mapping[int, NoteWrite], found: Outcomes) -> dict[int, NoteWrite]:
        """Return the notes on the contacts that leads were converted to: a converted lead hides what it gets."""
        leads = sorted({id18(note.record_id) for note in notes.values() if kind_of(note.record_id) == LEAD})
        fields = ("Id", "IsConverted", "ConvertedContactId")
        statements = [select(fields, LEAD, f"IsConverted = true AND {where}") for where in lists("Id", leads)]
        try:
            answers = self.client.queries(statements)
        except CRMError as error:
            found.update(dict.fromkeys(notes, error))
            return {}
        became = {id18(row.get("Id")): converted_to(row) for rows in answers for row in rows}
        return {
            number: replace(note, record_id=became.get(id18(note.record_id)) or note.record_id)
            for number, note in notes.items()
        }

    def _on_survivors(self, notes: Mapping[int, NoteWrite]) -> Outcomes:
        """Send notes once more whose record turned out to be merged or converted; what is gone is told as missing."""
        found: Outcomes = {}
        moved: dict[int, NoteWrite] = {}
        records = self.records.read([note.record_id for note in notes.values()]) if notes else []
        for (number, note), record in zip(notes.items(), records, strict=True):
            if isinstance(record, CRMError):
                found[number] = record
            elif record.id != id18(note.record_id):
                moved[number] = replace(note, record_id=record.id)
        results = self._send(moved, halting(found.values()))
        found.update({number: self._outcome(moved[number], result) for number, result in results.items()})
        return found

    def _send(self, notes: Mapping[int, NoteWrite], halted: CRMError | None) -> dict[int, Result]:
        """Create tasks, by our own key where the org has it: repeated, that finds the task made first."""
        key = self.shape.key
        method, path = ("PATCH", f"{_COLLECTIONS}/{TASK}/{key}") if key else ("POST", _COLLECTIONS)
        # What is set at creation only must not come with what may turn out to be an update.
        extra = {} if key else {"TaskSubtype": "Task"}
        bodies = [{**self._body(note), "WhoId": id18(note.record_id), **extra} for note in notes.values()]
        return dict(zip(notes, self.client.write(method, path, bodies, halted=halted), strict=True))

    def _body(self, note: NoteWrite) -> dict[str, Any]:
        key = self.shape.key
        at = note.at.astimezone(UTC)
        values = {
            "Subject": subject_line(note.subject),
            "Description": description(note.body, at, "" if key else note.key),
            "ActivityDate": at.date().isoformat(),
            # Whoever reopened a task, or gave it another priority, meant that.
            **((self.shape.picks or {}) if note.note_id is None else {}),
        }
        fixed = self.shape.hidden | (self.shape.not_changeable if note.note_id else self.shape.not_settable)
        own = {key: note.key} if key else {}
        return {"attributes": {"type": TASK}, **{k: v for k, v in values.items() if k not in fixed}, **own}

    def _outcome(self, note: NoteWrite, result: Result) -> RemoteNote | CRMError:
        if isinstance(result, Refusal):
            return result.error
        note_id = id18(result.get("id")) or id18(note.note_id)
        return RemoteNote(note_id, self.records.url(note_id))

    def find(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find tasks by our key, else by their last line among all tasks of their records."""
        if not self.shape.can_be_seen:
            missing = PermissionMissing("The Salesforce user may not see tasks.", permissions=("Read on Task",))
            return [missing] * len(notes)
        try:
            owners = self._by_key(notes) if self.shape.key else self._by_marker(notes)
        except CRMError as error:
            return [error] * len(notes)
        silent = sorted({note.record_id for note in notes if note.key not in owners})
        records = dict(zip(silent, self.records.read(silent) if silent else [], strict=True))
        return [self._found(note, owners, records) for note in notes]

    def _found(
        self, note: NoteWrite, owners: Mapping[str, str], records: Mapping[str, RemoteRecord | CRMError]
    ) -> RemoteNote | CRMError | None:
        """Return a note that was found, what became of its record, or None: it was not written."""
        if note.key in owners:
            return RemoteNote(owners[note.key], self.records.url(owners[note.key]))
        record = records[note.record_id]
        return record if isinstance(record, CRMError) else None

    def _by_key(self, notes: Sequence[NoteWrite]) -> dict[str, str]:
        key = self.shape.key
        wheres = lists(key, (note.key for note in notes))
        rows = self._rows(["Id", key], list(wheres))
        return {str(row.get(key)): id18(row.get("Id")) for row in rows}

    def _by_marker(self, notes: Sequence[NoteWrite]) -> dict[str, str]:
        """Descriptions cannot be filtered by, so every task of the records is read; tasks move with their record."""
        asked = sorted({note.record_id for note in notes if kind_of(note.record_id)})
        places = set(asked)
        for record in self.records.read(asked):
            if isinstance(record, RemoteRecord):
                places.add(record.id)
            elif not isinstance(record, RecordMissing):
                raise record
        owners: dict[str, str] = {}
        # Of several tasks with one key the oldest is the note.
        rows = self._rows(["Id", "Description"], list(lists("WhoId", sorted(places))))
        for row in sorted(rows, key=lambda row: id18(row.get("Id")), reverse=True):
            owners.update(dict.fromkeys(markers(str(row.get("Description") or "")), id18(row.get("Id"))))
        return owners

    def _rows(self, fields: Sequence[str], wheres: Sequence[str]) -> list[Row]:
        statements = [select(fields, TASK, where) for where in wheres]
        return [row for rows in self.client.queries(statements) for row in rows]


def _may_have_moved(refusal: Refusal) -> bool:
    """Tell whether a task may have been refused for the record that it stands on."""
    points_there = "WhoId" in refusal.fields or refusal.code.startswith("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE")
    return isinstance(refusal.error, RecordMissing) or points_there
