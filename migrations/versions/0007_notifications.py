"""Notifications: where people are told, what is owed to each place, and what was read.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_CHANNEL, _NOTIFICATION, _SEEN = "crm_sync_channel", "crm_sync_notification", "crm_sync_seen_notice"
_INDEXES = (
    ("ix_crm_sync_channel_account", _CHANNEL, ["account_id", "user_id"]),
    ("ix_crm_sync_notification_due", _NOTIFICATION, ["status", "due_at"]),
    ("ix_crm_sync_notification_channel", _NOTIFICATION, ["channel_id", "status", "due_at"]),
    ("ix_crm_sync_notification_bundled", _NOTIFICATION, ["channel_id", "bundled_at"]),
    ("ix_crm_sync_seen_notice_notice", _SEEN, ["notice_id"]),
)
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the tables and their indexes."""
    _make_channels()
    _make_notifications()
    _make_seen()
    for name, table, columns in _INDEXES:
        if not _has_index(name, table):
            op.create_index(name, table, columns)


def downgrade() -> None:
    """Drop them; where people wanted to be told is lost."""
    for table in (_SEEN, _NOTIFICATION, _CHANNEL):
        op.drop_table(table, if_exists=True)


def _make_channels() -> None:
    op.create_table(
        _CHANNEL,
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("address", _long(), nullable=False),
        sa.Column("shown", sa.String(255), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("rhythm", sa.String(16), nullable=False),
        sa.Column("daily_at", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_to", sa.Integer(), nullable=True),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("sent_at", _instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", _instant(), nullable=True),
        sa.Column("failing_code", sa.String(64), nullable=False),
        sa.Column("retry_at", _instant(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_channel"),
        if_not_exists=True,
        **_CHARSET,
    )


def _make_notifications() -> None:
    op.create_table(
        _NOTIFICATION,
        sa.Column("id", _big_id(), autoincrement=True, nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("channel_id", _uuid(), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("due_at", _instant(), nullable=True),
        sa.Column("bundle", _uuid(), nullable=True),
        sa.Column("bundled_at", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("settled_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_notification"),
        sa.UniqueConstraint("channel_id", "notice_id", name="uq_crm_sync_notification_channel_id_notice_id"),
        if_not_exists=True,
        **_CHARSET,
    )


def _make_seen() -> None:
    op.create_table(
        _SEEN,
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "user_id", "notice_id", name="pk_crm_sync_seen_notice"),
        if_not_exists=True,
        **_CHARSET,
    )


def _uuid() -> sa.Uuid[object]:
    return sa.Uuid(as_uuid=True, native_uuid=False)


def _big_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


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
