"""Removing people for good: HubSpot's GDPR deletion, and the notes that we added, which it leaves behind.

Source: "Permanently delete a contact (GDPR-compliant)" and the changelog's "GDPR deletion": the contact and its
associations go, what it was associated with stays. A deleted note can be restored for 90 days, so its text is taken
out first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import CRMError, RecordMissing
from ..base import Erased, RemoteRecord
from ..outcomes import one_by_one
from .client import BatchAnswer
from .contacts import Contacts

_DONE = "The contact was deleted for good, and its notes with it."
_GONE = "The contact was not there any more; its notes were deleted."


class Eraser:
    """Removes contacts of one portal."""

    def __init__(self, contacts: Contacts) -> None:
        self.contacts, self.client = contacts, contacts.client

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Remove contacts and the notes that we added. A contact whose notes do not go stays, to be asked for again."""
        emptied = self._empty([note_id for record_id in record_ids for note_id in notes.get(record_id, ())])
        places = dict(zip(record_ids, self.contacts.read(record_ids), strict=True))

        def remove(record_id: str) -> Erased:
            mine = notes.get(record_id, ())
            trouble = next((emptied.failures[note_id] for note_id in mine if note_id in emptied.failures), None)
            if trouble is not None:
                raise trouble
            return Erased("deleted", self._remove(record_id, places[record_id]), notes=len(mine))

        return one_by_one(record_ids, remove)

    def _empty(self, note_ids: Sequence[str]) -> BatchAnswer:
        """Take the text out of notes and delete them; failures are told by note, what is gone already is none."""
        blank = {note_id: {"id": note_id, "properties": {"hs_note_body": ""}} for note_id in note_ids}
        answer = self.client.batch(f"{self.client.paths.notes}/batch/update", blank, writes=True)
        _forget_missing(answer)
        going = {note_id: {"id": note_id} for note_id in blank if note_id not in answer.failures}
        archived = self.client.batch(
            f"{self.client.paths.notes}/batch/archive", going, writes=True, halted=answer.halted, traced=False
        )
        _forget_missing(archived)
        answer.failures.update(archived.failures)
        return answer

    def _remove(self, record_id: str, place: RemoteRecord | CRMError) -> str:
        """Delete one contact where it is now, be it in the bin, and say what was done; raise CRMError."""
        if isinstance(place, CRMError) and not isinstance(place, RecordMissing):
            raise place
        body = {"objectId": place.id if isinstance(place, RemoteRecord) else record_id}
        try:
            self.client.call("POST", f"{self.client.paths.contacts}/gdpr-delete", json=body, writes=True)
        except RecordMissing:
            return _GONE
        return _DONE


def _forget_missing(answer: BatchAnswer) -> None:
    answer.failures = {name: error for name, error in answer.failures.items() if not isinstance(error, RecordMissing)}
