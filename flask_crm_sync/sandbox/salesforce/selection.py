"""Which records a query's conditions let through, in which order: SOQL's comparisons on one org's records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from . import ids
from .desk import Desk
from .errors import SalesforceError
from .polling import ALWAYS, order_of, span_of
from .records import Record, Records, folded
from .schema import IDS, NUMBERS, TEXTS, Field, Schema
from .soql import Comparison, Condition, Group, Literal, Ordering, Statement, malformed

Test = Callable[[Record], bool]
_FITTING = {"boolean": {"boolean"}, "date": {"date"}, "datetime": {"datetime"}}


def select(desk: Desk, schema: Schema, statement: Statement, *, with_deleted: bool) -> list[Record]:
    """Return the records of a query. Raises SalesforceError (400)."""
    passes = _test(statement, schema, statement.where) if statement.where else _everything
    order = [(_sortable(statement, schema, each), each) for each in statement.order]
    end = None if statement.limit is None else statement.offset + statement.limit
    newest_first, span = order_of(statement), span_of(statement.where)
    is_in_order = newest_first is not None and span != ALWAYS
    with desk.store.reading():
        records = desk.records(schema.kind)
        if is_in_order:
            candidates: Iterable[Record] = records.modified_within(span, descending=bool(newest_first))
        else:
            candidates = _candidates(records, schema, statement.where, with_deleted=with_deleted)
        passing = (record for record in candidates if (with_deleted or not record.deleted) and passes(record))
        found = list(islice(passing, end if is_in_order else None))
    for field, ordering in reversed(order):
        found.sort(key=_sort_key(field, ordering), reverse=ordering.descending)
    return found[statement.offset : end]


def column(statement: Statement, schema: Schema, name: str, at: int) -> Field:
    """Return a field that a query names. Raises SalesforceError (400)."""
    prefix, _, rest = name.partition(".")
    field = schema.get(rest if rest and prefix.lower() == schema.kind.lower() else name)
    if field is None:
        message = (
            f"No such column '{name}' on entity '{schema.kind}'. If you are attempting to use a custom field, be sure "
            "to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the "
            "appropriate names."
        )
        raise malformed(statement.text, at, message, "INVALID_FIELD")
    return field


def _everything(record: Record) -> bool:
    return True


def _candidates(records: Records, schema: Schema, where: Condition | None, *, with_deleted: bool) -> Iterable[Record]:
    """Return the records that can pass at all: by an index, which knows no deleted ones, where an AND allows it."""
    parts = where.parts if isinstance(where, Group) and where.word == "AND" else (where,)
    for part in parts:
        if not isinstance(part, Comparison) or part.operator not in ("=", "IN"):
            continue
        texts = [each.value for each in part.literals if each.kind == "string"]
        field = schema.get(part.field)
        if field is None or len(texts) != len(part.literals) or not all(texts):
            continue
        if field.type == "id":
            found = {ids.normal(text): records.get(ids.normal(text)) for text in texts}
            return [record for record in found.values() if record]
        if field in schema.lookups and not with_deleted:
            given = [ids.normal(text) or "" for text in texts] if field.type in IDS else texts
            return sorted(records.having(field.name, given), key=lambda record: record.number)
    return records.all()


def _test(statement: Statement, schema: Schema, condition: Condition) -> Test:
    if isinstance(condition, Comparison):
        return _comparison(statement, schema, condition)
    tests = [_test(statement, schema, part) for part in condition.parts]
    if condition.word == "NOT":
        return lambda record: not tests[0](record)
    joined = all if condition.word == "AND" else any
    return lambda record: joined(test(record) for test in tests)


def _comparison(statement: Statement, schema: Schema, condition: Comparison) -> Test:
    field = column(statement, schema, condition.field, condition.at)
    if not field.filterable:
        message = f"field '{field.name}' can not be filtered in a query call"
        raise malformed(statement.text, condition.at, message, "INVALID_FIELD")
    if condition.operator == "LIKE":
        return _like(statement, field, condition)
    wanted = [_comparable(statement, field, each, condition) for each in condition.literals]
    compare = _COMPARE[condition.operator]
    return lambda record: compare(_stored(field, record.value(field.name)), wanted)


def _like(statement: Statement, field: Field, condition: Comparison) -> Test:
    literal = condition.literals[0]
    if literal.kind != "string" or field.type not in TEXTS:
        raise malformed(statement.text, condition.at, "invalid operator on field", "INVALID_FIELD")
    signs = re.findall(r"\\.|.", literal.value, re.DOTALL)
    pattern = "".join({"%": ".*", "_": "."}.get(sign) or re.escape(sign[-1]) for sign in signs)
    matches = re.compile(pattern, re.IGNORECASE | re.DOTALL).fullmatch
    return lambda record: matches(record.value(field.name) or "") is not None


def _comparable(statement: Statement, field: Field, literal: Literal, condition: Comparison) -> Any:
    """Return a literal as it is compared with a field. Raises SalesforceError (400) for another type."""
    if literal.kind == "null" or (literal.kind == "string" and literal.value == "" and field.type in TEXTS):
        return None
    if field.type in IDS and literal.kind == "string":
        found = ids.normal(literal.value)
        if found is None:
            raise SalesforceError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.value}")
        return found
    wanted = {"string"} if field.type in TEXTS | IDS else {"number"} if field.type in NUMBERS else _FITTING[field.type]
    if literal.kind not in wanted:
        quotes = "should be" if wanted == {"string"} else "should not be"
        message = (
            f"value of filter criterion for field '{field.name}' must be of type {field.type} and {quotes} "
            "enclosed in quotes"
        )
        raise malformed(statement.text, condition.at, message, "INVALID_FIELD")
    return _stored(field, literal.value)


def _stored(field: Field, value: Any) -> Any:
    """Return a field's value as it is compared: texts in no case, moments as numbers."""
    if value is None or field.type in IDS:
        return value
    if field.type in TEXTS:
        return folded(value)
    return datetime.fromisoformat(value).timestamp() if field.type == "datetime" else value


_COMPARE: dict[str, Callable[[Any, list[Any]], bool]] = {
    "=": lambda ours, wanted: ours == wanted[0],
    "IN": lambda ours, wanted: ours in wanted,
    "!=": lambda ours, wanted: ours != wanted[0],
    "NOT IN": lambda ours, wanted: ours not in wanted,
    "<": lambda ours, wanted: None not in (ours, wanted[0]) and ours < wanted[0],
    "<=": lambda ours, wanted: None not in (ours, wanted[0]) and ours <= wanted[0],
    ">": lambda ours, wanted: None not in (ours, wanted[0]) and ours > wanted[0],
    ">=": lambda ours, wanted: None not in (ours, wanted[0]) and ours >= wanted[0],
}


def _sortable(statement: Statement, schema: Schema, ordering: Ordering) -> Field:
    field = column(statement, schema, ordering.field, ordering.at)
    if not field.sortable:
        message = f"field '{field.name}' can not be sorted in a query call"
        raise malformed(statement.text, ordering.at, message, "INVALID_FIELD")
    return field


def _sort_key(field: Field, ordering: Ordering) -> Callable[[Record], Any]:
    """Return what to sort by; blanks come first unless asked otherwise, whichever way the rest is sorted."""
    blanks_high = ordering.nulls_last != ordering.descending

    def key(record: Record) -> Any:
        value = _stored(field, record.value(field.name))
        is_blank = value is None
        return (is_blank == blanks_high, 0 if is_blank else value)

    return key
