"""What arrived in a portal, read straight from the store: for tests, figures and pages, not for API callers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..calls import CallLog
from ..clock import iso
from .associations import linked_ids
from .desk import Desk
from .kinds import CONTACTS, NOTES, Kind
from .records import Record

CHUNK = 500


def everything(desk: Desk, kind: Kind) -> Iterator[dict[str, Any]]:
    """Yield all records of a type by rising id, archived ones included, with what they are linked to."""
    last = 0
    while True:
        with desk.store.reading():
            records = desk.records(kind).page(after=last, limit=CHUNK, archived=None)
            rows = [row(desk, record) for record in records]
        yield from rows
        if len(records) < CHUNK:
            return
        last = records[-1].id


def row(desk: Desk, record: Record) -> dict[str, Any]:
    """Return a record with all its values and the ids of its notes or contacts."""
    other = NOTES if record.kind is CONTACTS else CONTACTS
    return {
        "id": str(record.id),
        "properties": {name: value for name, value in sorted(record.properties.items()) if value},
        "createdAt": iso(record.created),
        "updatedAt": iso(record.updated),
        "archived": record.archived is not None,
        other.name: [str(each) for each in linked_ids(desk, record.id, other, limit=-1)],
    }


def figures(desk: Desk, calls: CallLog) -> dict[str, Any]:
    """Return counts of records, notes and calls of one portal."""
    counts = calls.counts("hubspot", str(desk.portal.portal_id))
    with desk.store.reading():
        return {
            "records": desk.records(CONTACTS).count(),
            "notes": desk.records(NOTES).count(),
            "api_calls": sum(counts.values()),
            "calls": counts,
        }
