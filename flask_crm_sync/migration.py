"""Our tables in the host's database: making them, and keeping the host's own migrations away from them.

A host without Flask-Migrate that autogenerates its revisions passes our filter in its `env.py`, or its next revision
offers to drop our tables:

    from flask_crm_sync.migration import include_object

    context.configure(connection=connection, target_metadata=metadata, include_object=include_object)

A host whose `env.py` has an `include_object` of its own wraps it: `include_object=beside(own_include_object)`. Under
Flask-Migrate nothing need be done; an `env.py` that was edited to pass `include_object` itself, beside Flask-Migrate's
`**conf_args`, ends in a `TypeError`: leave the argument to `Migrate(app, db, include_object=...)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from .models.base import TABLE_PREFIX, VERSION_TABLE
from .resources import migrations_directory

IncludeObject = Callable[[Any, "str | None", str, bool, Any], bool]

_LOCK_SECONDS = 60
_LOCK_NUMBER = int.from_bytes(hashlib.sha256(b"flask_crm_sync upgrade").digest()[:8], "big", signed=True)


def include_object(item: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
    """Keep our tables out of a host's autogenerate: Alembic's `include_object` hook."""
    return not (type_ == "table" and reflected and compare_to is None and _is_our_table(name))


def include_name(name: str | None, type_: str, parent_names: Mapping[str, Any]) -> bool:
    """Keep our tables out of a host's autogenerate before they are even read: Alembic's `include_name` hook."""
    return not (type_ == "table" and _is_our_table(name))


def is_ours(name: str | None, type_: str, parent_names: Mapping[str, Any]) -> bool:
    """Keep the host's tables out of ours: the other side of `include_name`."""
    return type_ != "table" or (_is_our_table(name) and name != VERSION_TABLE)


def beside(own: IncludeObject | None) -> IncludeObject:
    """Return a filter that asks the host's own `include_object` as well as ours."""
    if own is None:
        return include_object

    def both(item: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
        return include_object(item, name, type_, reflected, compare_to) and own(
            item, name, type_, reflected, compare_to
        )

    return both


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Bring our tables to a revision; several processes may ask at once, one works.

    It can be run again after a crash, also on MariaDB, whose table changes are not part of a transaction.
    """
    with _locked(engine) as connection:
        command.upgrade(_config(connection=connection), revision)


def downgrade(engine: sa.Engine, revision: str = "base") -> None:
    """Take our tables back to a revision; `base` drops them with everything in them."""
    with _locked(engine) as connection:
        command.downgrade(_config(connection=connection), revision)


def print_statements(dialect: str, out: TextIO) -> None:
    """Write the SQL of a first upgrade, for those whose database takes changes from a person only."""
    config = _config(dialect=dialect)
    config.output_buffer = out
    command.upgrade(config, "head", sql=True)


def current_revision(engine: sa.Engine) -> str | None:
    """Return the revision that our tables are at; None before the first upgrade."""
    if not sa.inspect(engine).has_table(VERSION_TABLE):
        return None
    with engine.connect() as connection:
        return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _is_our_table(name: str | None) -> bool:
    return (name or "").startswith(TABLE_PREFIX)


def _config(**attributes: Any) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_directory()).replace("%", "%%"))
    config.attributes.update(attributes)
    return config


def lock_name(engine: sa.Engine) -> str:
    """Return the name of the lock that an upgrade holds on MariaDB: the server's, so it bears the database's."""
    database = str(engine.url.database).encode()
    return f"crm_sync_upgrade_{hashlib.sha256(database).hexdigest()[:32]}"


@contextmanager
def _locked(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that only one process at a time gets; the next one sees all that it did."""
    opened = {"postgresql": _on_postgresql, "mysql": _on_mariadb, "mariadb": _on_mariadb}
    with engine.connect() as connection, opened.get(engine.dialect.name, _on_sqlite)(connection):
        yield connection


@contextmanager
def _on_postgresql(connection: sa.Connection) -> Iterator[None]:
    """The lock ends with the transaction, whatever ends it."""
    with connection.begin():
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        yield


@contextmanager
def _on_mariadb(connection: sa.Connection) -> Iterator[None]:
    """The lock is the session's and outlasts the transaction: released before it ends, it would let the next one in
    to read a revision that is not written yet.
    """
    name = {"name": lock_name(connection.engine)}
    with connection.begin():
        taken = connection.execute(sa.text("SELECT GET_LOCK(:name, :seconds)"), {**name, "seconds": _LOCK_SECONDS})
        if not taken.scalar():
            raise TimeoutError(f"Another `flask crm upgrade` has been at work for {_LOCK_SECONDS} s; try again later.")
    try:
        with connection.begin():
            yield
    finally:
        with connection.begin():
            connection.execute(sa.text("SELECT RELEASE_LOCK(:name)"), name)


@contextmanager
def _on_sqlite(connection: sa.Connection) -> Iterator[None]:
    """The write lock, taken at once: the driver itself would begin only at the first row that is written."""
    with connection.begin():
        if not getattr(connection.connection.dbapi_connection, "in_transaction", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
