"""Leads and contacts as records: what we ask of them, what they say, and where a lead or a merged record went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import CRMError, PermissionMissing, RecordMissing, RejectedByCRM
from ..base import RemoteField, RemoteRecord, Values
from ..further import as_told, of_kind
from .answers import Row
from .client import SalesforceClient
from .fields import NAMES, NAMES_OF, in_our_form
from .ids import CONTACT, LEAD, PEOPLE, TASK, id18, kind_of
from .shapes import Shape
from .soql import lists, select

_CONVERSION = ("IsConverted", "ConvertedContactId")
_UNSEEN = "The lead has become a contact, and the Salesforce user may not see Contact records."
_STEPS = 5
"""Conversions and merges that are followed, one after another."""
_MOST_UNCLAIMED = 10_000
"""Records read without our key that are remembered; forgetting one only means that its key is set another time."""


class Records:
    """The leads and contacts of one org. `stand_ins` are what new leads get for fields that the org demands."""

    def __init__(self, client: SalesforceClient, traits: Mapping[str, Any], stand_ins: Values) -> None:
        self.client, self.stand_ins = client, stand_ins
        self.shapes = {kind: Shape.remembered(traits, kind) for kind in (LEAD, CONTACT, TASK)}
        self._unclaimed: set[str] = set()
        self.further: tuple[RemoteField, ...] = ()

    def fields(self, kind: str) -> list[str]:
        """Return the fields that every read of a kind asks for."""
        shape = self.shapes[kind]
        named = [theirs for ours, theirs in NAMES_OF[kind].items() if ours not in shape.hidden]
        more = [field.name for field in of_kind(self.further, kind)]
        return ["Id", *named, *more, *([shape.key] if shape.key else []), *(_CONVERSION if kind == LEAD else ())]

    def url(self, record_id: str) -> str:
        """Return the address of a record's page, whatever its kind."""
        return f"{self.client.http.origin}/lightning/r/{record_id}/view"

    def record(self, kind: str, row: Row) -> RemoteRecord:
        """Return a record that was read, and remember whether our key is still to be set on it."""
        record_id, shape = id18(row.get("Id")), self.shapes[kind]
        if shape.key and not row.get(shape.key):
            if len(self._unclaimed) >= _MOST_UNCLAIMED:
                self._unclaimed.clear()
            self._unclaimed.add(record_id)
        values = {**in_our_form(kind, row, self.stand_ins), **self._more(kind, row)}
        return RemoteRecord(record_id, values, self.url(record_id), self.lacks(kind))

    def blanks(self, kind: str) -> dict[str, str]:
        """Return every field of a new record without values, but for what Salesforce itself puts there."""
        more = {field.name: field.default if field in of_kind(self.further, kind) else "" for field in self.further}
        return {**dict.fromkeys(NAMES, ""), **more}

    def _more(self, kind: str, row: Row) -> dict[str, str]:
        """Return what a row holds beside the fields of every client; a kind that lacks a field holds a blank."""
        there = {field.name: as_told(field, row.get(field.name)) for field in of_kind(self.further, kind)}
        return {**dict.fromkeys((field.name for field in self.further), ""), **there}

    def lacks(self, kind: str) -> frozenset[str]:
        """Return the fields that a kind does not have, or that this user may not change."""
        shape = self.shapes[kind]
        absent = {name for name in NAMES if name not in NAMES_OF[kind]}
        return shape.not_changeable | shape.hidden | absent | self._without(kind)

    def lacks_when_new(self) -> frozenset[str]:
        """Return the fields that cannot be set on a new lead."""
        return self.shapes[LEAD].not_settable | self._without(LEAD)

    def _without(self, kind: str) -> frozenset[str]:
        there = of_kind(self.further, kind)
        return frozenset(field.name for field in self.further if field not in there or not field.writable)

    def may_claim(self, record_id: str) -> bool:
        """Tell whether a record was seen without our key, and may get it."""
        return record_id in self._unclaimed

    def claimed(self, record_id: str) -> None:
        """Remember that a record bears a key, ours or none that we may set."""
        self._unclaimed.discard(record_id)

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read records by id.

        A converted lead answers its contact, a merged record the one that it became part of, a gone one RecordMissing.
        """
        asked = [id18(record_id) for record_id in record_ids]
        found: dict[str, RemoteRecord | CRMError] = {}
        waiting = {record_id: record_id for record_id in asked if kind_of(record_id)}
        try:
            for _step in range(_STEPS):
                if not waiting:
                    break
                waiting = self._followed(waiting, found)
        except CRMError as error:
            found.update({record_id: error for record_id in asked if kind_of(record_id) and record_id not in found})
        return [found.get(record_id) or RecordMissing() for record_id in asked]

    def _followed(self, waiting: Mapping[str, str], found: dict[str, RemoteRecord | CRMError]) -> dict[str, str]:
        """Read where each of the waiting stands now, note those that are found, and return where the others went.

        A lead that went where the user may not look is one record's trouble; the others are read.
        """
        unseen = {asked for asked, place in waiting.items() if asked != place and not self._sees(place)}
        found.update(dict.fromkeys(unseen, RejectedByCRM(_UNSEEN)))
        waiting = {asked: place for asked, place in waiting.items() if asked not in unseen}
        places = dict.fromkeys(waiting.values())
        rows = {kind: self._rows(kind, [place for place in places if kind_of(place) == kind]) for kind in PEOPLE}
        missing = [place for place in places if place not in rows[kind_of(place)]]
        heirs = self._heirs(missing)
        further: dict[str, str] = {}
        for asked, place in waiting.items():
            kind = kind_of(place)
            row = rows[kind].get(place)
            following = heirs.get(place, "") if row is None else converted_to(row)
            if following:
                further[asked] = following
            elif row is None:
                found[asked] = RecordMissing()
            else:
                found[asked] = self.record(kind, row)
        return further

    def _sees(self, record_id: str) -> bool:
        return self.shapes[kind_of(record_id)].can_be_seen

    def _rows(self, kind: str, record_ids: Sequence[str]) -> dict[str, Row]:
        if not record_ids:
            return {}
        if not self.shapes[kind].can_be_seen:
            raise PermissionMissing(
                f"The Salesforce user may not see {kind} records.", permissions=(f"Read on {kind}",)
            )
        return self.client.retrieve(kind, record_ids, self.fields(kind))

    def _heirs(self, record_ids: Iterable[str]) -> dict[str, str]:
        """Return for records that are gone those that they were merged into, where they were."""
        fields = ("Id", "MasterRecordId")
        kinds = {kind: [record_id for record_id in record_ids if kind_of(record_id) == kind] for kind in PEOPLE}
        statements = [select(fields, kind, where) for kind, ids in kinds.items() for where in lists("Id", ids)]
        rows = [row for answer in self.client.queries(statements, deleted_too=True) for row in answer]
        return {id18(row.get("Id")): id18(row.get("MasterRecordId")) for row in rows}


def converted_to(row: Row) -> str:
    """Return the id of the contact that a lead became, "" for a lead that is one still."""
    return id18(row.get("ConvertedContactId")) if row.get("IsConverted") is True else ""
