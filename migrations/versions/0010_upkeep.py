"""Upkeep: values that were overwritten, erasures with their receipts, and the read-back of what was agreed.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OVERWRITTEN, _ERASURE, _RECEIPT, _ERASED, _AGREEMENT = (
    "crm_sync_overwritten",
    "crm_sync_erasure",
    "crm_sync_receipt",
    "crm_sync_erased",
    "crm_sync_agreement",
)
_INDEXES = (
    ("ix_crm_sync_overwritten_connection", _OVERWRITTEN, ["connection_id", "written_at", "id"]),
    ("ix_crm_sync_overwritten_client", _OVERWRITTEN, ["connection_id", "client_id", "written_at"]),
    ("ix_crm_sync_overwritten_written_at", _OVERWRITTEN, ["written_at"]),
    ("ix_crm_sync_overwritten_put_back_by", _OVERWRITTEN, ["put_back_by"]),
    ("ix_crm_sync_erasure_account", _ERASURE, ["account_id", "requested_at", "id"]),
    ("ix_crm_sync_erasure_client", _ERASURE, ["account_id", "client_id"]),
    ("ix_crm_sync_receipt_operation", _RECEIPT, ["operation_id"]),
    ("ix_crm_sync_erased_digest", _ERASED, ["account_id", "digest"]),
    ("ix_crm_sync_agreement_due_at", _AGREEMENT, ["due_at"]),
)
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the tables and their indexes."""
    _make_overwritten()
    _make_erasures()
    _make_receipts()
    _make_erased()
    _make_agreements()
    for name, table, names in _INDEXES:
        if not _has_index(name, table):
            op.create_index(name, table, names)


def downgrade() -> None:
    """Drop them; receipts are lost, and so is what keeps erased people from coming back."""
    for table in (_AGREEMENT, _ERASED, _RECEIPT, _ERASURE, _OVERWRITTEN):
        op.drop_table(table, if_exists=True)


def _make_overwritten() -> None:
    _make(
        _OVERWRITTEN,
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("client_id", _exact(), nullable=False),
        sa.Column("operation_id", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("field", _exact(), nullable=False),
        sa.Column("sealed", _long(), nullable=False),
        sa.Column("sent", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("put_back_by", sa.BigInteger(), nullable=True),
        sa.Column("written_at", _instant(), nullable=False),
        sa.Column("settled_at", _instant(), nullable=True),
        _of_connection(_OVERWRITTEN),
        sa.UniqueConstraint("operation_id", "field", name="uq_crm_sync_overwritten_operation_id_field"),
    )


def _make_erasures() -> None:
    _make(
        _ERASURE,
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("client_id", _exact(), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("requested_at", _instant(), nullable=False),
        sa.Column("lifted_at", _instant(), nullable=True),
        sa.Column("lifted_by", _exact(), nullable=False),
    )


def _make_receipts() -> None:
    _make(
        _RECEIPT,
        _number(),
        sa.Column("erasure_id", _uuid(), nullable=False),
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("crm", _exact(32), nullable=False),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("says", _long(), nullable=False),
        sa.Column("notes", sa.Integer(), nullable=False),
        sa.Column("records", sa.JSON(), nullable=True),
        sa.Column("settled_at", _instant(), nullable=True),
        _of_erasure(_RECEIPT),
        _of_connection(_RECEIPT),
        sa.UniqueConstraint("erasure_id", "connection_id", name="uq_crm_sync_receipt_erasure_id_connection_id"),
    )


def _make_erased() -> None:
    _make(
        _ERASED,
        _number(),
        sa.Column("erasure_id", _uuid(), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("digest", _exact(64), nullable=False),
        _of_erasure(_ERASED),
        sa.UniqueConstraint("erasure_id", "digest", name="uq_crm_sync_erased_erasure_id_digest"),
    )


def _make_agreements() -> None:
    op.create_table(
        _AGREEMENT,
        sa.Column("connection_id", _uuid(), nullable=False),
        sa.Column("cursor", _exact(), nullable=False),
        sa.Column("due_at", _instant(), nullable=False),
        sa.Column("ran_at", _instant(), nullable=True),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("drifted", sa.Integer(), nullable=False),
        sa.Column("repaired", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        _of_connection(_AGREEMENT),
        sa.PrimaryKeyConstraint("connection_id", name=f"pk_{_AGREEMENT}"),
        if_not_exists=True,
        **_CHARSET,
    )


def _make(table: str, *parts: sa.schema.SchemaItem) -> None:
    key = sa.PrimaryKeyConstraint("id", name=f"pk_{table}")
    op.create_table(table, *parts, key, if_not_exists=True, **_CHARSET)


def _number() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, autoincrement=True, nullable=False)


def _of_connection(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["connection_id"], ["crm_sync_connection.id"], name=f"fk_{table}_connection_id")


def _of_erasure(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["erasure_id"], [f"{_ERASURE}.id"], name=f"fk_{table}_erasure_id")


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
