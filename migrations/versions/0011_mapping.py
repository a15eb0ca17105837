"""Field mapping: its versions, the CRMs' descriptions of their fields, and the mapping that a connection goes by.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_CONNECTION, _MAPPING, _SCHEMA = "crm_sync_connection", "crm_sync_mapping", "crm_sync_schema"
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the tables and the column."""
    op.create_table(
        _MAPPING,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("restored", sa.Integer(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], [f"{_CONNECTION}.id"], name="fk_crm_sync_mapping_connection_id"),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_mapping"),
        sa.UniqueConstraint("connection_id", "version", name="uq_crm_sync_mapping_connection_id_version"),
        if_not_exists=True,
        **_CHARSET,
    )
    op.create_table(
        _SCHEMA,
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("fetched_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], [f"{_CONNECTION}.id"], name="fk_crm_sync_schema_connection_id"),
        sa.PrimaryKeyConstraint("connection_id", name="pk_crm_sync_schema"),
        if_not_exists=True,
        **_CHARSET,
    )
    if not _has_mapping():
        op.add_column(_CONNECTION, sa.Column("mapping", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop them; every connection then writes the fields that its CRM is given by default."""
    if context.is_offline_mode() or _has_mapping():
        op.drop_column(_CONNECTION, "mapping")
    op.drop_table(_SCHEMA, if_exists=True)
    op.drop_table(_MAPPING, if_exists=True)


def _uuid() -> sa.Uuid[object]:
    return sa.Uuid(as_uuid=True, native_uuid=False)


def _instant() -> sa.types.TypeEngine[object]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _exact(length: int = 191) -> sa.types.TypeEngine[str]:
    """A text that is compared letter by letter, also where the database folds case by default."""
    folded = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(folded, "mysql", "mariadb")


def _has_mapping() -> bool:
    if context.is_offline_mode():
        return False
    return any(column["name"] == "mapping" for column in sa.inspect(op.get_bind()).get_columns(_CONNECTION))
