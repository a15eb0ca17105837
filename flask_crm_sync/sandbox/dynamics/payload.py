"""Reading the body of a write: which columns it sets to what, checked as the server checks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from ..clock import from_iso
from .conditions import EDM
from .desk import Desk
from .errors import DataverseError, bad_payload, does_not_exist, too_long
from .keys import find, read_address
from .rows import moment
from .tables import Column, Table

BIND = "@odata.bind"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read_values(desk: Desk, table: Table, body: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
    """Return the columns that a body sets, by shown name; what only the server sets is passed over.

    Raises DataverseError for unknown members, values of another type, texts that are too long, and bad references.
    """
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name.endswith(BIND):
            values.update(_bound(desk, table, name.removesuffix(BIND), value))
        elif name in table.binds and value is None:
            values[table.binds[name][0].shown_as] = None
        elif "@" not in name:
            column = _column(table, name)
            if _may_set(column, creating):
                values[name] = _converted(table, column, value)
    return values


def _column(table: Table, name: str) -> Column:
    column = table.by_name.get(name)
    if column is None or column.kind == "lookup":
        detail = (
            f"Microsoft.OData.ODataException: An undeclared property '{name}' was found in the payload for type "
            f"'Microsoft.Dynamics.CRM.{table.name}'. The property '{name}' does not exist on that type."
        )
        raise bad_payload(table.set_name, detail)
    return column


def _may_set(column: Column, creating: bool) -> bool:
    if column.name == "statecode" or column.name == "statuscode":
        return not creating
    return column.sets == "client" or (column.sets == "create" and creating)


def _bound(desk: Desk, table: Table, navigation: str, value: Any) -> dict[str, Any]:
    """Return the columns that a reference sets; its name counts to the letter."""
    if navigation not in table.binds:
        detail = (
            f"Microsoft.OData.ODataException: An undeclared property '{navigation}' which only has property "
            "annotations in the payload but no property value was found in the payload. In OData, only declared "
            "navigation properties and declared named streams can be represented as properties without values."
        )
        raise bad_payload(table.set_name, detail)
    column, target = table.binds[navigation]
    if value is None:
        return {column.shown_as: None}
    address = read_address(_dereferenced(desk, str(value)))
    if address.table.name != target:
        raise bad_payload(table.set_name, f"'{value}' is no reference to the {target} entity.")
    row = find(desk, address)
    if row is None:
        raise does_not_exist(target, str(address.key))
    return {column.shown_as: row.id, f"{column.shown_as}@target": target}


def _dereferenced(desk: Desk, text: str) -> str:
    if not text.startswith("$"):
        return text
    if text not in desk.references:
        message = f"Content-ID Reference: '{text}' does not exist in the batch context."
        raise DataverseError(400, "0x80060888", message)
    return desk.references[text]


def _converted(table: Table, column: Column, value: Any) -> Any:
    """Return a value as it is stored; an empty text is no value."""
    if value is None or value == "":
        return None
    if column.kind in ("text", "memo"):
        if not isinstance(value, str):
            raise _mistyped(table, column, value)
        if len(value) > column.length:
            raise too_long(column.name, table.name, column.length)
        return value
    return _CONVERSIONS[column.kind](table, column, value)


def _whole(table: Table, column: Column, value: Any) -> int:
    if type(value) is not int or not -(2**31) <= value < 2**31:
        raise _mistyped(table, column, value)
    return value


def _choice(table: Table, column: Column, value: Any) -> int:
    number = _whole(table, column, value)
    if number not in column.choices:
        message = (
            f"A validation error occurred. The value {number} of '{column.name}' on record of type '{table.name}' is "
            "outside the valid range."
        )
        raise DataverseError(400, "0x8004431a", message)
    return number


def _flag(table: Table, column: Column, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _mistyped(table, column, value)
    return value


def _moment(table: Table, column: Column, value: Any) -> str:
    try:
        return moment(from_iso(str(value)))
    except ValueError:
        raise _mistyped(table, column, value) from None


def _day(table: Table, column: Column, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise _mistyped(table, column, value) from None


def _guid(table: Table, column: Column, value: Any) -> str:
    if not isinstance(value, str) or not _GUID.fullmatch(value):
        raise _mistyped(table, column, value)
    return value.lower()


_CONVERSIONS = {
    "whole": _whole,
    "choice": _choice,
    "state": _choice,
    "flag": _flag,
    "moment": _moment,
    "day": _day,
    "guid": _guid,
}


def _mistyped(table: Table, column: Column, value: Any) -> DataverseError:
    detail = (
        f"Microsoft.OData.ODataException: Cannot convert a value to target type '{EDM[column.kind]}' because of "
        f"conversion error: the value '{value}' of '{column.name}' is of another type."
    )
    return bad_payload(table.set_name, detail)
