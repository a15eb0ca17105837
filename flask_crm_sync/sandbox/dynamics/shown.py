"""Rows as answers print them: chosen columns, entity tag, and annotations where they were asked for."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from .desk import Desk
from .errors import no_property
from .rows import Row
from .tables import BY_NAME, Column, Table

FORMATTED = "OData.Community.Display.V1.FormattedValue"
TARGET = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"


def read_select(table: Table, text: str | None) -> tuple[str, ...]:
    """Return the columns that ``$select`` names, all without one. Raises DataverseError (400)."""
    if not text:
        return tuple(table.by_name)
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in table.by_name:
            raise no_property(name, table.name)
    return tuple(dict.fromkeys([*names, table.id_name]))


def printed(desk: Desk, row: Row, names: Iterable[str], annotations: str) -> dict[str, Any]:
    """Return a row for an answer; ``annotations`` is what ``odata.include-annotations`` asks for."""
    body: dict[str, Any] = {"@odata.etag": row.etag}
    for name in names:
        body[name] = row.values.get(name)
        if annotations and body[name] is not None:
            notes = _annotations(desk, row, row.table.by_name[name], body[name])
            body.update({f"{name}@{term}": text for term, text in notes.items() if _asked(term, annotations)})
    return body


def _annotations(desk: Desk, row: Row, column: Column, value: Any) -> dict[str, str]:
    if column.kind == "lookup":
        target = row.values.get(f"{column.shown_as}@target") or next(iter(column.targets))
        title = title_of(desk, target, value)
        return {FORMATTED: title, NAVIGATION: column.targets[target], TARGET: target}
    if column.choices:
        return {FORMATTED: column.choices[int(value)]}
    return {FORMATTED: str(value)} if column.kind in ("moment", "day", "whole") else {}


def title_of(desk: Desk, table_name: str, row_id: str) -> str:
    """Return the name of a row, as people know it."""
    table = BY_NAME[table_name]
    row = desk.rows.get(table, row_id)
    return str(row.values.get(table.title_name) or "") if row else ""


def _asked(term: str, annotations: str) -> bool:
    """Say whether a list like ``*,-Microsoft.*`` asks for an annotation; the last entry that fits decides."""
    asked = False
    for pattern in annotations.split(","):
        if fnmatchcase(term, pattern.strip().removeprefix("-")):
            asked = not pattern.strip().startswith("-")
    return asked
