"""Webhooks: the address of each connection, and what was told there.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WEBHOOK, _DELIVERY, _RECEIVED = "crm_sync_webhook", "crm_sync_delivery", "ix_crm_sync_delivery_received"
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Make both tables, then the index."""
    _make_webhooks()
    _make_deliveries()
    if not _has_index():
        op.create_index(_RECEIVED, _DELIVERY, ["connection_id", "received_at"])


def downgrade() -> None:
    """Drop them; addresses and secrets are lost."""
    op.drop_table(_DELIVERY, if_exists=True)
    op.drop_table(_WEBHOOK, if_exists=True)


def _make_webhooks() -> None:
    sealed = sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), "mysql", "mariadb")
    op.create_table(
        _WEBHOOK,
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("token_digest", _exact(64), nullable=False),
        sa.Column("sealed", sealed, nullable=False),
        sa.Column("previous_until", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["crm_sync_connection.id"], name="fk_crm_sync_webhook_connection_id"
        ),
        sa.PrimaryKeyConstraint("connection_id", name="pk_crm_sync_webhook"),
        sa.UniqueConstraint("token_digest", name="uq_crm_sync_webhook_token_digest"),
        if_not_exists=True,
        **_CHARSET,
    )


def _make_deliveries() -> None:
    op.create_table(
        _DELIVERY,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("digest", _exact(64), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("remote_id", _exact(), nullable=False),
        sa.Column("happened_at", _instant(), nullable=True),
        sa.Column("received_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["crm_sync_connection.id"], name="fk_crm_sync_delivery_connection_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_delivery"),
        sa.UniqueConstraint("connection_id", "digest", name="uq_crm_sync_delivery_connection_id_digest"),
        if_not_exists=True,
        **_CHARSET,
    )


def _uuid() -> sa.Uuid[object]:
    return sa.Uuid(as_uuid=True, native_uuid=False)


def _instant() -> sa.types.TypeEngine[object]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _exact(length: int = 191) -> sa.types.TypeEngine[str]:
    """A text that is compared letter by letter, also where the database folds case by default."""
    folded = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(folded, "mysql", "mariadb")


def _has_index() -> bool:
    """Tell whether the index is there; MySQL has no IF NOT EXISTS for it."""
    if context.is_offline_mode():
        return False
    return any(index["name"] == _RECEIVED for index in sa.inspect(op.get_bind()).get_indexes(_DELIVERY))
