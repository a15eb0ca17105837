"""The tables of the HubSpot sandbox, and its ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..database import Database

if TYPE_CHECKING:
    from .events import Event

FIRST_ID = 33_001

SCHEMA = """
CREATE TABLE IF NOT EXISTS portal (
    portal_id INTEGER PRIMARY KEY, name TEXT NOT NULL, tier TEXT NOT NULL, time_zone TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, portal_id INTEGER NOT NULL, use TEXT NOT NULL, scopes TEXT NOT NULL,
    client_id TEXT, expires_ms INTEGER, revoked INTEGER NOT NULL DEFAULT 0, parent TEXT);
CREATE TABLE IF NOT EXISTS app (
    client_id TEXT PRIMARY KEY, client_secret TEXT NOT NULL, app_id INTEGER NOT NULL, name TEXT NOT NULL,
    redirect_uris TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, portal_id INTEGER NOT NULL, redirect_uri TEXT NOT NULL,
    scopes TEXT NOT NULL, challenge TEXT, method TEXT, expires_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, portal_id INTEGER NOT NULL, kind TEXT NOT NULL, properties TEXT NOT NULL,
    history TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, archived INTEGER,
    source_type TEXT NOT NULL, source_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS record_by_kind ON record (portal_id, kind, id);
CREATE INDEX IF NOT EXISTS record_by_time ON record (portal_id, kind, updated, id, archived);
CREATE TABLE IF NOT EXISTS unique_value (
    portal_id INTEGER, kind TEXT, name TEXT, value TEXT, record_id INTEGER NOT NULL,
    PRIMARY KEY (portal_id, kind, name, value)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unique_value_by_record ON unique_value (record_id);
CREATE TABLE IF NOT EXISTS merged (old_id INTEGER PRIMARY KEY, record_id INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS merged_by_record ON merged (record_id);
CREATE TABLE IF NOT EXISTS association (
    from_id INTEGER, to_kind TEXT, to_id INTEGER, type_id INTEGER,
    PRIMARY KEY (from_id, to_kind, to_id, type_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS definition (
    portal_id INTEGER, kind TEXT, name TEXT, body TEXT NOT NULL, PRIMARY KEY (portal_id, kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS property_group (
    portal_id INTEGER, kind TEXT, name TEXT, body TEXT NOT NULL, PRIMARY KEY (portal_id, kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocked_address (
    portal_id INTEGER, address TEXT, PRIMARY KEY (portal_id, address)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscription (
    id INTEGER PRIMARY KEY, app_id INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhook_target (app_id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS listener (
    id INTEGER PRIMARY KEY AUTOINCREMENT, portal_id INTEGER NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL,
    events TEXT NOT NULL, active INTEGER NOT NULL DEFAULT 1, ca_file TEXT);
"""

_HEARD = "SELECT 1 FROM listener UNION ALL SELECT 1 FROM webhook_target LIMIT 1"


class Store(Database):
    """HubSpot's records; ids rise across all object types and portals and are never used twice."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, SCHEMA)
        highest = "SELECT max(coalesce((SELECT max(id) FROM record), 0), coalesce((SELECT max(old_id) FROM merged), 0))"
        self._last_id: int = max(int(self.db.execute(highest).fetchone()[0]), FIRST_ID - 1)
        self._happened: list[Event] = []
        self._is_heard = False
        self.tell: Callable[[Sequence[Event]], None] | None = None
        """Is told of what happened, once it has been written."""

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of it or, when anything is raised, nothing of it; what happened is told afterwards."""
        with self.lock:
            is_whole = not self.db.in_transaction
            if is_whole:
                self._happened, self._is_heard = [], self.tell is not None and bool(self.db.execute(_HEARD).fetchone())
            with super().writing() as db:
                yield db
            told = self._happened if is_whole else []
        if told and self.tell is not None:
            self.tell(told)

    def happened(self, event: Event) -> None:
        """Note what happened, if anybody listens; call it inside ``writing``."""
        if self._is_heard:
            self._happened.append(event)

    def next_id(self) -> int:
        """Hand out a new id; call it inside ``writing``."""
        self._last_id += 1
        return self._last_id
