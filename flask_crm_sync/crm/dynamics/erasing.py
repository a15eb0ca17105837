"""Removing people: their contacts are deleted with all notes on them, whatever merges took them into or brought them.

Source: the table references of contact and annotation: notes go with their contact. A merged contact stays behind,
inactive, and still holds everything that the person was there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ...errors import CRMError, RecordMissing
from ..base import Erased, RemoteRecord
from .client import ROOT, Outcome, get, guid
from .contacts import MERGES, Contacts
from .multipart import Request

_DONE = (
    "The contact and its notes were deleted, with the contacts that were merged into it. Where the environment keeps "
    "deleted records or an audit log, an administrator removes them there. An account stays."
)
_GONE = "The contact was not there any more; its notes were deleted."


class Eraser:
    """Removes contacts of one environment."""

    def __init__(self, contacts: Contacts) -> None:
        self.contacts, self.client = contacts, contacts.client

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Delete contacts wherever merges took them, and the notes that we added."""
        places = dict(zip(record_ids, self.contacts.read(record_ids), strict=True))
        now = {asked: place.id if isinstance(place, RemoteRecord) else guid(asked) for asked, place in places.items()}
        failed = {asked: place for asked, place in places.items() if _is_trouble(place)}
        try:
            bodies = self._bodies({asked: place for asked, place in now.items() if asked not in failed})
        except CRMError as error:
            return [error] * len(record_ids)
        mine = {asked: [*map(guid, notes.get(asked, ()))] for asked in bodies}
        results = self._deleted(mine, bodies)
        done = {asked: _outcome(mine[asked], bodies[asked], results) for asked in bodies}
        return [failed.get(asked) or done[asked] for asked in record_ids]  # type: ignore[misc]

    def _bodies(self, now: Mapping[str, str]) -> dict[str, list[str]]:
        """Return the contacts to delete for each record, those first that were merged into the next; raise CRMError."""
        masters = self._merged_into(set(now.values()))
        bodies = {}
        for asked, place in now.items():
            found, wave = [place], {place}
            while wave:
                wave = {contact for contact, master in masters.items() if master in wave} - set(found)
                found += sorted(wave)
            bodies[asked] = list(dict.fromkeys([*reversed(found), guid(asked)]))
        return bodies

    def _merged_into(self, contacts: Collection[str]) -> dict[str, str]:
        """Return by contact the one that it was merged into, for all that ended in one of these; raise CRMError."""
        masters: dict[str, str] = {}
        wave = sorted(contacts)
        for _step in range(MERGES):
            rows = zip(wave, self.client.batch([_merged(contact) for contact in wave]), strict=True)
            found = {one: master for master, outcome in rows for one in self._ids(outcome)}
            wave = sorted(found.keys() - masters.keys() - set(contacts))
            masters |= found
            if not wave:
                break
        return masters

    def _ids(self, outcome: Outcome) -> list[str]:
        if isinstance(outcome, CRMError):
            raise outcome
        return [str(row.get("contactid")).lower() for row in self.client.rows(outcome)]

    def _deleted(self, notes: Mapping[str, Sequence[str]], bodies: Mapping[str, Sequence[str]]) -> dict[str, Outcome]:
        """Delete notes and contacts, each once, the notes first; return what each deletion came to."""
        wanted = dict.fromkeys(_deletion("annotations", one) for ids in notes.values() for one in ids)
        wanted |= dict.fromkeys(_deletion("contacts", one) for ids in bodies.values() for one in ids)
        outcomes = self.client.batch([Request("DELETE", ROOT + path) for path in wanted])
        return dict(zip(wanted, outcomes, strict=True))


def _merged(contact: str) -> Request:
    """Return the question which contacts were merged into one; it rides along."""
    return replace(get("contacts", select="contactid", filter=" ".join(("_masterid_value", "eq", contact))), rides=True)


def _deletion(table: str, record_id: str) -> str:
    return f"{table}({record_id})"


def _is_trouble(place: RemoteRecord | CRMError) -> bool:
    return isinstance(place, CRMError) and not isinstance(place, RecordMissing)


def _outcome(notes: Sequence[str], bodies: Sequence[str], results: Mapping[str, Outcome]) -> Erased | CRMError:
    """Return what erasing one record came to; what is gone already counts as deleted."""
    contacts = [results[_deletion("contacts", one)] for one in bodies]
    outcomes = [*contacts, *(results[_deletion("annotations", one)] for one in notes)]
    trouble = next((o for o in outcomes if isinstance(o, CRMError) and not isinstance(o, RecordMissing)), None)
    if trouble is not None:
        return trouble
    was_there = any(not isinstance(outcome, CRMError) for outcome in contacts)
    return Erased("deleted", _DONE if was_there else _GONE, notes=len(notes))
