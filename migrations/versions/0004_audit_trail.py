"""The audit trail, and indexes for every filter of the log: one for all of status, CRM and kind, one for the cause.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_AUDIT, _OPERATION = "crm_sync_audit", "crm_sync_operation"
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}
_OF_AUDIT = {
    "ix_crm_sync_audit_account": ["account_id", "id"],
    "ix_crm_sync_audit_user": ["account_id", "user_id", "id"],
    "ix_crm_sync_audit_subject": ["account_id", "subject_type", "subject_id", "id"],
}
_NEW = {
    "ix_crm_sync_operation_filter": ["account_id", "status", "crm", "kind", "id"],
    "ix_crm_sync_operation_reason": ["account_id", "reason", "crm", "kind", "id"],
}
_OLD = {
    "ix_crm_sync_operation_crm": ["account_id", "crm", "id"],
    "ix_crm_sync_operation_kind": ["account_id", "kind", "id"],
}


def upgrade() -> None:
    """Make the table and its indexes, then the operations' new indexes, then drop those that they replace."""
    _make_table()
    _make(_AUDIT, _OF_AUDIT)
    _make(_OPERATION, _NEW)
    _drop(_OPERATION, _OLD)


def downgrade() -> None:
    """Go back the same way; the audit trail is lost."""
    _make(_OPERATION, _OLD)
    _drop(_OPERATION, _NEW)
    op.drop_table(_AUDIT, if_exists=True)


def _make_table() -> None:
    op.create_table(
        _AUDIT,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject_type", sa.String(16), nullable=False),
        sa.Column("subject_id", _exact(), nullable=False),
        sa.Column("crm", _exact(32), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("at", sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_audit"),
        if_not_exists=True,
        **_CHARSET,
    )


def _exact(length: int = 191) -> sa.types.TypeEngine[str]:
    """A text that is compared letter by letter, also where the database folds case by default."""
    folded = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(folded, "mysql", "mariadb")


def _make(table: str, indexes: dict[str, list[str]]) -> None:
    there = _names(table)
    for name, columns in indexes.items():
        if name not in there:
            op.create_index(name, table, columns)


def _drop(table: str, indexes: dict[str, list[str]]) -> None:
    there = _names(table)
    for name in indexes:
        if context.is_offline_mode() or name in there:
            op.drop_index(name, table)


def _names(table: str) -> set[str | None]:
    """Return the indexes that are there; MySQL has no IF NOT EXISTS for them."""
    if context.is_offline_mode():
        return set()
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
