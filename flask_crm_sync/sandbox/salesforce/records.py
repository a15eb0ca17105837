"""Records of one org and type in the store, deleted ones included."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import ids
from .schema import Schema
from .store import Store


@dataclass
class Record:
    """One record. ``values`` holds what was written; the rest is bookkeeping. Moments are whole seconds, in ms."""

    number: int
    id: str
    kind: str
    values: dict[str, Any]
    created: int
    modified: int
    created_by: str
    modified_by: str
    deleted: bool = False
    master: str | None = None

    def value(self, name: str) -> Any:
        """Return a field's value as the API shows it."""
        shown = _BOOKKEEPING.get(name)
        return shown(self) if shown else self.values.get(name)

    @property
    def is_converted(self) -> bool:
        """Whether this lead has become a contact."""
        return bool(self.values.get("IsConverted"))


def moment(ms: int) -> str:
    """Write a moment as Salesforce does: ``2013-05-07T22:07:19.000+0000``."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _name(record: Record) -> Any:
    if record.kind == "Account":
        return record.values.get("Name")
    return " ".join(record.values[part] for part in ("FirstName", "LastName") if record.values.get(part))


def _address(prefix: str) -> Any:
    def shown(record: Record) -> Any:
        parts = {
            "street": "Street",
            "city": "City",
            "state": "State",
            "postalCode": "PostalCode",
            "country": "Country",
            "latitude": "Latitude",
            "longitude": "Longitude",
            "geocodeAccuracy": "GeocodeAccuracy",
        }
        found = {part: record.values.get(prefix + name) for part, name in parts.items()}
        return found if any(found.values()) else None

    return shown


_BOOKKEEPING: dict[str, Any] = {
    "Id": lambda record: record.id,
    "IsDeleted": lambda record: record.deleted,
    "MasterRecordId": lambda record: record.master,
    "CreatedDate": lambda record: moment(record.created),
    "CreatedById": lambda record: record.created_by,
    "LastModifiedDate": lambda record: moment(record.modified),
    "LastModifiedById": lambda record: record.modified_by,
    "SystemModstamp": lambda record: moment(record.modified),
    "Name": _name,
    "Address": _address(""),
    "MailingAddress": _address("Mailing"),
    "OtherAddress": _address("Other"),
    "IsClosed": lambda record: record.values.get("Status") in ("Completed", "Erledigt"),
    "IsHighPriority": lambda record: record.values.get("Priority") in ("High", "Hoch"),
}


class Records:
    """Read and write the records of one type in one org."""

    def __init__(self, store: Store, org_id: str, schema: Schema) -> None:
        self._store, self._schema = store, schema
        self._key = (org_id, schema.kind)

    def get(self, record_id: str | None) -> Record | None:
        """Return a record by its id in eighteen characters, deleted or not."""
        row = self._store.db.execute(
            "SELECT * FROM record WHERE id = ? AND org_id = ? AND kind = ?", (record_id, *self._key)
        ).fetchone()
        return _record(row) if row else None

    def all(self, after: int = 0, limit: int = -1) -> list[Record]:
        """Return records by rising number, deleted ones included."""
        rows = self._store.db.execute(
            "SELECT * FROM record WHERE org_id = ? AND kind = ? AND number > ? ORDER BY number LIMIT ?",
            (*self._key, after, limit),
        )
        return [_record(row) for row in rows]

    def modified_within(self, span: tuple[int, int], *, descending: bool) -> Iterator[Record]:
        """Yield records written in a span of milliseconds by time and number, deleted ones included."""
        way = "DESC" if descending else "ASC"
        rows = self._store.db.execute(
            "SELECT * FROM record WHERE org_id = ? AND kind = ? AND modified BETWEEN ? AND ? "
            f"ORDER BY modified {way}, number {way}",
            (*self._key, *span),
        )
        return map(_record, rows)

    def newest(self, offset: int, limit: int) -> list[Record]:
        """Return records that are not deleted, newest first."""
        rows = self._store.db.execute(
            "SELECT * FROM record WHERE org_id = ? AND kind = ? AND NOT deleted ORDER BY number DESC LIMIT ? OFFSET ?",
            (*self._key, limit, offset),
        )
        return [_record(row) for row in rows]

    def count(self) -> int:
        """Count records that are not deleted."""
        counted = "SELECT count(*) FROM record WHERE org_id = ? AND kind = ? AND NOT deleted"
        return int(self._store.db.execute(counted, self._key).fetchone()[0])

    def having(self, field: str, values: Iterable[str]) -> Iterator[Record]:
        """Yield the records that hold one of some values, in any case; deleted ones hold none."""
        for value in {folded(each) for each in values}:
            rows = self._store.db.execute(
                "SELECT record.* FROM lookup JOIN record USING (number) WHERE lookup.org_id = ? AND lookup.kind = ? "
                "AND field = ? AND value = ? ORDER BY number",
                (*self._key, field, value),
            ).fetchall()
            yield from map(_record, rows)

    def add(self, values: dict[str, Any], user_id: str, now: int) -> Record:
        """Make a record; call it inside ``writing``."""
        number = self._store.next_number()
        record_id = ids.make(ids.PREFIXES[self._schema.kind], number)
        record = Record(number, record_id, self._schema.kind, values, now, now, user_id, user_id)
        self.save(record)
        return record

    def save(self, record: Record) -> None:
        """Write a record back, and what it can be found by; call it inside ``writing``."""
        row = (
            record.number,
            record.id,
            *self._key,
            json.dumps(record.values, ensure_ascii=False),
            record.created,
            record.modified,
            record.created_by,
            record.modified_by,
            record.deleted,
            record.master,
        )
        db = self._store.db
        db.execute(f"INSERT OR REPLACE INTO record VALUES ({', '.join('?' * len(row))})", row)
        db.execute("DELETE FROM lookup WHERE number = ?", (record.number,))
        db.executemany("INSERT INTO lookup VALUES (?, ?, ?, ?, ?)", self._found_by(record))

    def _found_by(self, record: Record) -> list[tuple[Any, ...]]:
        if record.deleted:
            return []
        return [
            (*self._key, field.name, folded(record.values[field.name]), record.number)
            for field in self._schema.lookups
            if record.values.get(field.name)
        ]


def folded(value: Any) -> str:
    """Return a text as it is compared: in no case."""
    return str(value).casefold()


def _record(row: sqlite3.Row) -> Record:
    return Record(
        row["number"],
        row["id"],
        row["kind"],
        json.loads(row["body"]),
        row["created"],
        row["modified"],
        row["created_by"],
        row["modified_by"],
        bool(row["deleted"]),
        row["master"],
    )
