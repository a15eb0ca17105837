"""What stands between the brackets of an entity address: an id, or the values of an alternate key."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .desk import Desk
from .errors import DataverseError, bad_query, key_violated, no_resource, no_such_key
from .rows import Condition, Row, holds
from .tables import BY_SET, Table

_ADDRESS = re.compile(r"(?P<set>\w+)\((?P<key>.*)\)", re.S)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MEMBER = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|[^',\s]+)\s*(,|$)")
_API = re.compile(r"^/api/data/v\d+\.\d+/")

Key = str | Mapping[str, str]


@dataclass(frozen=True)
class Address:
    """One row as an address names it."""

    table: Table
    key: Key


def read_key(text: str) -> Key:
    """Read an id in any case, or ``name='value',other=5``. Raises DataverseError (400)."""
    lowered = text.strip().lower()
    if _GUID.fullmatch(lowered):
        return lowered
    members: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _MEMBER.match(text, position)
        if match is None:
            raise bad_query(f"Bad Request - Error in query syntax: '{text}' is no key.")
        value = match[2]
        members[match[1]] = value[1:-1].replace("''", "'") if value.startswith("'") else value
        position = match.end()
    if not members:
        raise bad_query("Bad Request - Error in query syntax: an empty key.")
    return members


def service_path(text: str) -> str:
    """Return what follows the version in an address, which may be absolute or relative to the service."""
    path = re.sub(r"^https://[^/]+", "", text)
    return _API.sub("", path, count=1).removeprefix("/")


def read_address(text: str) -> Address:
    """Read ``/accounts(<key>)``, with or without what comes before. Raises DataverseError."""
    last = service_path(unquote(text))
    match = _ADDRESS.fullmatch(last)
    if match is None or match["set"] not in BY_SET:
        raise no_resource(last)
    return Address(BY_SET[match["set"]], read_key(match["key"]))


def find(desk: Desk, address: Address) -> Row | None:
    """Return the row that an address means, or None. Raises DataverseError (400) for what is no key of the table."""
    if isinstance(address.key, str):
        return desk.rows.get(address.table, address.key)
    names = set(address.key)
    if names not in [set(columns) for columns in alternate_keys(desk, address.table).values()]:
        raise no_such_key(address.table.name)
    return with_values(desk, address.table, address.key)


def with_values(desk: Desk, table: Table, values: Mapping[str, Any]) -> Row | None:
    """Return a row that has all of some values, or None."""
    conditions = [holds(desk.rows, table, name, [str(value)]) for name, value in values.items()]
    sql = " AND ".join(each.sql for each in conditions)
    params = tuple(param for each in conditions for param in each.params)
    found = desk.rows.select(table, Condition(sql, params), limit=1)
    return found[0] if found else None


def alternate_keys(desk: Desk, table: Table) -> dict[str, list[str]]:
    """Return the columns of each alternate key by its name."""
    sql = "SELECT name, columns FROM alternate_key WHERE environment = ? AND tbl = ? ORDER BY name"
    with desk.store.reading() as db:
        rows = db.execute(sql, (desk.environment.name, table.name)).fetchall()
    return {row["name"]: json.loads(row["columns"]) for row in rows}


def add_alternate_key(desk: Desk, table: Table, name: str, columns: list[str]) -> None:
    """Let an administrator define a key. Raises DataverseError (400) for columns that make none."""
    unknown = [each for each in columns if each not in table.by_name]
    if unknown or not 0 < len(columns) <= 16 or len(alternate_keys(desk, table)) >= 10:
        raise DataverseError(400, "0x80048026", f"No key can be made of {', '.join(unknown or columns)}.")
    with desk.store.writing() as db:
        row = (desk.environment.name, table.name, name, json.dumps(columns))
        db.execute("INSERT OR REPLACE INTO alternate_key VALUES (?, ?, ?, ?)", row)


def check_unique(desk: Desk, table: Table, row_id: str, values: Mapping[str, Any]) -> None:
    """Refuse values that another row has in an alternate key. Raises DataverseError (412)."""
    for name, columns in alternate_keys(desk, table).items():
        if all(values.get(each) is not None for each in columns):
            owner = with_values(desk, table, {each: values[each] for each in columns})
            if owner is not None and owner.id != row_id:
                raise key_violated(name)
