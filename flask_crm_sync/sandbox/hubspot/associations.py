"""Who belongs to whom: notes to contacts and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .desk import Desk
from .errors import HubSpotError, validation
from .kinds import ASSOCIATION_TYPES, KINDS, Kind, kind_named
from .records import as_id


class Link(NamedTuple):
    """The far end of an association."""

    kind: Kind
    record_id: int


def read_links(desk: Desk, kind: Kind, associations: Any) -> list[Link]:
    """Read the ``associations`` of a record to be created. Raises HubSpotError (400) for a wrong id or type."""
    if associations is None:
        return []
    if not isinstance(associations, list):
        raise validation("associations must be a list")
    return [_read_link(desk, kind, each) for each in associations]


def _read_link(desk: Desk, kind: Kind, association: Any) -> Link:
    try:
        to_id, types = association["to"]["id"], association["types"]
        type_ids = [(each["associationCategory"], each["associationTypeId"]) for each in types]
    except (KeyError, TypeError):
        raise validation("Some required fields were not set: [to, types]") from None
    to_kind = _meant_by(kind, type_ids)
    return Link(to_kind, existing(desk, to_kind, str(to_id)))


def _meant_by(kind: Kind, types: list[tuple[Any, Any]]) -> Kind:
    """Return the object type that association types lead to from here."""
    for to_kind in KINDS:
        wanted = ("HUBSPOT_DEFINED", ASSOCIATION_TYPES.get((kind.name, to_kind.name)))
        if types and wanted[1] is not None and all((category, number) == wanted for category, number in types):
            return to_kind
    raise validation(f"Association types {types} are not valid for object type {kind.singular.upper()}")


def check_types(from_kind: Kind, to_kind: Kind, types: Any) -> None:
    """Refuse association types that do not join these two. Raises HubSpotError (400)."""
    try:
        given = [(each["associationCategory"], each["associationTypeId"]) for each in types]
    except (KeyError, TypeError):
        raise validation("Some required fields were not set: [associationCategory, associationTypeId]") from None
    if not given or _meant_by(from_kind, given) is not to_kind:
        raise validation(f"Association types {given} do not lead to {to_kind.singular.upper()}")


def existing(desk: Desk, kind: Kind, given: str) -> int:
    """Return the id of a record to link to, through merges. Raises HubSpotError (400)."""
    records = desk.records(kind)
    record_id = as_id(given)
    if record_id is not None:
        if records.exists(record_id):
            return record_id
        survivor = records.survivor(record_id)
        if survivor is not None and records.exists(survivor):
            return survivor
    raise invalid_ids(kind, [given])


def invalid_ids(kind: Kind, ids: list[str]) -> HubSpotError:
    """Say that there is nothing to link to."""
    name = kind.singular.upper()
    message = f"Invalid object IDs: {name}=[{', '.join(ids)}] are not valid"
    detail = {
        "message": f"{name}=[{', '.join(ids)}] is not valid",
        "subCategory": "crm.associations.INVALID_OBJECT_IDS",
        "context": {name: ids},
    }
    return validation(message, errors=[detail])


def associate(desk: Desk, kind: Kind, record_id: int, links: Iterable[Link]) -> None:
    """Link a record both ways; doing it again changes nothing. Call it inside ``store.writing()``."""
    now = desk.clock.now_ms()
    for link in links:
        there, back = ASSOCIATION_TYPES[kind.name, link.kind.name], ASSOCIATION_TYPES[link.kind.name, kind.name]
        changed = desk.store.db.executemany(
            "INSERT OR IGNORE INTO association VALUES (?, ?, ?, ?)",
            [(record_id, link.kind.name, link.record_id, there), (link.record_id, kind.name, record_id, back)],
        ).rowcount
        if changed:
            desk.records(link.kind).touch(link.record_id, now)


def dissociate(desk: Desk, from_id: int, to_id: int) -> None:
    """Undo every link between two records. Call it inside ``store.writing()``."""
    desk.store.db.executemany(
        "DELETE FROM association WHERE from_id = ? AND to_id = ?", [(from_id, to_id), (to_id, from_id)]
    )


def linked_ids(desk: Desk, from_id: int, to_kind: Kind, *, after: int = 0, limit: int = 500) -> list[int]:
    """Return the records of a type that a record is linked to, by rising id; archived ones are left out."""
    rows = desk.store.db.execute(
        "SELECT DISTINCT to_id FROM association JOIN record ON record.id = to_id AND archived IS NULL"
        " WHERE from_id = ? AND to_kind = ? AND to_id > ? ORDER BY to_id LIMIT ?",
        (from_id, to_kind.name, after, limit),
    )
    return [row["to_id"] for row in rows]


def shown_links(desk: Desk, from_kind: Kind, from_id: int, words: Iterable[str]) -> dict[str, Any]:
    """Return the ``associations`` member of a record, for the object types asked for."""
    shown: dict[str, Any] = {}
    for word in words:
        to_kind = kind_named(word)
        ids = linked_ids(desk, from_id, to_kind)
        if ids:
            label = f"{from_kind.singular}_to_{to_kind.singular}"
            shown[to_kind.name] = {"results": [{"id": str(each), "type": label} for each in ids]}
    return shown
