"""Creating, changing and deleting rows, with what the server does by itself: names, states, cascades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from .desk import Desk
from .errors import already_there, does_not_exist, duplicate_detected, inactive, no_resource
from .events import Event, written
from .keys import check_unique
from .payload import read_values
from .rows import Row, holds
from .tables import ACCOUNT, ANNOTATION, CONTACT, Table

Body = Mapping[str, Any]


def create(
    desk: Desk, table: Table, body: Body, row_id: str | None = None, *, key: Body | None = None, detect: bool = False
) -> Row:
    """Add a row, under an id of the client's where it brings one. Raises DataverseError."""
    _check_writable(desk, table, "Create")
    values = {**read_values(desk, table, body, creating=True), **(key or {})}
    row_id = row_id or values.get(table.id_name) or str(uuid4())
    if desk.rows.get(table, row_id) is not None:
        raise already_there(desk.exists_code)
    defaults = {column.shown_as: column.default for column in table.columns if column.default is not None}
    values = {**defaults, **values, table.id_name: row_id}
    _check(desk, table, row_id, values, values, detect)
    with desk.store.writing():
        row = desk.rows.insert(table, row_id, _completed(table, values), desk.user_id)
        _tell(desk, "Create", None, row)
        return row


def change(desk: Desk, row: Row, body: Body, *, detect: bool = False) -> Row:
    """Change columns of a row. Raises DataverseError."""
    _check_writable(desk, row.table, "Write")
    values = read_values(desk, row.table, body, creating=False)
    if row.is_inactive and values.get("statecode", 1) != 0:
        raise inactive(row.table.name, row.id)
    if "statecode" in values:
        values = {"statuscode": values["statecode"] + 1, **values}
    _check(desk, row.table, row.id, values, {**row.values, **values}, detect)
    return store(desk, row, values)


def store(desk: Desk, row: Row, values: Body) -> Row:
    """Put values into a row that nobody needs to check any more."""
    with desk.store.writing():
        changed = desk.rows.change(row, _completed(row.table, {**row.values, **values}), desk.user_id)
        _tell(desk, "Update", row, changed)
        return changed


def delete(desk: Desk, row: Row) -> None:
    """Delete a row: the notes of a contact or account go with it, contacts of an account stay."""
    _check_writable(desk, row.table, "Delete")
    with desk.store.writing():
        for note in _pointing(desk, ANNOTATION, "_objectid_value", row):
            desk.rows.remove(note)
        for contact in _pointing(desk, CONTACT, "_parentcustomerid_value", row):
            nothing = {"_parentcustomerid_value": None, "_parentcustomerid_value@target": None}
            desk.rows.change(contact, nothing, desk.user_id)
        desk.rows.remove(row)
        _tell_of(desk, "Delete", row)


def restore(desk: Desk, contact_id: str) -> None:
    """Bring a deleted contact back with its notes, as the Restore message does. Raises DataverseError (404)."""
    with desk.store.writing():
        found = desk.rows.removed(CONTACT, CONTACT.id_name, contact_id.lower())
        if not found:
            raise does_not_exist(CONTACT.name, contact_id)
        for row in (*found, *desk.rows.removed(ANNOTATION, "_objectid_value", contact_id.lower())):
            desk.rows.bring_back(row, desk.user_id)


def merge(desk: Desk, primary: Row, other: Row) -> Row:
    """Merge a contact into another: its notes move, it stays behind inactive, pointing to the one that leads."""
    with desk.store.writing():
        for note in _pointing(desk, ANNOTATION, "_objectid_value", other):
            desk.rows.change(note, {"_objectid_value": primary.id}, desk.user_id)
        gone = {"merged": True, "statecode": 1, "statuscode": 2, "_masterid_value": primary.id}
        desk.rows.change(other, {**gone, "_masterid_value@target": CONTACT.name}, desk.user_id)
        _tell_of(desk, "Merge", primary, other.id)
        return desk.rows.change(primary, {}, desk.user_id)


def notes_of(desk: Desk, contact_id: str) -> list[Row]:
    """Return the notes of a contact."""
    return desk.rows.select(
        ANNOTATION, holds(desk.rows, ANNOTATION, "_objectid_value", [contact_id]), order="created, id"
    )


def _tell(desk: Desk, message: str, old: Row | None, new: Row) -> None:
    """Tell those who listen of a contact that was created or changed, with what was written."""
    if new.table is CONTACT:
        now = desk.clock.now_ms()
        desk.store.happened(lambda: written(message, desk.environment, desk.user_id, now, old, new))


def _tell_of(desk: Desk, message: str, row: Row, subordinate_id: str = "") -> None:
    """Tell those who listen of a contact that was deleted, or took another one in."""
    if row.table is CONTACT:
        now = desk.clock.now_ms()
        event = Event(message, desk.environment, desk.user_id, row.id, now, subordinate_id=subordinate_id)
        desk.store.happened(lambda: event)


def _pointing(desk: Desk, table: Table, shown: str, row: Row) -> list[Row]:
    if row.table not in (CONTACT, ACCOUNT):
        return []
    return desk.rows.select(table, holds(desk.rows, table, shown, [row.id]))


def _check_writable(desk: Desk, table: Table, verb: str) -> None:
    if table.read_only:
        raise no_resource(table.set_name)
    desk.require(verb, table)


def _check(desk: Desk, table: Table, row_id: str, values: Body, whole: Body, detect: bool) -> None:
    desk.refuse_matching(values)
    check_unique(desk, table, row_id, whole)
    if detect and table is CONTACT and _has_twin(desk, row_id, values):
        raise duplicate_detected(int(desk.dialect.duplicate_status))


def _has_twin(desk: Desk, row_id: str, values: Body) -> bool:
    """Say whether another active contact has the e-mail address, as the usual rule has it."""
    address = values.get("emailaddress1")
    if not address:
        return False
    found = desk.rows.select(CONTACT, holds(desk.rows, CONTACT, "emailaddress1", [address]))
    return any(each.id != row_id and not each.is_inactive for each in found)


def _completed(table: Table, values: Body) -> dict[str, Any]:
    """Return values with those that the server makes of them."""
    made = dict(values)
    if table is CONTACT:
        names = (values.get(name) for name in ("firstname", "middlename", "lastname"))
        made["fullname"] = " ".join(name for name in names if name)[:160] or None
        lines = (values.get(f"address1_{name}") for name in ("line1", "line2", "line3", "city", "country"))
        made["address1_composite"] = "\r\n".join(line for line in lines if line) or None
    if table is ANNOTATION:
        made["objecttypecode"] = values.get("_objectid_value@target")
    return made
