"""One record at a time: create, read, change, upsert and delete, and what a record type looks like."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from .desk import Desk
from .errors import SalesforceError, deleted, named_in_body, not_found
from .gate import Answer, Caller
from .records import Record, moment
from .schema import KINDS, Field, Schema, is_hidden, kind_named
from .writes import change, create, delete, found_by_id, found_by_key, key_field, upsert

LOOKS_LIKE_A_FILE = re.compile(r"\.(?:inc|json|xml|csv|txt|html?|pdf|jpe?g|png|gif)$", re.IGNORECASE)
UPSERT_TELLS = 46.0
"""From this version on an upsert that changed a record answers 200 with a body, before it 204."""
MOST_DAYS = 30


def describe_all(caller: Caller) -> Answer:
    """List the record types that are served."""
    shown = [_summary(caller.desk, kind) for kind in KINDS if not is_hidden(caller.desk.org, kind)]
    return Answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown})


def basics(caller: Caller, kind: str) -> Answer:
    """Say a few words about a record type."""
    return Answer(200, {"objectDescribe": _summary(caller.desk, _visible(caller.desk, kind)), "recentItems": []})


def describe(caller: Caller, kind: str) -> Answer:
    """Say everything about a record type, as far as this user may know."""
    schema = caller.desk.schema(_visible(caller.desk, kind))
    return Answer(200, {**schema.described, "urls": _urls(caller.desk, schema.kind), "recordTypeInfos": []})


def create_one(caller: Caller, kind: str) -> Answer:
    """Create a record."""
    kind, body = _visible(caller.desk, kind), caller.call.json()
    with caller.desk.store.writing():
        record = create(caller.desk, kind, body)
    return _created(caller.desk, record)


def read_one(caller: Caller, kind: str, record_id: str) -> Answer:
    """Return a record, all of its fields or those asked for."""
    kind = _visible(caller.desk, kind)
    with caller.desk.store.reading():
        return Answer(200, shown(caller.desk, _found(caller.desk, kind, record_id), _asked(caller, kind)))


def change_one(caller: Caller, kind: str, record_id: str) -> Answer:
    """Change a record."""
    kind, body = _visible(caller.desk, kind), caller.call.json()
    with caller.desk.store.writing():
        record = found_by_id(caller.desk, kind, record_id)
        if record is None:
            raise not_found()
        change(caller.desk, record, body)
    return Answer(204)


def delete_one(caller: Caller, kind: str, record_id: str) -> Answer:
    """Delete a record."""
    kind = _visible(caller.desk, kind)
    with caller.desk.store.writing():
        record = found_by_id(caller.desk, kind, record_id)
        if record is None:
            raise not_found()
        delete(caller.desk, record)
    return Answer(204)


def read_by_key(caller: Caller, kind: str, key: str, value: str) -> Answer:
    """Return the record that a key names."""
    kind = _visible(caller.desk, kind)
    with caller.desk.store.reading():
        record = found_by_key(caller.desk, kind, _key(caller, kind, key, value), value)
    if record is None or record.deleted:
        raise not_found()
    return Answer(200, shown(caller.desk, record, _asked(caller, kind)))


def upsert_one(caller: Caller, kind: str, key: str, value: str) -> Answer:
    """Create or change the record that a key in the path names; the body names it not."""
    desk, kind, body = caller.desk, _visible(caller.desk, kind), caller.call.json()
    field = _key(caller, kind, key, value)
    for name in body:
        if name.lower() in ("id", field.name.lower()):
            raise named_in_body(name)
    with desk.store.writing():
        if caller.call.query.get("updateOnly") == "true" and found_by_key(desk, kind, field, value) is None:
            raise not_found()
        record, is_new = upsert(desk, kind, field, value, body)
    if is_new:
        return _created(desk, record, created=True)
    if float(desk.version) < UPSERT_TELLS:
        return Answer(204)
    return Answer(200, {"id": record.id, "success": True, "errors": [], "created": False})


def delete_by_key(caller: Caller, kind: str, key: str, value: str) -> Answer:
    """Delete the record that a key names."""
    kind = _visible(caller.desk, kind)
    field = _key(caller, kind, key, value)
    with caller.desk.store.writing():
        record = found_by_key(caller.desk, kind, field, value)
        if record is None:
            raise not_found()
        delete(caller.desk, record)
    return Answer(204)


def updated(caller: Caller, kind: str) -> Answer:
    """List the ids of records written in a span of time, deleted ones left out."""
    found, end = _within(caller, kind)
    live = [record.id for record in found if not record.deleted]
    return Answer(200, {"ids": live, "latestDateCovered": moment(end)})


def gone(caller: Caller, kind: str) -> Answer:
    """List the records deleted in a span of time."""
    found, end = _within(caller, kind)
    rows = [{"id": each.id, "deletedDate": moment(each.modified)} for each in found if each.deleted]
    earliest = caller.desk.now() - 15 * 86_400_000
    covered = {"earliestDateAvailable": moment(earliest), "latestDateCovered": moment(end)}
    return Answer(200, {"deletedRecords": rows, **covered})


def shown(desk: Desk, record: Record, fields: list[Field]) -> dict[str, Any]:
    """Return a record with its id and some fields."""
    attributes = {"type": record.kind, "url": desk.url(record.kind, record.id)}
    names = dict.fromkeys(["Id", *(field.name for field in fields)])
    return {"attributes": attributes, **{name: record.value(name) for name in names}}


def named_fields(schema: Schema, names: list[str]) -> list[Field]:
    """Return fields by their names. Raises SalesforceError (400)."""
    return [schema.field(name.strip()) for name in names]


def _visible(desk: Desk, word: str) -> str:
    """Return the record type of a path. Raises SalesforceError (404) for one unknown or hidden from this user."""
    kind = kind_named(word)
    if is_hidden(desk.org, kind):
        raise not_found()
    return kind


def _asked(caller: Caller, kind: str) -> list[Field]:
    schema, names = caller.desk.schema(kind), caller.call.query.get("fields", "")
    return named_fields(schema, names.split(",")) if names else list(schema)


def _key(caller: Caller, kind: str, name: str, value: str) -> Field:
    """Return the field of a key in the path; a value that looks like a file name is not found."""
    field = key_field(caller.desk.schema(kind), name)
    if not value or LOOKS_LIKE_A_FILE.search(value):
        raise not_found()
    return field


def _found(desk: Desk, kind: str, record_id: str) -> Record:
    record = found_by_id(desk, kind, record_id)
    if record is None:
        raise not_found()
    if record.deleted:
        raise deleted() if desk.dialect.deleted_says == "ENTITY_IS_DELETED" else not_found()
    return record


def _created(desk: Desk, record: Record, **more: Any) -> Answer:
    body = {"id": record.id, "success": True, "errors": [], **more}
    return Answer(201, body, {"Location": desk.url(record.kind, record.id)})


def _summary(desk: Desk, kind: str) -> dict[str, Any]:
    described = desk.schema(kind).described
    return {**{name: value for name, value in described.items() if name != "fields"}, "urls": _urls(desk, kind)}


def _urls(desk: Desk, kind: str) -> dict[str, str]:
    base = f"/services/data/v{desk.version}/sobjects/{kind}"
    return {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"}


def _within(caller: Caller, kind: str) -> tuple[list[Record], int]:
    """Return the records written between ``start`` and ``end``, which count whole minutes. Raises SalesforceError."""
    kind = _visible(caller.desk, kind)
    try:
        start, end = (_minute(caller.call.query[name]) for name in ("start", "end"))
    except (KeyError, ValueError):
        raise SalesforceError(400, "INVALID_REPLICATION_DATE", "start and end are needed, with a time zone") from None
    if end <= start:
        raise SalesforceError(400, "INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
    if start < caller.desk.now() - MOST_DAYS * 86_400_000:
        raise SalesforceError(400, "INVALID_REPLICATION_DATE", "startDate before org replication enabled date")
    with caller.desk.store.reading():
        found = caller.desk.records(kind).all()
    return [record for record in found if start <= record.modified < end], min(end, caller.desk.now())


def _minute(text: str) -> int:
    moment_given = datetime.fromisoformat(text.replace(" ", "+"))
    if moment_given.tzinfo is None:
        raise ValueError("no time zone")
    return int(moment_given.timestamp() // 60 * 60_000)
