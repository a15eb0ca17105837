"""Transactions of our own on the host's engine: short, explicit, and fair to the host on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from .base import Base, database_now


class Database:
    """The engine that the host's models and our tables share."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        if engine.dialect.name in {"mysql", "mariadb", "postgresql"}:
            # A claim must see what was committed before it, not a snapshot from the transaction's first read.
            self.engine = engine.execution_options(isolation_level="READ COMMITTED")

    @property
    def dialect(self) -> str:
        """Return the dialect's name."""
        return self.engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a transaction that will write.

        On SQLite it takes the write lock at once: a transaction that reads first and writes later fails in WAL mode
        as soon as somebody else has written in between.
        """
        with self.engine.connect() as connection, connection.begin():
            if self.dialect == "sqlite":
                _begin_immediate(connection)
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads."""
        with self.engine.connect() as connection:
            yield connection

    def now(self) -> float:
        """Return the database's own time in epoch seconds."""
        with self.read() as connection:
            return database_now(connection)

    def is_ready(self) -> bool:
        """Tell whether our tables are there, as `flask crm upgrade` makes them."""
        return sa.inspect(self.engine).has_table(Base.metadata.tables["crm_sync_operation"].name)


def _begin_immediate(connection: sa.Connection) -> None:
    raw = connection.connection.dbapi_connection
    if getattr(raw, "in_transaction", False):  # the host's engine has begun by itself: a write takes the lock
        connection.exec_driver_sql("UPDATE crm_sync_scan SET name = name WHERE 1 = 0")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def supports_skip_locked(connection: sa.Connection) -> bool:
    """Tell whether rows that others work on can be stepped over."""
    return connection.dialect.name in {"postgresql", "mysql", "mariadb"}
