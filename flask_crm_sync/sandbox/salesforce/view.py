"""What arrived in an org, read straight from the store: for tests, figures and pages, not for API callers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..calls import CallLog
from ..clock import iso
from .desk import Desk
from .records import Record

PEOPLE = ("Lead", "Contact")
CHUNK = 500


def everything(desk: Desk, *kinds: str) -> Iterator[dict[str, Any]]:
    """Yield all records of some types, deleted ones included."""
    for kind in kinds:
        last = 0
        while True:
            with desk.store.reading():
                found = desk.records(kind).all(after=last, limit=CHUNK)
                rows = [row(desk, record) for record in found]
            yield from rows
            if len(found) < CHUNK:
                break
            last = found[-1].number


def row(desk: Desk, record: Record) -> dict[str, Any]:
    """Return a record with all its values. A converted lead counts as archived: its contact stands for the person."""
    shown = {
        "id": record.id,
        "type": record.kind,
        "properties": dict(sorted(record.values.items())),
        "createdAt": iso(record.created),
        "updatedAt": iso(record.modified),
        "archived": record.deleted or record.is_converted,
    }
    if record.kind == "Task":
        who = record.values.get("WhoId")
        return {**shown, "contacts": [who] if who else []}
    tasks = desk.records("Task").having("WhoId", [record.id])
    return {**shown, "notes": [task.id for task in tasks], "master": record.master}


def figures(desk: Desk, calls: CallLog) -> dict[str, Any]:
    """Return counts of people (a converted lead is none), notes and calls of one org."""
    counts = calls.counts("salesforce", desk.org.org_id)
    with desk.store.reading():
        converted = sum(1 for lead in desk.records("Lead").all() if lead.is_converted and not lead.deleted)
        return {
            "records": sum(desk.records(kind).count() for kind in PEOPLE) - converted,
            "notes": desk.records("Task").count(),
            "api_calls": sum(counts.values()),
            "calls": counts,
        }
