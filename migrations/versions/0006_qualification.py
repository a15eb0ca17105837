"""Qualification: criteria, what conversations were judged to be, the history, and news for people.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CRITERION, _QUALIFICATION, _JUDGEMENT, _NOTICE, _CONNECTION = (
    "crm_sync_criterion",
    "crm_sync_qualification",
    "crm_sync_judgement",
    "crm_sync_notice",
    "crm_sync_connection",
)
_INDEXES = (
    ("ix_crm_sync_qualification_client", _QUALIFICATION, ["client_id", "set_name", "status"]),
    ("ix_crm_sync_qualification_account", _QUALIFICATION, ["account_id", "set_name", "status", "updated_at"]),
    ("ix_crm_sync_qualification_judge", _QUALIFICATION, ["judge_at"]),
    ("ix_crm_sync_qualification_review", _QUALIFICATION, ["review_at"]),
    ("ix_crm_sync_judgement_conversation", _JUDGEMENT, ["conversation_id", "id"]),
    ("ix_crm_sync_judgement_account", _JUDGEMENT, ["account_id", "decided_by", "at"]),
    ("ix_crm_sync_notice_spread", _NOTICE, ["spread_at", "id"]),
    ("ix_crm_sync_notice_account", _NOTICE, ["account_id", "id"]),
)
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the tables, their indexes, and what connections know of qualification."""
    _make_criteria()
    _make_qualifications()
    _make_judgements()
    _make_notices()
    for name, table, columns in _INDEXES:
        if not _has_index(name, table):
            op.create_index(name, table, columns)
    for column in _new_columns():
        if not _has_column(column.name):
            op.add_column(_CONNECTION, column)


def downgrade() -> None:
    """Drop them; criteria and what was judged are lost."""
    for column in _new_columns():
        if context.is_offline_mode() or _has_column(column.name):
            op.drop_column(_CONNECTION, column.name)
    for table in (_NOTICE, _JUDGEMENT, _QUALIFICATION, _CRITERION):
        op.drop_table(table, if_exists=True)


def _new_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("qualified_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("criteria_set", _exact(64), server_default="default", nullable=False),
        sa.Column("follow_ups", sa.JSON(), nullable=True),
    ]


def _make_criteria() -> None:
    op.create_table(
        _CRITERION,
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("set_name", _exact(64), nullable=False),
        sa.Column("name", _exact(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_criterion"),
        sa.UniqueConstraint("account_id", "set_name", "name", name="uq_crm_sync_criterion_account_id_set_name_name"),
        if_not_exists=True,
        **_CHARSET,
    )


def _make_qualifications() -> None:
    op.create_table(
        _QUALIFICATION,
        sa.Column("id", _uuid(), nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("conversation_id", _exact(), nullable=False),
        sa.Column("client_id", _exact(), nullable=False),
        sa.Column("set_name", _exact(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.String(16), nullable=False),
        sa.Column("criterion_name", _exact(), nullable=False),
        sa.Column("criterion_version", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reason", _long(), nullable=False),
        sa.Column("judge_at", _instant(), nullable=True),
        sa.Column("judged_version", sa.String(64), nullable=False),
        sa.Column("review_at", _instant(), nullable=True),
        sa.Column("review_claim", sa.String(36), nullable=False),
        sa.Column("review_until", sa.Double(), nullable=False),
        sa.Column("review_attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("review_score", sa.Integer(), nullable=True),
        sa.Column("review_reason", _long(), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("reviewed_at", _instant(), nullable=True),
        sa.Column("ever_qualified_at", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_qualification"),
        sa.UniqueConstraint("conversation_id", "set_name", name="uq_crm_sync_qualification_conversation_id_set_name"),
        if_not_exists=True,
        **_CHARSET,
    )


def _make_judgements() -> None:
    op.create_table(
        _JUDGEMENT,
        sa.Column("id", _big_id(), autoincrement=True, nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("conversation_id", _exact(), nullable=False),
        sa.Column("client_id", _exact(), nullable=False),
        sa.Column("set_name", _exact(64), nullable=False),
        sa.Column("decided_by", sa.String(16), nullable=False),
        sa.Column("user_id", _exact(), nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("criterion_name", _exact(), nullable=False),
        sa.Column("criterion_version", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reason", _long(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_judgement"),
        if_not_exists=True,
        **_CHARSET,
    )


def _make_notices() -> None:
    op.create_table(
        _NOTICE,
        sa.Column("id", _big_id(), autoincrement=True, nullable=False),
        sa.Column("account_id", _exact(), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("digest", _exact(64), nullable=False),
        sa.Column("crm", _exact(32), nullable=False),
        sa.Column("client_id", _exact(), nullable=False),
        sa.Column("conversation_id", _exact(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("spread_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_crm_sync_notice"),
        sa.UniqueConstraint("digest", name="uq_crm_sync_notice_digest"),
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


def _has_column(name: str) -> bool:
    if context.is_offline_mode():
        return False
    return any(column["name"] == name for column in sa.inspect(op.get_bind()).get_columns(_CONNECTION))
