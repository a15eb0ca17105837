"""The first tables.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def _exact(length: int = 191) -> sa.types.TypeEngine[str]:
    """A text that is compared letter by letter, also where the database folds case by default."""
    folded = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(folded, "mysql", "mariadb")


def _long() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), "mysql", "mariadb")


def _instant() -> sa.types.TypeEngine[object]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _number() -> sa.types.TypeEngine[int]:
    """A growing key; SQLite grows INTEGER keys only."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _uuid() -> sa.types.TypeEngine[object]:
    return sa.Uuid(as_uuid=True, native_uuid=False)


def upgrade() -> None:
    """Make the tables, then the indexes."""
    _installation()
    _connection()
    _change()
    _operation()
    _link()
    _budget()
    _scan()
    _heartbeat()


def downgrade() -> None:
    """Drop every table, those that point at others first."""
    for name in ("operation", "link", "connection", "change", "budget", "scan", "heartbeat", "installation"):
        op.drop_table(f"crm_sync_{name}", if_exists=True)


def _table(name: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(f"crm_sync_{name}", *parts, if_not_exists=True, **_CHARSET)


def _index(name: str, table: str, *columns: str) -> None:
    """Make an index unless it is there; MySQL has no IF NOT EXISTS for it."""
    full = f"crm_sync_{table}"
    if not context.is_offline_mode():
        there = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(full)}
        if name in there:
            return
    op.create_index(name, full, list(columns))


def _installation() -> None:
    _table(
        "installation",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("digest_secret", _long(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_crm_sync_installation"),
    )


def _connection() -> None:
    _table(
        "connection",
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("crm", _exact(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_code", sa.String(64), nullable=False),
        sa.Column("state_message", _long(), nullable=False),
        sa.Column("auth_method", sa.String(32), nullable=False),
        sa.Column("credentials", _long(), nullable=False),
        sa.Column("remote_account_id", _exact(), nullable=False),
        sa.Column("remote_label", sa.String(255), nullable=False),
        sa.Column("traits", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("sync_contacts", sa.Boolean(), nullable=False),
        sa.Column("sync_notes", sa.Boolean(), nullable=False),
        sa.Column("interval_minutes", sa.Integer(), nullable=False),
        sa.Column("next_interval_at", _instant()),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.Column("blocked_until", _instant()),
        sa.Column("blocked_code", sa.String(64), nullable=False),
        sa.Column("blocked_message", _long(), nullable=False),
        sa.Column("blocked_count", sa.Integer(), nullable=False),
        sa.Column("tested_at", _instant()),
        sa.Column("last_success_at", _instant()),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_connection"),
        sa.UniqueConstraint("account_id", "crm", name="uq_crm_sync_connection_account_id_crm"),
    )


def _change() -> None:
    _table(
        "change",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("subject_type", sa.String(16), nullable=False),
        sa.Column("subject_id", _exact(), nullable=False),
        sa.Column("account_id", _exact()),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_change"),
    )


def _operation() -> None:
    _table(
        "operation",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("crm", _exact(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("subject_type", sa.String(16), nullable=False),
        sa.Column("subject_id", _exact(), nullable=False),
        sa.Column("client_id", _exact(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("pending_key", _exact(96)),
        sa.Column("due_at", _instant()),
        sa.Column("claim", sa.BigInteger()),
        sa.Column("claimed_at", _instant()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("batch_limit", sa.SmallInteger(), nullable=False),
        sa.Column("unknown", sa.Boolean(), nullable=False),
        sa.Column("retried_seconds", sa.Double(), nullable=False),
        sa.Column("decision", sa.String(255)),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("message", _long(), nullable=False),
        sa.Column("crm_message", _long(), nullable=False),
        sa.Column("details", sa.JSON()),
        sa.Column("remote_id", _exact()),
        sa.Column("remote_url", _long()),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("settled_at", _instant()),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_operation"),
        sa.UniqueConstraint("pending_key", name="uq_crm_sync_operation_pending_key"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["crm_sync_connection.id"], name="fk_crm_sync_operation_connection_id"
        ),
    )
    _index("ix_crm_sync_operation_due", "operation", "connection_id", "status", "lane", "due_at")
    _index("ix_crm_sync_operation_client", "operation", "client_id", "status")
    _index("ix_crm_sync_operation_subject", "operation", "subject_type", "subject_id", "created_at")
    _index("ix_crm_sync_operation_log", "operation", "account_id", "id")
    _index("ix_crm_sync_operation_status", "operation", "account_id", "status", "id")


def _link() -> None:
    _table(
        "link",
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("subject_type", sa.String(16), nullable=False),
        sa.Column("subject_id", _exact(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("remote_type", sa.String(32), nullable=False),
        sa.Column("remote_id", _exact()),
        sa.Column("remote_url", _long()),
        sa.Column("base", sa.JSON(), nullable=False),
        sa.Column("intents", sa.JSON()),
        sa.Column("host_version", sa.String(64), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_link"),
        sa.UniqueConstraint(
            "connection_id", "subject_type", "subject_id", name="uq_crm_sync_link_connection_id_subject_type_subject_id"
        ),
        sa.UniqueConstraint(
            "connection_id", "remote_type", "remote_id", name="uq_crm_sync_link_connection_id_remote_type_remote_id"
        ),
        sa.ForeignKeyConstraint(["connection_id"], ["crm_sync_connection.id"], name="fk_crm_sync_link_connection_id"),
    )


def _budget() -> None:
    _table(
        "budget",
        sa.Column("token_digest", _exact(64), nullable=False),
        sa.Column("window_started", sa.Double(), nullable=False),
        sa.Column("window_seconds", sa.Double(), nullable=False),
        sa.Column("window_limit", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("daily_limit", sa.Integer()),
        sa.Column("daily_remaining", sa.Integer()),
        sa.Column("daily_seen", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name="pk_crm_sync_budget"),
    )


def _scan() -> None:
    _table(
        "scan",
        sa.Column("name", _exact(32), nullable=False),
        sa.Column("after", _instant()),
        sa.Column("cursor", _exact(), nullable=False),
        sa.Column("ran_at", _instant()),
        sa.Column("note", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_crm_sync_scan"),
    )


def _heartbeat() -> None:
    _table(
        "heartbeat",
        sa.Column("name", _exact(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("beat_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_crm_sync_heartbeat"),
    )
