"""Removing people: their leads, contacts and our tasks are deleted; Salesforce keeps them in the recycle bin a while.

REST knows no way past the bin ("sObject Collections", delete). A converted lead goes with its contact: it still holds
everything that the person was as a lead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import CRMError, RecordMissing
from ..base import Erased, RemoteRecord
from .answers import Refusal
from .ids import CONTACT, LEAD, id18, kind_of
from .records import Records
from .soql import lists, select

_DONE = (
    "The record and its tasks were deleted. They lie in Salesforce's recycle bin for 15 days; an administrator can "
    "empty it earlier. An account that a conversion made stays."
)
_GONE = "The record was not there any more; its tasks were deleted."


class Eraser:
    """Removes leads and contacts of one org."""

    def __init__(self, records: Records) -> None:
        self.records, self.client = records, records.client

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Delete records wherever conversions and merges took them, and the tasks that we added."""
        places = self.records.read(record_ids)
        stopped = next((place for place in places if isinstance(place, CRMError) and place.whole_connection), None)
        if stopped is not None:
            return [stopped] * len(record_ids)
        try:
            bodies = self._bodies(dict(zip(record_ids, places, strict=True)))
        except CRMError as error:
            return [error] * len(record_ids)
        tasks = {record_id: [*filter(None, map(id18, notes.get(record_id, ())))] for record_id in record_ids}
        wanted = [one for ids in (*tasks.values(), *bodies.values()) for one in ids]
        # Tasks come first, then what they stand on, so that a call changes its kind of record but a few times.
        order = sorted(dict.fromkeys(wanted), key=lambda one: ("", LEAD, CONTACT).index(kind_of(one)))
        results = dict(zip(order, self.client.delete(order), strict=True))
        return [_outcome(tasks[one], bodies[one], results) for one in record_ids]

    def _bodies(self, places: Mapping[str, RemoteRecord | CRMError]) -> dict[str, list[str]]:
        """Return what is to be deleted for each record: itself, what it became, and the leads that became that."""
        now = {asked: place.id if isinstance(place, RemoteRecord) else id18(asked) for asked, place in places.items()}
        contacts = sorted({place for place in now.values() if kind_of(place) == CONTACT})
        leads = self._leads_of(contacts)
        return {
            asked: [*filter(kind_of, dict.fromkeys([*leads.get(place, ()), id18(asked), place]))]
            for asked, place in now.items()
        }

    def _leads_of(self, contacts: Sequence[str]) -> dict[str, list[str]]:
        if not self.records.shapes[LEAD].can_be_seen:
            return {}
        wheres = [f"IsConverted = true AND {where}" for where in lists("ConvertedContactId", contacts)]
        statements = [select(["Id", "ConvertedContactId"], LEAD, where) for where in wheres]
        found: dict[str, list[str]] = {}
        for row in (row for rows in self.client.queries(statements) for row in rows):
            found.setdefault(id18(row.get("ConvertedContactId")), []).append(id18(row.get("Id")))
        return found


def _outcome(tasks: Sequence[str], bodies: Sequence[str], results: Mapping[str, object]) -> Erased | CRMError:
    """Return what erasing one record came to; what is gone already counts as deleted."""
    refused = {one: result.error for one in (*tasks, *bodies) if isinstance(result := results[one], Refusal)}
    failure = next((error for error in refused.values() if not isinstance(error, RecordMissing)), None)
    if failure is not None:
        return failure
    return Erased("deleted", _GONE if refused.keys() >= set(bodies) else _DONE, notes=len(tasks))
