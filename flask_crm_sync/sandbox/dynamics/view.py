"""What arrived in an environment, read straight from the store: for tests, figures and pages, not for API callers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..calls import CallLog
from .desk import Desk
from .rows import Condition, Row
from .shown import title_of
from .tables import ANNOTATION, CONTACT, Table
from .writes import notes_of

CHUNK = 500
UNMERGED = Condition("coalesce(json_extract(body, '$.merged'), 0) = 0")


def everything(desk: Desk, table: Table) -> Iterator[dict[str, Any]]:
    """Yield all rows of a table by id, with what they are linked to."""
    last = ""
    while True:
        with desk.store.reading():
            rows = desk.rows.select(table, Condition("id > ?", (last,)), limit=CHUNK)
            shown = [row(desk, each) for each in rows]
        yield from shown
        if len(rows) < CHUNK:
            return
        last = rows[-1].id


def row(desk: Desk, each: Row) -> dict[str, Any]:
    """Return a row with its values and the ids of its notes or contacts; a company is told by its name as well."""
    values = {name: value for name, value in sorted(each.values.items()) if "@" not in name}
    company = each.values.get("_parentcustomerid_value")
    if company:
        target = each.values.get("_parentcustomerid_value@target", "account")
        values["parentcustomerid"] = title_of(desk, target, company)
    return {
        "id": each.id,
        "properties": values,
        "createdAt": values["createdon"],
        "updatedAt": values["modifiedon"],
        "archived": False,
        **_linked(desk, each),
    }


def _linked(desk: Desk, each: Row) -> dict[str, list[str]]:
    if each.table is CONTACT:
        return {"notes": [note.id for note in notes_of(desk, each.id)]}
    owner = each.values.get("_objectid_value")
    return {"contacts": [owner] if owner else []}


def figures(desk: Desk, calls: CallLog) -> dict[str, Any]:
    """Return counts of contacts (merged ones left out), notes and calls of one environment."""
    counts = calls.counts("dynamics", desk.environment.name)
    with desk.store.reading():
        return {
            "records": desk.rows.count(CONTACT, UNMERGED),
            "notes": desk.rows.count(ANNOTATION),
            "api_calls": sum(counts.values()),
            "calls": counts,
        }
