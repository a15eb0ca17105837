"""Up to 200 records in one call: each succeeds or fails by itself, and the call answers 200 either way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from . import ids
from .desk import Desk
from .errors import SalesforceError, WholeCallRefused, malformed_id, named_in_body, no_such_reference, not_found
from .gate import Answer, Caller
from .records import folded
from .schema import KINDS, kind_named
from .sobjects import named_fields, shown
from .writes import change, create, delete, found_by_id, key_field, upsert

MOST_WRITTEN, MOST_READ, MOST_RUNS = 200, 2000, 10
Row = dict[str, Any]
Work = Callable[[Row], Row]


def create_many(caller: Caller) -> Answer:
    """Create records of one or several types."""
    desk = caller.desk

    def work(row: Row) -> Row:
        if any(name.lower() == "id" for name in row):
            message = "cannot specify Id in an insert call"
            raise SalesforceError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, ["Id"])
        return _done(create(desk, _kind(row), row).id)

    return _all(caller, _written(caller), work)


def change_many(caller: Caller) -> Answer:
    """Change records by their ids."""
    desk = caller.desk

    def work(row: Row) -> Row:
        kind, named = _kind(row), next((name for name in row if name.lower() == "id"), None)
        if named is None:
            raise SalesforceError(400, "MISSING_ARGUMENT", "Id not specified in an update call", [])
        record_id = ids.normal(row[named])
        if record_id is None or ids.kind_of(record_id) != kind:
            raise malformed_id(f"{kind} ID", "Id", row[named])
        record = desk.records(kind).get(record_id)
        if record is None:
            raise no_such_reference()
        change(desk, record, {name: value for name, value in row.items() if name != named})
        return _done(record.id)

    return _all(caller, _written(caller), work)


def upsert_many(caller: Caller, kind: str, key: str) -> Answer:
    """Create or change records of one type by a key that stands in each of them."""
    desk, kind = caller.desk, kind_named(kind)
    field = key_field(desk.schema(kind), key)
    rows = _written(caller)
    if any(_kind(row) != kind for row in rows):
        raise _bad_input(f"All records must be of type {kind}.")
    given = [_member(row, field.name) for row in rows]
    texts = [folded(value) for value in given if isinstance(value, str) and value]
    twice = {text for text in texts if texts.count(text) > 1}

    def work(row: Row) -> Row:
        value = _member(row, field.name)
        if field.type == "id":
            return _upserted_by_id(desk, kind, row, value)
        if any(name.lower() == "id" for name in row):
            raise named_in_body("Id")
        if not isinstance(value, str) or not value.strip():
            raise SalesforceError(400, "MISSING_ARGUMENT", f"{field.name} not specified", [])
        if folded(value) in twice:
            raise SalesforceError(400, "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", [field.name])
        rest = {name: each for name, each in row.items() if name.lower() != field.name.lower()}
        record, is_new = upsert(desk, kind, field, value.strip(), rest)
        return _done(record.id, created=is_new)

    return _all(caller, rows, work)


def delete_many(caller: Caller) -> Answer:
    """Delete the records of ``?ids=``."""
    desk = caller.desk
    rows = [{"Id": each} for each in caller.call.query.get("ids", "").split(",") if each]
    _check_size(caller, rows, MOST_WRITTEN)

    def work(row: Row) -> Row:
        record_id = ids.normal(row["Id"])
        kind = ids.kind_of(record_id) if record_id else None
        record = desk.records(kind).get(record_id) if kind else None
        if record is None:
            raise no_such_reference()
        delete(desk, record)
        return _done(record.id)

    return _all(caller, rows, work, whole=caller.call.query.get("allOrNone") == "true")


def read_many(caller: Caller, kind: str) -> Answer:
    """Return records by ids in their order, with null where there is none (any more)."""
    body = caller.call.json()
    return _read(caller, kind, body.get("ids"), body.get("fields"))


def read_many_by_query(caller: Caller, kind: str) -> Answer:
    """Do the same for ``?ids=...&fields=...``."""
    asked = caller.call.query
    return _read(caller, kind, asked.get("ids", "").split(","), asked.get("fields", "").split(","))


def _read(caller: Caller, kind: str, given: Any, names: Any) -> Answer:
    desk, kind = caller.desk, kind_named(kind)
    if not _are_texts(given) or not _are_texts(names):
        raise _bad_input("ids and fields are lists of names.")
    _check_size(caller, given, MOST_READ)
    fields = named_fields(desk.schema(kind), names)
    wrong = next((each for each in given if ids.normal(each) is None), None)
    if wrong is not None:
        raise malformed_id(f"{kind} ID", "Id", wrong)
    with desk.store.reading():
        found = [found_by_id(desk, kind, each) for each in given]
    return Answer(200, [shown(desk, each, fields) if each and not each.deleted else None for each in found])


def _all(caller: Caller, rows: list[Row], work: Work, *, whole: bool | None = None) -> Answer:
    """Do the work on each record; ``allOrNone`` takes everything back when one of them fails."""
    whole = bool(caller.call.json().get("allOrNone", False)) if whole is None else whole
    results: list[Row] = []
    try:
        with caller.desk.store.writing():
            results = [_one(row, work) for row in rows]
            if whole and not all(result["success"] for result in results):
                raise _TakenBack
    except _TakenBack:
        return Answer(200, [_taken_back() if result["success"] else result for result in results])
    return Answer(200, results)


class _TakenBack(Exception):
    """One record failed, so that none is to be written."""


def _one(row: Row, work: Work) -> Row:
    try:
        return work(row)
    except WholeCallRefused:
        raise
    except SalesforceError as error:
        return error.row()


def _written(caller: Caller) -> list[Row]:
    """Return the records of a body. Raises SalesforceError (400)."""
    rows = caller.call.json().get("records")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise _bad_input("The records parameter is required, a list of objects.")
    _check_size(caller, rows, MOST_WRITTEN)
    if sum(1 for _ in groupby(rows, key=_kind)) > MOST_RUNS:
        message = "Cannot have more than 10 chunks in a single operation. Please rearrange the data to reduce chunking."
        raise WholeCallRefused(400, "OPERATION_TOO_LARGE", message)
    return rows


def _check_size(caller: Caller, rows: list[Any], most: int) -> None:
    caller.call.items.append(len(rows))
    if len(rows) > most:
        message = f"record limit reached. cannot submit more than {most} records into this call"
        raise WholeCallRefused(400, "EXCEEDED_ID_LIMIT", message)


def _kind(row: Row) -> str:
    """Return the type that a record's ``attributes`` name. Raises WholeCallRefused (400)."""
    attributes = row.get("attributes")
    word = attributes.get("type") if isinstance(attributes, Mapping) else None
    if not isinstance(word, str):
        raise _bad_input("Include an attributes map with a type for each record.")
    found = next((kind for kind in KINDS if kind.lower() == word.lower()), None)
    if found is None:
        raise WholeCallRefused(400, "INVALID_TYPE", f"sObject type '{word}' is not supported.")
    return found


def _upserted_by_id(desk: Desk, kind: str, row: Row, value: Any) -> Row:
    """Treat ``Id`` as the key: a record of that id is changed, a blank one makes a new record."""
    rest = {name: each for name, each in row.items() if name.lower() != "id"}
    if value is None:
        return _done(create(desk, kind, rest).id, created=True)
    record = found_by_id(desk, kind, value)
    if record is None:
        raise not_found()
    return _done(change(desk, record, rest).id, created=False)


def _member(row: Row, name: str) -> Any:
    return next((value for given, value in row.items() if given.lower() == name.lower()), None)


def _done(record_id: str, **more: Any) -> Row:
    return {"id": record_id, "success": True, "errors": [], **more}


def _taken_back() -> Row:
    message = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    return SalesforceError(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", message).row()


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each for each in value)


def _bad_input(message: str) -> WholeCallRefused:
    return WholeCallRefused(400, "INVALID_INPUT", message)
