"""Whom the client of a link was merged into, and indexes by client for what an erasure takes away.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_LINK, _MERGED_INTO = "crm_sync_link", "merged_into"
_INDEXES = (
    ("ix_crm_sync_link_merged_into", _LINK, ["connection_id", "merged_into"]),
    ("ix_crm_sync_qualification_owner", "crm_sync_qualification", ["account_id", "client_id"]),
    ("ix_crm_sync_judgement_client", "crm_sync_judgement", ["account_id", "client_id"]),
    ("ix_crm_sync_notice_client", "crm_sync_notice", ["account_id", "client_id"]),
    ("ix_crm_sync_notification_notice", "crm_sync_notification", ["notice_id"]),
    ("ix_crm_sync_delivery_record", "crm_sync_delivery", ["connection_id", "remote_id"]),
)


def upgrade() -> None:
    """Add the column and the indexes."""
    if not _has_column():
        op.add_column(_LINK, sa.Column(_MERGED_INTO, _exact(), nullable=True))
    for name, table, names in _INDEXES:
        if not _has_index(name, table):
            op.create_index(name, table, names)


def downgrade() -> None:
    """Drop them; who was merged into whom is lost, but where the host knows."""
    for name, table, _ in _INDEXES:
        if context.is_offline_mode() or _has_index(name, table):
            op.drop_index(name, table_name=table)
    if context.is_offline_mode() or _has_column():
        op.drop_column(_LINK, _MERGED_INTO)


def _exact() -> sa.types.TypeEngine[str]:
    """A text that is compared letter by letter, also where the database folds case by default."""
    folded = mysql.VARCHAR(191, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(191).with_variant(folded, "mysql", "mariadb")


def _has_index(name: str, table: str) -> bool:
    """Tell whether the index is there; MySQL has no IF NOT EXISTS for it."""
    if context.is_offline_mode():
        return False
    return any(index["name"] == name for index in sa.inspect(op.get_bind()).get_indexes(table))


def _has_column() -> bool:
    if context.is_offline_mode():
        return False
    return any(column["name"] == _MERGED_INTO for column in sa.inspect(op.get_bind()).get_columns(_LINK))
