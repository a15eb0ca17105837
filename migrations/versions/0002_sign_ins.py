"""Sign-ins: those in progress, and which one a connection's tokens belong to.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CONNECTION, _SIGN_IN = "crm_sync_connection", "crm_sync_sign_in"
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def _exact(length: int = 191) -> sa.types.TypeEngine[str]:
    """A text that is compared letter by letter, also where the database folds case by default."""
    folded = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(folded, "mysql", "mariadb")


def _long() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), "mysql", "mariadb")


def _instant() -> sa.types.TypeEngine[object]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("sign_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("renewals", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("renewing_until", sa.Double(), server_default="0", nullable=False),
    )


def upgrade() -> None:
    """Count sign-ins and renewals on connections, and make the table of sign-ins in progress."""
    there = _names_of_columns()
    for column in _columns():
        if column.name not in there:
            op.add_column(_CONNECTION, column)
    _make_table()


def downgrade() -> None:
    """Take both away; who is on the way to a CRM must start again."""
    op.drop_table(_SIGN_IN, if_exists=True)
    there = _names_of_columns()
    for column in _columns():
        if context.is_offline_mode() or column.name in there:
            op.drop_column(_CONNECTION, column.name)


def _names_of_columns() -> set[str]:
    if context.is_offline_mode():
        return set()
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(_CONNECTION)}


def _make_table() -> None:
    op.create_table(
        _SIGN_IN,
        sa.Column("id", sa.Uuid(as_uuid=True, native_uuid=False), nullable=False),
        sa.Column("state_digest", _exact(64), nullable=False),
        sa.Column("browser_digest", _exact(64), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("crm", _exact(32), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("sealed", _long(), nullable=False),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_sign_in"),
        sa.UniqueConstraint("state_digest", name="uq_crm_sync_sign_in_state_digest"),
        if_not_exists=True,
        **_CHARSET,
    )
    index = "ix_crm_sync_sign_in_expires_at"
    if not context.is_offline_mode():
        there = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(_SIGN_IN)}
        if index in there:
            return
    op.create_index(index, _SIGN_IN, ["expires_at"])
