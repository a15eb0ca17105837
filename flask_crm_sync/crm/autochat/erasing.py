"""Removing people, as far as that goes: no deletion is documented, so an update empties what we know of a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import CRMError, InvalidRecord, RecordMissing
from ..base import Erased, Write
from ..outcomes import one_by_one
from .fields import COMPANY
from .records import Records

NOBODY = "Removed"
"""What stands where AutoChat CRM may demand a company."""
_LEFT = (
    "AutoChat CRM offers no way to delete a client: an admin deletes it there by hand, with its activities and "
    "whatever else was entered about the person."
)
_EMPTIED = "Name, e-mail, phone, company and address were emptied."
_REFUSED = "AutoChat CRM refused to empty the client's fields, so nothing was removed."
_GONE = "The client was not there any more. Activities that outlive it are removed by hand in AutoChat CRM."


class Eraser:
    """Empties clients of one installation."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Empty each client's fields, one after the other, and say what is left for a person to do."""
        return one_by_one(record_ids, lambda record_id: self._erase(record_id, len(notes.get(record_id, ()))))

    def _erase(self, record_id: str, notes: int) -> Erased:
        (outcome,) = self.records.upsert([Write("", self._nothing(), record_id)])
        if isinstance(outcome, RecordMissing):
            return Erased("deleted", _GONE)
        if isinstance(outcome, InvalidRecord):
            return Erased("by_hand", _said(_REFUSED, _LEFT, f"It said: {outcome.crm_message or outcome}"))
        if isinstance(outcome, CRMError):
            raise outcome
        added = f"Activities that were added from here: {notes}." if notes else ""
        return Erased("anonymised", _said(_EMPTIED, _LEFT, added))

    def _nothing(self) -> dict[str, str]:
        blanks = dict.fromkeys(self.records.naming.texts, "")
        return {**blanks, COMPANY: NOBODY} if COMPANY in blanks else blanks


def _said(*sentences: str) -> str:
    return " ".join(filter(None, sentences))
