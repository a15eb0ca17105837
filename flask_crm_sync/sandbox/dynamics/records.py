"""Calls for one row: read it, create it, change it or create it (upsert), delete it, each with its preconditions."""

from __future__ import annotations

from typing import Any

from .desk import Desk
from .errors import already_there, bad_payload, does_not_exist, no_row_with_key, stale_version
from .exchange import Call, Reply
from .keys import Address, find
from .queries import asked_annotations, checked_options
from .rows import Row
from .shown import printed, read_select
from .tables import Table
from .writes import change, create, delete

DETECT = "mscrm.suppressduplicatedetection"


def read_one(desk: Desk, address: Address, call: Call) -> Reply:
    """Answer a row, or 304 for a version that the client has."""
    names = read_select(address.table, checked_options(call).get("$select"))
    row = found(desk, address)
    if call.header("if-none-match") == row.etag:
        return Reply(304)
    return Reply(200, _entity(desk, row, names, call))


def create_one(desk: Desk, table: Table, call: Call) -> Reply:
    """Add a row under a new id, or the one that the body brings."""
    row = create(desk, table, call.json_object(table.set_name), detect=detects(call))
    return _written(desk, row, call, status=201)


def upsert_one(desk: Desk, address: Address, call: Call) -> Reply:
    """Change a row, or create it where the preconditions let it."""
    body = call.json_object(address.table.set_name)
    row = find(desk, address)
    wanted, unwanted = call.header("if-match"), call.header("if-none-match")
    if row is None:
        if wanted is not None:
            raise missing(desk, address)
        return _written(desk, create_at(desk, address, body, detect=detects(call)), call, status=201)
    if unwanted == "*":
        raise already_there(desk.exists_code)
    _check_version(desk, row, wanted)
    _check_same_id(row, body)
    return _written(desk, change(desk, row, body, detect=detects(call)), call, status=200)


def delete_one(desk: Desk, address: Address, call: Call) -> Reply:
    """Delete a row."""
    row = found(desk, address)
    _check_version(desk, row, call.header("if-match"))
    delete(desk, row)
    return Reply(204)


def found(desk: Desk, address: Address) -> Row:
    """Return the row of an address. Raises DataverseError (404)."""
    row = find(desk, address)
    if row is None:
        raise missing(desk, address)
    return row


def missing(desk: Desk, address: Address) -> Exception:
    """Return what is said when an address leads to no row."""
    if isinstance(address.key, str):
        return does_not_exist(address.table.name, address.key, desk.missing_code)
    return no_row_with_key(address.table.name)


def create_at(desk: Desk, address: Address, body: dict[str, Any], *, detect: bool = False) -> Row:
    """Create the row of an address that leads to none yet. Raises DataverseError."""
    if isinstance(address.key, str):
        return create(desk, address.table, body, address.key, detect=detect)
    if body.keys() & address.key.keys():
        detail = "System.ArgumentException: An item with the same key has already been added."
        raise bad_payload(address.table.set_name, detail)
    return create(desk, address.table, body, key=address.key, detect=detect)


def detects(call: Call) -> bool:
    """Say whether a call asks for duplicate detection; by default writes over the API go without."""
    return call.headers.get(DETECT, "true").lower() == "false"


def _check_version(desk: Desk, row: Row, wanted: str | None) -> None:
    if wanted not in (None, "*", row.etag):
        raise stale_version(desk.version_code)


def _check_same_id(row: Row, body: dict[str, Any]) -> None:
    other = body.get(row.table.id_name)
    if other is not None and str(other).lower() != row.id:
        raise bad_payload(row.table.set_name, f"The id in the address and '{row.table.id_name}' differ.")


def _written(desk: Desk, row: Row, call: Call, *, status: int) -> Reply:
    """Answer a write: empty with the row's address, or with the row where that is preferred."""
    if call.preferences.get("return") == "representation":
        names = read_select(row.table, call.options.get("$select"))
        return Reply(status, _entity(desk, row, names, call), {"Preference-Applied": "return=representation"})
    address = f"{desk.base_url}/{row.table.set_name}({row.id})"
    return Reply(204, None, {"OData-EntityId": address, **({"Location": address} if call.method == "POST" else {})})


def _entity(desk: Desk, row: Row, names: tuple[str, ...], call: Call) -> dict[str, Any]:
    chosen = f"({call.options['$select']})" if call.options.get("$select") else ""
    context = {"@odata.context": f"{desk.base_url}/$metadata#{row.table.set_name}{chosen}/$entity"}
    return {**context, **printed(desk, row, names, asked_annotations(call))}
