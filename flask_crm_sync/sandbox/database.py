"""A CRM server's own database: one SQLite file (or memory), one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Database:
    """One connection behind one lock. ``path=None`` keeps everything in memory."""

    def __init__(self, path: Path | None, schema: str) -> None:
        self.lock = threading.RLock()
        self.db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        if path is not None:
            self.db.execute("PRAGMA journal_mode=WAL")
        # A killed process loses nothing this way; only a power cut could, and this is a sandbox.
        self.db.execute("PRAGMA synchronous=OFF")
        self.db.executescript(schema)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read with nobody writing in between."""
        with self.lock:
            yield self.db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of it or, when anything is raised, nothing of it."""
        with self.lock:
            if self.db.in_transaction:
                yield self.db
                return
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self.db.close()
