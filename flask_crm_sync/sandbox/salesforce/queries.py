"""Queries over HTTP: a first page, and where the next one is."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from . import ids
from .desk import Desk
from .errors import SalesforceError
from .gate import Answer, Caller
from .records import Record
from .schema import KINDS, Schema
from .selection import column, select
from .soql import Statement, malformed, parse

KEPT = 500
SMALLEST, LARGEST = 200, 2000


@dataclass(frozen=True)
class Result:
    """What a query found: ids, so that a later page shows the records as they are then."""

    org_id: str
    schema: Schema
    columns: tuple[tuple[str, ...], ...]
    record_ids: tuple[str, ...]
    size: int


class Cursors:
    """Keep the newest results whose pages may still be asked for."""

    def __init__(self) -> None:
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._made = 0
        self._lock = threading.Lock()

    def keep(self, result: Result) -> str:
        """Return the name under which a result can be asked for again."""
        with self._lock:
            self._made += 1
            name = ids.make("01g", 62**5 + self._made)
            self._results[name] = result
            if len(self._results) > KEPT:
                self._results.popitem(last=False)
        return name

    def get(self, name: str) -> Result | None:
        """Return a result, or None when it is not there (any more)."""
        return self._results.get(name)


def query(caller: Caller) -> Answer:
    """Answer ``/query?q=``."""
    return _first(caller, with_deleted=False)


def query_all(caller: Caller) -> Answer:
    """Answer ``/queryAll?q=``: deleted and merged records too."""
    return _first(caller, with_deleted=True)


def more(caller: Caller, locator: str) -> Answer:
    """Answer the address of a next page. Raises SalesforceError (400)."""
    name, _, start = locator.rpartition("-")
    result = caller.office.cursors.get(name)
    if result is None or result.org_id != caller.desk.org.org_id or not start.isdigit():
        raise SalesforceError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(caller.desk, result, name, int(start))


def _first(caller: Caller, *, with_deleted: bool) -> Answer:
    text = caller.call.query.get("q")
    if not text:
        raise malformed("", 0, "A query string has to be specified")
    statement = parse(text)
    schema = _schema(caller.desk, statement)
    columns = tuple(_column(caller.desk, statement, schema, *each) for each in statement.fields)
    found = select(caller.desk, schema, statement, with_deleted=with_deleted)
    if not columns:
        return Answer(200, {"totalSize": len(found), "done": True, "records": []})
    size = _page_size(caller)
    result = Result(caller.desk.org.org_id, schema, columns, tuple(record.id for record in found), size)
    name = caller.office.cursors.keep(result) if len(found) > size else ""
    return _page(caller.desk, result, name, 0, found)


def _schema(desk: Desk, statement: Statement) -> Schema:
    kind = next((each for each in KINDS if each.lower() == statement.kind.lower()), None)
    if kind is None:
        message = (
            f"sObject type '{statement.kind}' is not supported. If you are attempting to use a custom object, be sure "
            "to append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
            "appropriate names."
        )
        raise malformed(statement.text, statement.kind_at, message, "INVALID_TYPE")
    return desk.schema(kind)


def _column(desk: Desk, statement: Statement, schema: Schema, name: str, at: int) -> tuple[str, ...]:
    """Return the path of a selected column; ``Account.Name`` leads over a contact's account."""
    relation, _, rest = name.partition(".")
    if rest and relation.lower() == "account" and schema.get("AccountId"):
        return ("Account", column(statement, desk.schema("Account"), rest, at).name)
    return (column(statement, schema, name, at).name,)


def _page_size(caller: Caller) -> int:
    """Return how many records a page has: what was asked for, within bounds, and no more than the switch says."""
    asked = re.search(r"batchSize\s*=\s*(\d+)", caller.call.headers.get("Sforce-Query-Options", ""), re.IGNORECASE)
    wanted = min(LARGEST, max(SMALLEST, int(asked[1]))) if asked else LARGEST
    return max(1, min(wanted, caller.desk.dialect.page_size))


def _page(desk: Desk, result: Result, name: str, start: int, found: list[Record] | None = None) -> Answer:
    end = start + result.size
    records = desk.records(result.schema.kind)
    with desk.store.reading():
        page = found[start:end] if found else [records.get(each) for each in result.record_ids[start:end]]
        rows = [_row(desk, result.columns, record) for record in page if record]
    is_last = end >= len(result.record_ids)
    body: dict[str, Any] = {"totalSize": len(result.record_ids), "done": is_last}
    if not is_last:
        body["nextRecordsUrl"] = f"/services/data/v{desk.version}/query/{name}-{end}"
    return Answer(200, {**body, "records": rows})


def _row(desk: Desk, columns: tuple[tuple[str, ...], ...], record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {"attributes": {"type": record.kind, "url": desk.url(record.kind, record.id)}}
    for path in columns:
        if len(path) == 1:
            row[path[0]] = record.value(path[0])
        elif path[0] not in row:
            names = tuple((each[1],) for each in columns if each[0] == path[0] and len(each) == 2)
            parent = desk.records("Account").get(record.value("AccountId"))
            row[path[0]] = _row(desk, names, parent) if parent else None
    return row
