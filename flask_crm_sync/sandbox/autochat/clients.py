"""Clients and their activities: how they are kept, found, changed and shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from ..clock import iso
from .fields import CLIENT_FIELDS, Fields
from .store import Store


@dataclass
class Client:
    """One client of a workspace."""

    id: str
    fields: Fields
    created: int
    updated: int
    deleted: int | None = None

    def shown(self) -> dict[str, Any]:
        """Return the client as the API prints it."""
        return {"id": self.id, **self.fields, "created_at": iso(self.created), "updated_at": iso(self.updated)}


@dataclass
class Activity:
    """One entry of a client's timeline."""

    id: str
    client_id: str
    fields: Fields
    created: int

    def shown(self) -> dict[str, Any]:
        """Return the activity as the API prints it."""
        return {"id": self.id, "client_id": self.client_id, **self.fields, "created_at": iso(self.created)}


class Clients:
    """The clients of one workspace. Methods that write belong inside ``store.writing()``."""

    def __init__(self, store: Store, workspace: str) -> None:
        self._store, self.workspace = store, workspace

    def get(self, client_id: str, *, deleted: bool = False) -> Client | None:
        """Return a client, or None; a deleted one only when asked for."""
        row = self._store.db.execute(
            "SELECT * FROM client WHERE id = ? AND workspace = ?", (client_id, self.workspace)
        ).fetchone()
        if row is None or (row["deleted"] is not None and not deleted):
            return None
        return _client(row)

    def add(self, fields: Fields, now_ms: int) -> Client:
        """Make a client."""
        client = Client(str(uuid4()), {**dict.fromkeys(CLIENT_FIELDS), **fields}, now_ms, now_ms)
        self._store.db.execute(
            "INSERT INTO client (id, workspace, email, phone, fields, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (client.id, self.workspace, *_kept(client), now_ms, now_ms),
        )
        return client

    def save(self, client: Client) -> None:
        """Write a changed client back."""
        self._store.db.execute(
            "UPDATE client SET email = ?, phone = ?, fields = ?, updated = ?, deleted = ? WHERE id = ?",
            (*_kept(client), client.updated, client.deleted, client.id),
        )

    def page(
        self, wanted: dict[str, str], *, loose: bool, offset: int, limit: int, since: int = 0
    ) -> tuple[list[Client], int]:
        """Return clients that match all wanted values, newest first, and how many there are in all.

        Those that were last changed before ``since`` (ms) are left out.
        """
        where: list[str] = ["workspace = ?", "deleted IS NULL"]
        values: list[str | int] = [self.workspace]
        if since:
            where.append("updated >= ?")
            values.append(since)
        for column, text in wanted.items():
            where.append(f"instr({column}, ?) > 0" if loose else f"{column} = ?")
            values.append(text.lower())
        condition = " AND ".join(where)
        # The numbers come out of an index that holds all columns asked for; whole rows are read for one page only.
        found = self._store.db.execute(f"SELECT number FROM client WHERE {condition}", values)
        numbers = sorted((row["number"] for row in found.fetchall()), reverse=True)
        rows = self._store.db.execute(
            "SELECT * FROM client WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number DESC",
            (json.dumps(numbers[offset : offset + limit]),),
        )
        return [_client(row) for row in rows.fetchall()], len(numbers)

    def with_email(self, email: str) -> Client | None:
        """Return a client that has this address, or None."""
        found, _ = self.page({"email": email}, loose=False, offset=0, limit=1)
        return found[0] if found else None

    def all(self) -> Iterator[Client]:
        """Yield every client in the order they were made, deleted ones included."""
        rows = self._store.db.execute("SELECT * FROM client WHERE workspace = ? ORDER BY number", (self.workspace,))
        return (_client(row) for row in rows.fetchall())

    def count(self) -> int:
        """Count the clients that are not deleted."""
        query = "SELECT count(*) FROM client WHERE workspace = ? AND deleted IS NULL"
        return int(self._store.db.execute(query, (self.workspace,)).fetchone()[0])


class Activities:
    """The activities of one workspace. ``add`` belongs inside ``store.writing()``."""

    def __init__(self, store: Store, workspace: str) -> None:
        self._store, self.workspace = store, workspace

    def add(self, client_id: str, fields: Fields, now_ms: int) -> Activity:
        """Put an entry on a client's timeline."""
        activity = Activity(str(uuid4()), client_id, fields, now_ms)
        self._store.db.execute(
            "INSERT INTO activity (id, workspace, client_id, fields, created) VALUES (?, ?, ?, ?, ?)",
            (activity.id, self.workspace, client_id, json.dumps(fields), now_ms),
        )
        return activity

    def of(self, client_id: str) -> list[Activity]:
        """Return a client's timeline, newest first."""
        rows = self._store.db.execute("SELECT * FROM activity WHERE client_id = ? ORDER BY number DESC", (client_id,))
        return [_activity(row) for row in rows.fetchall()]

    def newest(self, *, offset: int, limit: int) -> list[Activity]:
        """Return activities of all clients, newest first."""
        rows = self._store.db.execute(
            "SELECT * FROM activity WHERE workspace = ? ORDER BY number DESC LIMIT ? OFFSET ?",
            (self.workspace, limit, offset),
        )
        return [_activity(row) for row in rows.fetchall()]

    def all(self) -> list[Activity]:
        """Return every activity in the order they were made."""
        rows = self._store.db.execute("SELECT * FROM activity WHERE workspace = ? ORDER BY number", (self.workspace,))
        return [_activity(row) for row in rows.fetchall()]

    def count(self) -> int:
        """Count the activities."""
        query = "SELECT count(*) FROM activity WHERE workspace = ?"
        return int(self._store.db.execute(query, (self.workspace,)).fetchone()[0])


def _kept(client: Client) -> tuple[str, str, str]:
    email, phone = client.fields["email"] or "", client.fields["phone"] or ""
    return email.lower(), phone.lower(), json.dumps(client.fields)


def _client(row: sqlite3.Row) -> Client:
    return Client(row["id"], json.loads(row["fields"]), row["created"], row["updated"], row["deleted"])


def _activity(row: sqlite3.Row) -> Activity:
    return Activity(row["id"], row["client_id"], json.loads(row["fields"]), row["created"])
