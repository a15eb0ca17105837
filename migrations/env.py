"""How Alembic reaches our tables: over the connection it is handed, in a version table of their own.

The host's tables and its own `alembic_version` are never looked at. `flask crm upgrade` comes in with a connection; a
developer who writes a revision in a checkout names a database: `alembic -x url=sqlite:///try.sqlite revision ...`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context

from flask_crm_sync.migration import is_ours
from flask_crm_sync.models import Base
from flask_crm_sync.models.base import VERSION_TABLE


def _options(dialect: str) -> dict[str, Any]:
    return {
        "target_metadata": Base.metadata,
        "version_table": VERSION_TABLE,
        "include_name": is_ours,
        "compare_type": True,
        "render_as_batch": dialect == "sqlite",  # SQLite alters a table by making it anew
    }


def _migrate(connection: sa.Connection) -> None:
    context.configure(connection=connection, **_options(connection.dialect.name))
    with context.begin_transaction():
        context.run_migrations()


def _print_statements(dialect: str) -> None:
    context.configure(dialect_name=dialect, literal_binds=True, **_options(dialect))
    with context.begin_transaction():
        context.run_migrations()


def _developer_engine() -> sa.Engine:
    url = context.get_x_argument(as_dictionary=True).get("url")
    if not url:
        raise SystemExit("Name a database with -x url=..., or run `flask crm upgrade` for the host's own.")
    return sa.create_engine(url)


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    _print_statements(context.config.attributes["dialect"])
elif given is not None:
    _migrate(given)
else:
    with _developer_engine().begin() as connection:
        _migrate(connection)
