"""Rows of one environment in the store: read, put, removed, each change under a new version."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..clock import Clock, iso
from .store import Store, fold
from .tables import Table


@dataclass(frozen=True)
class Row:
    """One row: its columns by shown name, those without a value left out."""

    table: Table
    id: str
    values: Mapping[str, Any]
    version: int

    @property
    def etag(self) -> str:
        """Its version as an entity tag."""
        return f'W/"{self.version}"'

    @property
    def is_inactive(self) -> bool:
        """Whether it has been deactivated."""
        return bool(self.values.get("statecode") == 1)


@dataclass(frozen=True)
class Condition:
    """A piece of SQL about a row, and its parameters."""

    sql: str
    params: tuple[Any, ...] = ()


EVERYTHING = Condition("1")


class Rows:
    """The rows of one environment; call what changes them inside ``store.writing``."""

    def __init__(self, store: Store, clock: Clock, environment: str) -> None:
        self._store, self._clock, self.environment = store, clock, environment

    def get(self, table: Table, row_id: str) -> Row | None:
        """Return a row, or None."""
        found = self.select(table, Condition("id = ?", (row_id.lower(),)), limit=1)
        return found[0] if found else None

    def select(
        self,
        table: Table,
        condition: Condition = EVERYTHING,
        *,
        order: str = "id",
        limit: int = -1,
        offset: int = 0,
    ) -> list[Row]:
        """Return rows that meet a condition."""
        sql = (
            f"SELECT id, body, version FROM entry WHERE environment = ? AND tbl = ? AND ({condition.sql}) "
            f"ORDER BY {order} LIMIT ? OFFSET ?"
        )
        with self._store.reading() as db:
            found = db.execute(sql, (self.environment, table.name, *condition.params, limit, offset)).fetchall()
        return [Row(table, row["id"], json.loads(row["body"]), row["version"]) for row in found]

    def count(self, table: Table, condition: Condition = EVERYTHING) -> int:
        """Count rows that meet a condition."""
        sql = f"SELECT count(*) FROM entry WHERE environment = ? AND tbl = ? AND ({condition.sql})"
        with self._store.reading() as db:
            return int(db.execute(sql, (self.environment, table.name, *condition.params)).fetchone()[0])

    def insert(self, table: Table, row_id: str, values: Mapping[str, Any], user_id: str) -> Row:
        """Add a row under an id that is free."""
        now = self._clock.now_ms()
        stamps = _by_shown(table, {"createdon": moment(now), "createdby": user_id, "ownerid": user_id})
        self._store.db.execute(
            "DELETE FROM tombstone WHERE environment = ? AND tbl = ? AND id = ?", (self.environment, table.name, row_id)
        )
        return self._put(table, row_id, {}, {table.id_name: row_id, **stamps, **values}, user_id, now)

    def change(self, row: Row, values: Mapping[str, Any], user_id: str) -> Row:
        """Give columns of a row new values; ``None`` clears one."""
        return self._put(row.table, row.id, row.values, {**row.values, **values}, user_id, self._clock.now_ms())

    def remove(self, row: Row) -> None:
        """Delete a row; its id stays known to those who track changes, and its columns to who restores it."""
        key = (self.environment, row.table.name, row.id)
        db = self._store.db
        db.execute("DELETE FROM entry WHERE environment = ? AND tbl = ? AND id = ?", key)
        db.execute("DELETE FROM entry_value WHERE environment = ? AND tbl = ? AND id = ?", key)
        db.execute("INSERT OR REPLACE INTO tombstone VALUES (?, ?, ?, ?)", (*key, self._store.next_version()))
        text = json.dumps(row.values, ensure_ascii=False)
        db.execute("INSERT OR REPLACE INTO deleted_row VALUES (?, ?, ?, ?)", (*key, text))

    def removed(self, table: Table, shown: str, value: str) -> list[Row]:
        """Return the deleted rows whose column has a value, as they were."""
        sql = "SELECT id, body FROM deleted_row WHERE environment = ? AND tbl = ? AND json_extract(body, ?) = ?"
        with self._store.reading() as db:
            found = db.execute(sql, (self.environment, table.name, f"$.{shown}", value)).fetchall()
        return [Row(table, row["id"], json.loads(row["body"]), 0) for row in found]

    def bring_back(self, row: Row, user_id: str) -> Row:
        """Put a deleted row back under its id."""
        self._store.db.execute(
            "DELETE FROM deleted_row WHERE environment = ? AND tbl = ? AND id = ?",
            (self.environment, row.table.name, row.id),
        )
        return self.insert(row.table, row.id, row.values, user_id)

    def removed_since(self, table: Table, version: int) -> list[sqlite3.Row]:
        """Return id and version of what was deleted after a version."""
        sql = "SELECT id, version FROM tombstone WHERE environment = ? AND tbl = ? AND version > ? ORDER BY version"
        with self._store.reading() as db:
            return db.execute(sql, (self.environment, table.name, version)).fetchall()

    def clear(self, tables: Sequence[str]) -> None:
        """Remove everything from tables, leaving no trace."""
        for store_table in ("entry", "entry_value", "tombstone", "deleted_row"):
            for name in tables:
                self._store.db.execute(
                    f"DELETE FROM {store_table} WHERE environment = ? AND tbl = ?", (self.environment, name)
                )

    def _put(
        self, table: Table, row_id: str, old: Mapping[str, Any], new: Mapping[str, Any], user_id: str, now: int
    ) -> Row:
        stamps = _by_shown(table, {"modifiedon": moment(now), "modifiedby": user_id})
        values = {name: value for name, value in {**new, **stamps}.items() if value is not None}
        version = self._store.next_version()
        key = (self.environment, table.name, row_id)
        db = self._store.db
        created = db.execute("SELECT created FROM entry WHERE environment = ? AND tbl = ? AND id = ?", key).fetchone()
        text = json.dumps(values, ensure_ascii=False)
        db.execute(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, text, version, created["created"] if created else now, now),
        )
        self._index(table, row_id, old, values)
        return Row(table, row_id, values, version)

    def _index(self, table: Table, row_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Keep the values by which rows are looked up."""
        db, key = self._store.db, (self.environment, table.name)
        changed = [
            name for name in old.keys() | new.keys() if is_indexed(table, name) and old.get(name) != new.get(name)
        ]
        db.executemany(
            "DELETE FROM entry_value WHERE environment = ? AND tbl = ? AND name = ? AND folded = ? AND id = ?",
            [(*key, name, fold(old[name]), row_id) for name in changed if name in old],
        )
        db.executemany(
            "INSERT OR REPLACE INTO entry_value VALUES (?, ?, ?, ?, ?)",
            [(*key, name, fold(new[name]), row_id) for name in changed if name in new],
        )


def is_indexed(table: Table, shown: str) -> bool:
    """Say whether rows are found by a column through the index: by texts and by ids."""
    column = table.by_name.get(shown)
    return column is not None and column.kind in ("text", "lookup", "guid") and shown != table.id_name


def holds(rows: Rows, table: Table, shown: str, values: Sequence[str]) -> Condition:
    """Return the condition that a text or id column has one of some values, whatever their case."""
    marks = ", ".join("?" * len(values)) or "NULL"
    folded = tuple(fold(value) for value in values)
    if shown == table.id_name:
        return Condition(f"id IN ({marks})", folded)
    if not is_indexed(table, shown):
        return Condition(f"folded(json_extract(body, '$.{shown}')) IN ({marks})", folded)
    inner = f"SELECT id FROM entry_value WHERE environment = ? AND tbl = ? AND name = ? AND folded IN ({marks})"
    return Condition(f"id IN ({inner})", (rows.environment, table.name, shown, *folded))


def moment(ms: int) -> str:
    """Write a moment as Dataverse does: to the second."""
    return f"{iso(ms)[:19]}Z"


def _by_shown(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that the table has a column for, by shown name."""
    names = {column.name: column.shown_as for column in table.columns}
    return {names[name]: value for name, value in values.items() if name in names}
