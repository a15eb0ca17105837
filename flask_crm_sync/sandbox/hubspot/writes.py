"""What creating or changing one record takes: values that fit, addresses and keys that are free, links that exist."""

from __future__ import annotations

from typing import Any

from .associations import associate, read_links
from .catalogue import LIFECYCLE
from .desk import Desk
from .errors import Invalid, contact_exists, invalid_properties, non_unique_key, not_set, unique_value_taken, validation
from .events import UNTOLD
from .kinds import CONTACTS, NOTES, Kind
from .records import Record, as_id
from .validation import clean, normal_address, readable

Claims = list[tuple[str, str]]


def check_key(desk: Desk, kind: Kind, name: str, action: str) -> None:
    """Refuse a property that does not identify records. Raises HubSpotError (400)."""
    definition = desk.definitions(kind).get(name)
    if definition is None or not definition.is_unique:
        raise non_unique_key(action, kind.type_id, name)


def find(desk: Desk, kind: Kind, given: str, key: str | None, *, in_batch: bool = False) -> Record | None:
    """Return the record that an id or a unique value leads to, through merges; None when there is none."""
    records = desk.records(kind)
    if key is not None and key != "hs_object_id":
        owner = _owner(desk, kind, key, given)
        return None if owner is None else records.get(owner)
    record_id = as_id(given)
    if record_id is None:
        return None
    if in_batch and desk.dialect.merged_ids_in_batches == "missing":
        return records.get(record_id)
    return records.get(records.survivor(record_id) or record_id)


def _owner(desk: Desk, kind: Kind, key: str, given: str) -> int | None:
    records = desk.records(kind)
    if kind is not CONTACTS or key != "email":
        return records.owner(key, given)
    owner = records.owner("email", normal_address(given))
    if owner is None or desk.dialect.additional_email_is_key:
        return owner
    record = records.get(owner)
    return owner if record and record.properties.get("email") == normal_address(given) else None


def create(desk: Desk, kind: Kind, properties: Any, associations: Any = None) -> Record:
    """Create a record with its links. Raises HubSpotError (400, 409). Call it inside ``store.writing()``."""
    given = readable(properties)
    desk.refuse_matching(given)
    values = {name: value for name, value in clean(desk.definitions(kind), given).items() if value}
    _check_required(desk, kind, values)
    claims = _claims(desk, kind, values)
    _check_free(desk, kind, claims, None)
    links = read_links(desk, kind, associations)
    records = desk.records(kind)
    record = records.add(values, desk.source, desk.clock.now_ms())
    records.claim(record, claims, is_new=True)
    associate(desk, kind, record.id, links)
    if kind is CONTACTS:
        desk.tell("creation", record.id, changeFlag="CREATED")
        _tell_changes(desk, record, values if desk.dialect.creation_tells_properties else {})
    return record


def change(desk: Desk, record: Record, properties: Any) -> Record:
    """Change a record. Raises HubSpotError (400, 409). Call it inside ``store.writing()``."""
    kind = record.kind
    given = readable(properties)
    desk.refuse_matching(given)
    values = _forward_only(desk, record, clean(desk.definitions(kind), given))
    records = desk.records(kind)
    claims = None
    if _touches_keys(desk, kind, values):
        claims = _claims(desk, kind, {**record.properties, **values})
        _check_free(desk, kind, claims, record.id)
    new = {name: value for name, value in values.items() if record.properties.get(name, "") != value}
    record.set(values, desk.source, desk.clock.now_ms())
    records.save(record)
    if claims is not None:
        records.claim(record, claims)
    if kind is CONTACTS:
        _tell_changes(desk, record, new)
    return record


def archive(desk: Desk, record: Record) -> None:
    """Put a record in the recycle bin; its address and keys are free again."""
    record.archived = record.updated = desk.clock.now_ms()
    records = desk.records(record.kind)
    records.save(record)
    records.claim(record, [])
    if record.kind is CONTACTS:
        desk.tell("deletion", record.id, changeFlag="DELETED")


def restore(desk: Desk, record: Record) -> Record:
    """Take a record out of the recycle bin. Raises HubSpotError (409) when its address is taken by now."""
    _check_free(desk, record.kind, _claims(desk, record.kind, record.properties), record.id)
    record.archived, record.updated = None, desk.clock.now_ms()
    desk.records(record.kind).save(record)
    reclaim(desk, record)
    if record.kind is CONTACTS:
        desk.tell("restore", record.id)
    return record


def reclaim(desk: Desk, record: Record) -> None:
    """Give a record the unique values that its properties hold."""
    desk.records(record.kind).claim(record, _claims(desk, record.kind, record.properties))


def _tell_changes(desk: Desk, record: Record, values: dict[str, str]) -> None:
    for name, value in values.items():
        if name not in UNTOLD:
            desk.tell("propertyChange", record.id, propertyName=name, propertyValue=value)


def _check_required(desk: Desk, kind: Kind, values: dict[str, str]) -> None:
    if kind is NOTES and not values.get("hs_timestamp"):
        raise not_set(kind.singular, ["hs_timestamp"])
    named = values.keys() & {"email", "firstname", "lastname"}
    if kind is CONTACTS and desk.dialect.create_needs_identity and not named:
        raise not_set(kind.singular, ["email", "firstname", "lastname"])


def _touches_keys(desk: Desk, kind: Kind, values: dict[str, str]) -> bool:
    return bool(values.keys() & {*desk.definitions(kind).unique_names(), "hs_additional_emails"})


def _claims(desk: Desk, kind: Kind, values: dict[str, str]) -> Claims:
    """Return the unique values that a record with these properties holds; addresses count as one property."""
    claims = [
        (name, values[name])
        for name in desk.definitions(kind).unique_names()
        if values.get(name) and not (kind is CONTACTS and name == "email")
    ]
    if kind is CONTACTS:
        additional = values.get("hs_additional_emails", "").split(";")
        claims += [("email", address) for address in (values.get("email", ""), *additional) if address]
    return claims


def _check_free(desk: Desk, kind: Kind, claims: Claims, record_id: int | None) -> None:
    """Refuse unique values that another record holds. Raises HubSpotError (409 for addresses, 400 for keys)."""
    records = desk.records(kind)
    for name, value in sorted(claims, key=lambda claim: claim[0] != "email"):
        owner = records.owner(name, value)
        if owner is not None and owner != record_id:
            if kind is CONTACTS and name == "email":
                raise contact_exists(owner)
            raise unique_value_taken(
                desk.portal.portal_id,
                kind.type_id,
                name,
                value,
                str(record_id or "new"),
                owner,
                desk.dialect.unique_conflict_envelope,
            )
        if name == "email" and owner is None:
            _check_not_blocked(desk, value)


def _check_not_blocked(desk: Desk, address: str) -> None:
    blocked = desk.store.db.execute(
        "SELECT 1 FROM blocked_address WHERE portal_id = ? AND address = ?", (desk.portal.portal_id, address)
    ).fetchone()
    if blocked:
        raise validation("This email address was permanently deleted and cannot be added again.")


def _forward_only(desk: Desk, record: Record, values: dict[str, str]) -> dict[str, str]:
    """Let ``lifecyclestage`` only move forward; clearing it is the way back."""
    wanted, current = values.get("lifecyclestage"), record.properties.get("lifecyclestage")
    if not wanted or not current or wanted not in LIFECYCLE or current not in LIFECYCLE:
        return values
    if LIFECYCLE.index(wanted) >= LIFECYCLE.index(current):
        return values
    if desk.dialect.lifecycle_backward == "refuse":
        message = f"lifecyclestage cannot move back from {current} to {wanted}"
        raise invalid_properties(desk.portal.portal_id, [Invalid("lifecyclestage", "INVALID_OPTION", message)])
    return {name: value for name, value in values.items() if name != "lifecyclestage"}
