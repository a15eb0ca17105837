"""The base of our tables and the column types that mean the same on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

VERSION_TABLE = "crm_sync_alembic_version"
TABLE_PREFIX = "crm_sync_"

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of the extension's own tables, apart from the host's metadata."""

    metadata = sa.MetaData(naming_convention=_NAMES)
    __table_args__: Any = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


class _ISOText(sqlite.DATETIME):
    """SQLite's text of an instant, written by `isoformat`: several instants go with every row that is written."""

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        return lambda value: None if value is None else value.isoformat(" ", "microseconds")


class Instant(TypeDecorator[datetime]):
    """An instant: aware UTC in Python, naive UTC with microseconds in the database."""

    impl = sa.DateTime()
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Keep microseconds on MariaDB and MySQL, whose plain DATETIME drops them."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        kind: Any = _ISOText if dialect.name == "sqlite" else sa.DateTime
        return dialect.type_descriptor(kind())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Turn aware into naive UTC; refuse naive instants, which mean something else on every machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return (value if value.tzinfo is UTC else value.astimezone(UTC)).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Turn naive UTC into aware."""
        return None if value is None else value.replace(tzinfo=UTC)


def text_key(length: int = 191) -> sa.String:
    """Return the type of a text that is compared letter by letter, also where the database folds case by default."""
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def big_id() -> sa.BigInteger:
    """Return the type of a growing number as primary key."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite grows INTEGER keys only


def row_uuid() -> sa.Uuid[Any]:
    """Return the type of a row UUID, stored alike on every database."""
    return sa.Uuid(as_uuid=True, native_uuid=False)


def long_text() -> sa.Text:
    """Return the type of a text without a small bound."""
    return sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), "mysql", "mariadb")


_NOW = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "mysql": "UNIX_TIMESTAMP(SYSDATE(6))",
    "mariadb": "UNIX_TIMESTAMP(SYSDATE(6))",
}


class DatabaseClock(FunctionElement[float]):
    """The database's own time in epoch seconds, inside a statement: the one clock that all workers share."""

    type = sa.Double()
    inherit_cache = True


@compiles(DatabaseClock)
def _database_clock(element: DatabaseClock, compiler: Any, **_: Any) -> str:
    return _NOW[compiler.dialect.name]


def database_now(connection: sa.Connection) -> float:
    """Return the database's own time in epoch seconds, asked for by itself."""
    return float(connection.exec_driver_sql(f"SELECT {_NOW[connection.dialect.name]}").scalar_one())
