"""The tables of the Salesforce sandbox, and its running numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..database import Database

FIRST_NUMBER = 11 * 62**4

SCHEMA = """
CREATE TABLE IF NOT EXISTS org (
    org_id TEXT PRIMARY KEY, name TEXT NOT NULL, instance TEXT NOT NULL, settings TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS app (
    client_id TEXT PRIMARY KEY, client_secret TEXT NOT NULL, name TEXT NOT NULL, org_id TEXT NOT NULL,
    redirect_uris TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, org_id TEXT NOT NULL, use TEXT NOT NULL, scopes TEXT NOT NULL, client_id TEXT NOT NULL,
    consent TEXT NOT NULL, issued_ms INTEGER NOT NULL, expires_ms INTEGER, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, org_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    scopes TEXT NOT NULL, challenge TEXT, expires_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, org_id TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, created_by TEXT NOT NULL, modified_by TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0, master TEXT);
CREATE INDEX IF NOT EXISTS record_by_kind ON record (org_id, kind, number);
CREATE INDEX IF NOT EXISTS record_by_time ON record (org_id, kind, modified, number);
CREATE TABLE IF NOT EXISTS lookup (
    org_id TEXT, kind TEXT, field TEXT, value TEXT, number INTEGER,
    PRIMARY KEY (org_id, kind, field, value, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lookup_by_record ON lookup (number);
"""


class Store(Database):
    """Salesforce's records; running numbers rise across all types and orgs and are never used twice."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, SCHEMA)
        highest = self.db.execute("SELECT max(number) FROM record").fetchone()[0]
        self._last_number = max(int(highest or 0), FIRST_NUMBER)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of it or, when anything is raised, nothing of it; inside another one, so for this part alone."""
        with self.lock:
            if not self.db.in_transaction:
                with super().writing() as db:
                    yield db
                return
            self.db.execute("SAVEPOINT part")
            try:
                yield self.db
            except BaseException:
                self.db.execute("ROLLBACK TO part")
                self.db.execute("RELEASE part")
                raise
            self.db.execute("RELEASE part")

    def next_number(self) -> int:
        """Hand out the next running number; call it inside ``writing``."""
        self._last_number += 1
        return self._last_number
