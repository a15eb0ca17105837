"""Records of one object type in one portal: how they are kept, found and shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..clock import iso
from .kinds import Kind
from .phones import without_country_code
from .store import Store

MOST_REVISIONS = 20
LONGEST_ID = 18


def as_id(given: str) -> int | None:
    """Read a record id; anything else, and what no id can be, is None."""
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= LONGEST_ID else None


class Revision(NamedTuple):
    """A value a property had: from when on, and who set it."""

    value: str
    at_ms: int
    source_type: str
    source_id: str


class Source(NamedTuple):
    """Who writes: ``INTEGRATION`` for the API, ``CRM_UI`` for a person in HubSpot."""

    type: str
    id: str


@dataclass(slots=True)
class Record:
    """One contact or note."""

    id: int
    portal_id: int
    kind: Kind
    properties: dict[str, str]
    history: dict[str, list[Revision]]
    """By property, newest first; what was set at creation and never since has no entry."""
    created: int
    updated: int
    creator: Source
    archived: int | None = None

    def value(self, name: str) -> str | None:
        """Return a property's value, computed ones included."""
        computed = _COMPUTED.get(name)
        return computed(self) if computed else (self.properties.get(name) or None)

    def set(self, values: dict[str, str], source: Source, now_ms: int) -> None:
        """Take values over; an empty one clears. What stays equal leaves no trace in the history."""
        for name, value in values.items():
            if self.properties.get(name, "") != value:
                revisions = [Revision(value, now_ms, *source), *self.revisions(name)]
                self.history[name] = revisions[:MOST_REVISIONS]
                self.properties[name] = value
        self.updated = now_ms

    def revisions(self, name: str) -> list[Revision]:
        """Return the values a property has had, newest first."""
        if name in self.history:
            return self.history[name]
        value = self.value(name)
        return [] if value is None else [Revision(value, self.created, *self.creator)]

    def shown(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the record as the API prints it, with these properties."""
        body: dict[str, Any] = {
            "id": str(self.id),
            "properties": {name: self.value(name) for name in sorted({*names, *self.kind.always})},
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
            "archived": self.archived is not None,
        }
        if self.archived is not None:
            body["archivedAt"] = iso(self.archived)
        return body

    def addresses(self) -> list[str]:
        """Return the e-mail addresses that no other contact may have."""
        additional = self.properties.get("hs_additional_emails", "").split(";")
        return [address for address in (self.properties.get("email", ""), *additional) if address]


_COMPUTED: dict[str, Callable[[Record], str | None]] = {
    "hs_object_id": lambda record: str(record.id),
    "createdate": lambda record: iso(record.created),
    "hs_createdate": lambda record: iso(record.created),
    "lastmodifieddate": lambda record: iso(record.updated),
    "hs_lastmodifieddate": lambda record: iso(record.updated),
    "hs_email_domain": lambda record: record.properties.get("email", "").partition("@")[2] or None,
    "hs_searchable_calculated_phone_number": lambda record: (
        without_country_code(record.properties.get("phone", "")) or None
    ),
    "hs_object_source": lambda record: record.creator.type,
    "hs_object_source_id": lambda record: record.creator.id,
    "hs_body_preview": lambda record: record.properties.get("hs_note_body", "")[:512] or None,
}


class Records:
    """The records of one object type in one portal. Methods that write belong inside ``store.writing()``."""

    def __init__(self, store: Store, portal_id: int, kind: Kind) -> None:
        self._store, self.portal_id, self.kind = store, portal_id, kind

    def get(self, record_id: int, *, archived: bool = False) -> Record | None:
        """Return a record by its own id, or None; archived ones only when asked for."""
        row = self._store.db.execute(
            "SELECT * FROM record WHERE id = ? AND portal_id = ? AND kind = ?",
            (record_id, self.portal_id, self.kind.name),
        ).fetchone()
        if row is None or (row["archived"] is not None) is not archived:
            return None
        return self._record(row)

    def archived(self, given: str) -> Record | None:
        """Return a record from the recycle bin, or None."""
        record_id = as_id(given)
        return None if record_id is None else self.get(record_id, archived=True)

    def exists(self, record_id: int) -> bool:
        """Say whether there is a record of this id that is not archived."""
        row = self._store.db.execute(
            "SELECT 1 FROM record WHERE id = ? AND portal_id = ? AND kind = ? AND archived IS NULL",
            (record_id, self.portal_id, self.kind.name),
        ).fetchone()
        return row is not None

    def survivor(self, old_id: int) -> int | None:
        """Return the id of the record that one was merged into, or None."""
        row = self._store.db.execute("SELECT record_id FROM merged WHERE old_id = ?", (old_id,)).fetchone()
        return row["record_id"] if row else None

    def owner(self, name: str, value: str) -> int | None:
        """Return the id of the record that holds a unique value, or None."""
        row = self._store.db.execute(
            "SELECT record_id FROM unique_value WHERE portal_id = ? AND kind = ? AND name = ? AND value = ?",
            (self.portal_id, self.kind.name, name, value),
        ).fetchone()
        return row["record_id"] if row else None

    def add(self, values: dict[str, str], source: Source, now_ms: int) -> Record:
        """Make a record."""
        record = Record(self._store.next_id(), self.portal_id, self.kind, values, {}, now_ms, now_ms, source)
        self._store.db.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (record.id, self.portal_id, self.kind.name, *_texts(record), now_ms, now_ms, None, *source),
        )
        return record

    def save(self, record: Record) -> None:
        """Write a changed record back."""
        self._store.db.execute(
            "UPDATE record SET properties = ?, history = ?, updated = ?, archived = ? WHERE id = ?",
            (*_texts(record), record.updated, record.archived, record.id),
        )

    def touch(self, record_id: int, now_ms: int) -> None:
        """Move a record's modification time, as logging an activity does."""
        self._store.db.execute("UPDATE record SET updated = ? WHERE id = ?", (now_ms, record_id))

    def claim(self, record: Record, claims: Sequence[tuple[str, str]], *, is_new: bool = False) -> None:
        """Give a record exactly these unique values, taking away those it had before."""
        db = self._store.db
        if not is_new:
            db.execute("DELETE FROM unique_value WHERE record_id = ?", (record.id,))
        db.executemany(
            "INSERT OR REPLACE INTO unique_value VALUES (?, ?, ?, ?, ?)",
            [(self.portal_id, self.kind.name, name, value, record.id) for name, value in claims],
        )

    def erase(self, record: Record) -> None:
        """Remove a record for good, with what points at it."""
        db = self._store.db
        db.execute("DELETE FROM record WHERE id = ?", (record.id,))
        db.execute("DELETE FROM unique_value WHERE record_id = ?", (record.id,))
        db.execute("DELETE FROM association WHERE from_id = ? OR to_id = ?", (record.id, record.id))

    def page(self, *, after: int = 0, limit: int = 100, archived: bool | None = False) -> list[Record]:
        """Return records by rising id; ``archived=None`` returns both sorts."""
        which = {None: "", True: " AND archived IS NOT NULL", False: " AND archived IS NULL"}[archived]
        rows = self._store.db.execute(
            f"SELECT * FROM record WHERE portal_id = ? AND kind = ? AND id > ?{which} ORDER BY id LIMIT ?",
            (self.portal_id, self.kind.name, after, limit),
        ).fetchall()
        return [self._record(row) for row in rows]

    def newest(self, *, offset: int, limit: int) -> list[Record]:
        """Return records that are not archived, newest first."""
        rows = self._store.db.execute(
            "SELECT * FROM record WHERE portal_id = ? AND kind = ? AND archived IS NULL"
            " ORDER BY id DESC LIMIT ? OFFSET ?",
            (self.portal_id, self.kind.name, limit, offset),
        ).fetchall()
        return [self._record(row) for row in rows]

    def modified_since(self, since_ms: int) -> Iterator[Record]:
        """Yield the records that are not archived and changed at or after a moment."""
        rows = self._store.db.execute(
            "SELECT * FROM record WHERE portal_id = ? AND kind = ? AND updated >= ? AND archived IS NULL",
            (self.portal_id, self.kind.name, since_ms),
        )
        return (self._record(row) for row in rows.fetchall())

    def changed_within(self, span: tuple[int, int], above: int, order: str, most: int) -> tuple[list[Record], int]:
        """Return the first records changed in a span of time, with ids above one, and how many there are."""
        where = "portal_id = ? AND kind = ? AND archived IS NULL AND updated BETWEEN ? AND ? AND id > ?"
        key = (self.portal_id, self.kind.name, *span, above)
        rows = self._store.db.execute(
            f"SELECT * FROM record WHERE {where} ORDER BY {order}, id {order.split()[1]} LIMIT ?", (*key, most)
        )
        count = self._store.db.execute(f"SELECT count(*) FROM record WHERE {where}", key).fetchone()[0]
        return [self._record(row) for row in rows.fetchall()], int(count)

    def count(self) -> int:
        """Count the records that are not archived."""
        row = self._store.db.execute(
            "SELECT count(*) FROM record WHERE portal_id = ? AND kind = ? AND archived IS NULL",
            (self.portal_id, self.kind.name),
        ).fetchone()
        return int(row[0])

    def _record(self, row: sqlite3.Row) -> Record:
        history: dict[str, Any] = {} if row["history"] == "{}" else json.loads(row["history"])
        revisions = {name: [Revision(*each) for each in found] for name, found in history.items()}
        return Record(
            row["id"],
            self.portal_id,
            self.kind,
            json.loads(row["properties"]),
            revisions,
            row["created"],
            row["updated"],
            Source(row["source_type"], row["source_id"]),
            row["archived"],
        )


def _texts(record: Record) -> tuple[str, str]:
    return json.dumps(record.properties), json.dumps(record.history) if record.history else "{}"
