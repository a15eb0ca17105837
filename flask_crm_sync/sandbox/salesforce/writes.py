"""What creating, changing and deleting one record takes. All of it is called inside ``store.writing()``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import duplicates, ids, places, values
from .desk import Desk
from .errors import (
    SalesforceError,
    SeveralMatches,
    converted,
    deleted,
    no_such_key,
    no_such_reference,
    not_found,
    required_missing,
    value_taken,
)
from .records import Record
from .schema import Field, Schema

QUEUE = ids.make("00G", 62**6)
PREFIXES = {"Lead": ("",), "Contact": ("Mailing", "Other")}


def create(desk: Desk, kind: str, body: Mapping[str, Any]) -> Record:
    """Create a record. Raises SalesforceError (400, 404)."""
    schema = desk.schema(kind)
    if not schema.described["createable"]:
        message = f"entity type cannot be inserted: {schema.described['label']}"
        raise SalesforceError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])
    desk.refuse_matching(dict(body))
    given = {name: value for name, value in values.clean(schema, body, is_new=True).items() if value is not None}
    missing = [field.name for field in schema if field.is_required and field.name not in given]
    if missing:
        raise required_missing(missing)
    _check(desk, schema, given, given, None)
    return desk.records(kind).add({**_defaults(desk, schema), **given}, desk.user_id, desk.now())


def change(desk: Desk, record: Record, body: Mapping[str, Any]) -> Record:
    """Change a record. Raises SalesforceError (400, 403, 404)."""
    schema = desk.schema(record.kind)
    if not schema.described["updateable"]:
        message = "insufficient access rights on object id"
        raise SalesforceError(403, "INSUFFICIENT_ACCESS_OR_READONLY", message, [])
    check_writeable(desk, record)
    desk.refuse_matching(dict(body))
    given = values.clean(schema, body, is_new=False)
    missing = [field.name for field in schema if field.is_required and given.get(field.name, "kept") is None]
    if missing:
        raise required_missing(missing)
    _check(desk, schema, given, {**record.values, **given}, record)
    record.values = {name: value for name, value in {**record.values, **given}.items() if value is not None}
    return touch(desk, record)


def touch(desk: Desk, record: Record) -> Record:
    """Save a record as changed by this user now."""
    record.modified, record.modified_by = desk.now(), desk.user_id
    desk.records(record.kind).save(record)
    return record


def check_writeable(desk: Desk, record: Record) -> None:
    """Refuse records that are deleted or converted. Raises SalesforceError (400, 404)."""
    if record.deleted:
        raise deleted() if desk.dialect.deleted_says == "ENTITY_IS_DELETED" else not_found()
    if record.is_converted:
        raise converted()


def found_by_id(desk: Desk, kind: str, text: object) -> Record | None:
    """Return a record by an id in either length, deleted or not."""
    return desk.records(kind).get(ids.normal(text))


def key_field(schema: Schema, name: str) -> Field:
    """Return a field that identifies records. Raises SalesforceError (404)."""
    field = schema.get(name)
    if field is None or not field.is_key:
        raise no_such_key(name)
    return field


def found_by_key(desk: Desk, kind: str, field: Field, value: str) -> Record | None:
    """Return the record that holds a key. Raises SeveralMatches (300)."""
    if field.type == "id":
        return found_by_id(desk, kind, value)
    found = list(desk.records(kind).having(field.name, [value]))
    if not desk.dialect.key_finds_converted:
        found = [record for record in found if not record.is_converted]
    if len(found) > 1:
        raise SeveralMatches(field.name, [each.id for each in found], [desk.url(kind, each.id) for each in found])
    return found[0] if found else None


def upsert(desk: Desk, kind: str, field: Field, value: str, body: Mapping[str, Any]) -> tuple[Record, bool]:
    """Create or change the record of a key; say whether it was created. Raises SalesforceError (300, 400, 404)."""
    record = found_by_key(desk, kind, field, value)
    if record is not None:
        return change(desk, record, body), False
    return create(desk, kind, {**body, field.name: value} if field.type != "id" else body), True


def delete(desk: Desk, record: Record) -> None:
    """Put a record in the recycle bin, and its tasks with it. Raises SalesforceError (403, 404)."""
    if desk.schema(record.kind).described.get("deletable") is False:
        raise SalesforceError(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", [])
    if record.deleted:
        raise deleted()
    record.deleted = True
    touch(desk, record)
    if record.kind != "Task":
        for task in list(desk.records("Task").having("WhoId", [record.id])):
            task.deleted = True
            touch(desk, task)


def undelete(desk: Desk, record: Record) -> Record:
    """Take a record out of the recycle bin, and the tasks that went with it. Raises SalesforceError (400)."""
    if not record.deleted or record.master:
        raise SalesforceError(400, "UNDELETE_FAILED", "Entity is not in the recycle bin", [])
    gone_at, record.deleted = record.modified, False
    touch(desk, record)
    for task in desk.records("Task").all() if record.kind != "Task" else ():
        if task.deleted and task.modified == gone_at and task.values.get("WhoId") == record.id:
            task.deleted = False
            touch(desk, task)
    return record


def _defaults(desk: Desk, schema: Schema) -> dict[str, Any]:
    """Return what Salesforce fills in by itself."""
    filled = {field.name: field.defaultValue for field in schema if field.defaultValue is not None}
    is_assigned = schema.kind == "Lead" and desk.dialect.assignment_rule and desk.assigns_leads
    return {**filled, "OwnerId": QUEUE if is_assigned else desk.user_id}


def _check(desk: Desk, schema: Schema, given: dict[str, Any], complete: dict[str, Any], itself: Record | None) -> None:
    """Refuse what does not fit with other records or the org's rules. Raises SalesforceError (400, 404)."""
    if desk.dialect.restricted_places:
        for prefix in PREFIXES.get(schema.kind, ()):
            if given.keys() & {f"{prefix}State", f"{prefix}Country"}:
                places.check(complete, prefix)
    for name in ("WhoId", "AccountId"):
        if given.get(name):
            _check_reference(desk, given[name])
    if "Email" in given:
        duplicates.check(desk, schema.kind, given, itself)
    for field in schema:
        if field.unique and given.get(field.name):
            _check_free(desk, schema.kind, field, given[field.name], itself)


def _check_reference(desk: Desk, record_id: str) -> None:
    kind = ids.kind_of(record_id)
    record = desk.records(kind).get(record_id) if kind else None
    if record is None:
        raise no_such_reference()
    if record.deleted:
        raise deleted()
    if record.is_converted:
        raise converted()


def _check_free(desk: Desk, kind: str, field: Field, value: str, itself: Record | None) -> None:
    for owner in desk.records(kind).having(field.name, [value]):
        if itself is None or owner.id != itself.id:
            raise value_taken(field.name, owner.id)
