"""Retries of all that failed for one cause: what is owed of them, and how far each has come.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_RUN = "crm_sync_retry_run"
_INDEXES = (
    ("ix_crm_sync_retry_run_open", ["ended_at", "id"]),
    ("ix_crm_sync_retry_run_account", ["account_id", "ended_at"]),
)
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the table and its indexes."""
    op.create_table(
        _RUN,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("crm", _exact(32), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("reached_id", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("ended_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_retry_run"),
        if_not_exists=True,
        **_CHARSET,
    )
    for name, columns in _INDEXES:
        if not _has_index(name):
            op.create_index(name, _RUN, columns)


def downgrade() -> None:
    """Drop it; what is owed of a retry is lost, and its entries stay failed."""
    op.drop_table(_RUN, if_exists=True)


def _instant() -> sa.types.TypeEngine[object]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _exact(length: int = 191) -> sa.types.TypeEngine[str]:
    """A text that is compared letter by letter, also where the database folds case by default."""
    folded = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(folded, "mysql", "mariadb")


def _has_index(name: str) -> bool:
    """Tell whether the index is there; MySQL has no IF NOT EXISTS for it."""
    if context.is_offline_mode():
        return False
    return any(index["name"] == name for index in sa.inspect(op.get_bind()).get_indexes(_RUN))
