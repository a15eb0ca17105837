"""Two ways: what connections, changes, links and hints know of it, and the conflicts.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_CHANGE, _CONFLICT, _CONNECTION, _DELIVERY, _LINK = (
    "crm_sync_change",
    "crm_sync_conflict",
    "crm_sync_connection",
    "crm_sync_delivery",
    "crm_sync_link",
)
_INDEXES = (
    ("ix_crm_sync_conflict_account", _CONFLICT, ["account_id", "state", "id"]),
    ("ix_crm_sync_conflict_client", _CONFLICT, ["connection_id", "client_id", "state"]),
    ("ix_crm_sync_delivery_used", _DELIVERY, ["connection_id", "used_at", "id"]),
)
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the table, the new columns and the indexes."""
    _make_conflicts()
    for table, columns in _new_columns().items():
        for column in columns:
            if not _has_column(table, column.name):
                op.add_column(table, column)
    for name, table, names in _INDEXES:
        if not _has_index(name, table):
            op.create_index(name, table, names)


def downgrade() -> None:
    """Drop them; conflicts that waited are lost, and so is how far each CRM was read."""
    name, table, _ = _INDEXES[-1]
    if context.is_offline_mode() or _has_index(name, table):
        op.drop_index(name, table_name=table)
    for table, columns in _new_columns().items():
        for column in columns:
            if context.is_offline_mode() or _has_column(table, column.name):
                op.drop_column(table, column.name)
    op.drop_table(_CONFLICT, if_exists=True)


def _make_conflicts() -> None:
    op.create_table(
        _CONFLICT,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("crm", _exact(32), nullable=False),
        sa.Column("client_id", _exact(), nullable=False),
        sa.Column("field", _exact(), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("open_key", _exact(96), nullable=True),
        sa.Column("ours", sa.String(32), nullable=False),
        sa.Column("theirs", sa.String(32), nullable=False),
        sa.Column("choice", sa.String(16), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("decided_at", _instant(), nullable=True),
        sa.Column("settled_at", _instant(), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], [f"{_CONNECTION}.id"], name="fk_crm_sync_conflict_connection_id"),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_conflict"),
        sa.UniqueConstraint("open_key", name="uq_crm_sync_conflict_open_key"),
        if_not_exists=True,
        **_CHARSET,
    )


def _new_columns() -> dict[str, list[sa.Column[object]]]:
    return {
        _CHANGE: [sa.Column("origin", _uuid(), nullable=True)],
        _DELIVERY: [sa.Column("used_at", _instant(), nullable=True)],
        _LINK: [sa.Column("flips", sa.JSON(), nullable=True)],
        _CONNECTION: [
            sa.Column("two_way", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("create_clients", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("field_rules", sa.JSON(), nullable=True),
            sa.Column("pull_at", _instant(), nullable=True),
            sa.Column("polled_at", _instant(), nullable=True),
            sa.Column("poll_cursor", _long(), nullable=True),
            sa.Column("pull_code", sa.String(64), server_default="", nullable=False),
            sa.Column("pulled", sa.BigInteger(), server_default="0", nullable=False),
            sa.Column("echoes", sa.BigInteger(), server_default="0", nullable=False),
        ],
    }


def _uuid() -> sa.Uuid[object]:
    return sa.Uuid(as_uuid=True, native_uuid=False)


def _instant() -> sa.types.TypeEngine[object]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _long() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), "mysql", "mariadb")


def _exact(length: int = 191) -> sa.types.TypeEngine[str]:
    """A text that is compared letter by letter, also where the database folds case by default."""
    folded = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(folded, "mysql", "mariadb")


def _has_index(name: str, table: str) -> bool:
    """Tell whether the index is there; MySQL has no IF NOT EXISTS for it."""
    if context.is_offline_mode():
        return False
    return any(index["name"] == name for index in sa.inspect(op.get_bind()).get_indexes(table))


def _has_column(table: str, name: str) -> bool:
    if context.is_offline_mode():
        return False
    return any(column["name"] == name for column in sa.inspect(op.get_bind()).get_columns(table))
