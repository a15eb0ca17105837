"""Making one contact of two, and erasing one for good."""

from __future__ import annotations

from ..clock import Clock
from .associations import Link, associate, linked_ids
from .desk import Desk
from .errors import HubSpotError, object_not_found, validation
from .kinds import CONTACTS, NOTES
from .records import Record, Source
from .validation import normal_address
from .writes import find, reclaim

MOST_MERGES = 250
_OWN_TO_EACH = {"hs_merged_object_ids", "hs_calculated_merged_vids", "hs_additional_emails", "email"}


def merge(desk: Desk, primary_id: str, other_id: str) -> Record:
    """Merge two contacts and return the survivor, under a new id unless the dialect keeps the primary's.

    Raises HubSpotError (400, 404, 414). Call it inside ``store.writing()``.
    """
    primary, other = find(desk, CONTACTS, primary_id, None), find(desk, CONTACTS, other_id, None)
    if primary is None or other is None:
        raise object_not_found()
    if primary.id == other.id:
        raise validation("Cannot merge an object with itself")
    ancestors = [*_ancestors(primary), *_ancestors(other)]
    if len(ancestors) + 2 > MOST_MERGES:
        raise HubSpotError(414, "VALIDATION_ERROR", "Merge would leave a contact with more than 250 identities")
    values = _joined(primary, other, ancestors, desk.clock, keeps_id=desk.dialect.merge_keeps_primary_id)
    notes = {*linked_ids(desk, primary.id, NOTES), *linked_ids(desk, other.id, NOTES)}
    survivor = _survivor(desk, primary, values)
    for gone in (primary, other):
        if gone.id != survivor.id:
            _retire(desk, gone, survivor)
    reclaim(desk, survivor)
    for note_id in sorted(notes):
        associate(desk, NOTES, note_id, [Link(CONTACTS, survivor.id)])
    old = [each.id for each in (primary, other) if each.id != survivor.id]
    members = {"primaryObjectId": primary.id, "mergedObjectIds": old, "newObjectId": survivor.id}
    desk.tell("merge", survivor.id, **members, numberOfPropertiesMoved=len(values))
    return survivor


def erase(desk: Desk, given: str, key: str | None) -> None:
    """Delete a contact for good; an address nobody has is barred instead. Call it inside ``store.writing()``."""
    record = find(desk, CONTACTS, given, key)
    if record is None and key != "email":
        record = desk.records(CONTACTS).archived(given)
    if record is not None:
        desk.records(CONTACTS).erase(record)
        desk.tell("deletion", record.id, changeFlag="DELETED")
        desk.tell("privacyDeletion", record.id)
    elif key == "email":
        row = (desk.portal.portal_id, normal_address(given))
        desk.store.db.execute("INSERT OR IGNORE INTO blocked_address VALUES (?, ?)", row)
    else:
        raise object_not_found()


def _ancestors(record: Record) -> list[str]:
    return [each for each in record.properties.get("hs_merged_object_ids", "").split(";") if each]


def _joined(primary: Record, other: Record, ancestors: list[str], clock: Clock, *, keeps_id: bool) -> dict[str, str]:
    """Return the survivor's values: the primary's, blanks filled by the other's, both sets of addresses."""
    values = {name: value for name, value in other.properties.items() if name not in _OWN_TO_EACH}
    values |= {name: value for name, value in primary.properties.items() if value and name not in _OWN_TO_EACH}
    first, *rest = [*dict.fromkeys([*primary.addresses(), *other.addresses()])] or [""]
    gone = [other.id] if keeps_id else [primary.id, other.id]
    values["email"], values["hs_additional_emails"] = first, ";".join(rest)
    values["hs_merged_object_ids"] = ";".join([*ancestors, *map(str, gone)])
    values["hs_calculated_merged_vids"] = ";".join(f"{each}:{clock.now_ms()}" for each in gone)
    return values


def _survivor(desk: Desk, primary: Record, values: dict[str, str]) -> Record:
    source, now = Source("MERGE_OBJECTS", desk.source.id), desk.clock.now_ms()
    if not desk.dialect.merge_keeps_primary_id:
        return desk.records(CONTACTS).add(values, source, now)
    primary.set(values, source, now)
    desk.records(CONTACTS).save(primary)
    return primary


def _retire(desk: Desk, gone: Record, survivor: Record) -> None:
    """Let an old id, and every id that led to it, lead to the survivor."""
    desk.records(CONTACTS).erase(gone)
    desk.store.db.execute("UPDATE merged SET record_id = ? WHERE record_id = ?", (survivor.id, gone.id))
    desk.store.db.execute("INSERT INTO merged VALUES (?, ?)", (gone.id, survivor.id))
