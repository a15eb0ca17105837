"""The tables of the Dynamics sandbox, and its row versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..database import Database
from .patterns import like

if TYPE_CHECKING:
    from .events import Event

FIRST_VERSION = 900_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS environment (
    name TEXT PRIMARY KEY, suffix TEXT NOT NULL, tenant TEXT NOT NULL, tier TEXT NOT NULL,
    has_application_user INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS app (
    client_id TEXT PRIMARY KEY, client_secret TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
    redirect_uris TEXT NOT NULL, disabled INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, tenant TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL, nonce TEXT, challenge TEXT, method TEXT, expires_ms INTEGER NOT NULL,
    spent INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, use TEXT NOT NULL, tenant TEXT NOT NULL, client_id TEXT NOT NULL,
    environment TEXT NOT NULL, is_app INTEGER NOT NULL, scope TEXT NOT NULL, expires_ms INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS entry (
    environment TEXT, tbl TEXT, id TEXT, body TEXT NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL,
    modified INTEGER NOT NULL, PRIMARY KEY (environment, tbl, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_by_version ON entry (environment, tbl, version);
CREATE TABLE IF NOT EXISTS entry_value (
    environment TEXT, tbl TEXT, name TEXT, folded TEXT, id TEXT,
    PRIMARY KEY (environment, tbl, name, folded, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tombstone (
    environment TEXT, tbl TEXT, id TEXT, version INTEGER NOT NULL, PRIMARY KEY (environment, tbl, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deleted_row (
    environment TEXT, tbl TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (environment, tbl, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alternate_key (
    environment TEXT, tbl TEXT, name TEXT, columns TEXT NOT NULL, PRIMARY KEY (environment, tbl, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hook (
    id INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL, url TEXT NOT NULL, header TEXT NOT NULL,
    secret TEXT NOT NULL, events TEXT NOT NULL, active INTEGER NOT NULL DEFAULT 1, ca_file TEXT);
"""

_HEARD = "SELECT 1 FROM hook LIMIT 1"


class Store(Database):
    """Rows of all environments; versions rise across all of them, as a row version does."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path, SCHEMA)
        self.db.create_function("folded", 1, fold, deterministic=True)
        self.db.create_function("tsql_like", 2, like, deterministic=True)
        highest = (
            "SELECT max(coalesce((SELECT max(version) FROM entry), 0), "
            "coalesce((SELECT max(version) FROM tombstone), 0))"
        )
        self._version: int = max(int(self.db.execute(highest).fetchone()[0]), FIRST_VERSION)
        self._happened: list[Event] = []
        self._is_heard = False
        self.tell: Callable[[Sequence[Event]], None] | None = None
        """Is told of what happened, once it has been written."""

    @property
    def version(self) -> int:
        """The version handed out last."""
        return self._version

    def next_version(self) -> int:
        """Hand out a new version; call it inside ``writing``."""
        self._version += 1
        return self._version

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of it or, when anything is raised, nothing of it; what happened is told afterwards."""
        with self.lock:
            is_whole = not self.db.in_transaction
            if is_whole:
                self._happened = []
                self._is_heard = self.tell is not None and bool(
                    self.db.execute("SELECT 1 FROM hook LIMIT 1").fetchone()
                )
            with super().writing() as db:
                yield db
            told = self._happened if is_whole else []
        if told and self.tell is not None:
            self.tell(told)

    def happened(self, make: Callable[[], Event]) -> None:
        """Note what happened, if anybody listens; call it inside ``writing``."""
        if self._is_heard:
            self._happened.append(make())

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo what was done inside when anything is raised, and nothing of what was done before."""
        with self.writing() as db:
            db.execute("SAVEPOINT step")
            before = len(self._happened)
            try:
                yield
            except BaseException:
                del self._happened[before:]
                db.execute("ROLLBACK TO step")
                db.execute("RELEASE step")
                raise
            db.execute("RELEASE step")


def fold(value: object) -> str | None:
    """Return a value as look-ups compare it: text, without regard to case."""
    return None if value is None else str(value).casefold()
