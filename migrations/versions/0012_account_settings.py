"""What an account chose for itself, beside its connections: whether contact details are masked before a review.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SETTINGS = "crm_sync_account_settings"
_CHARSET = {"mysql_charset": "utf8mb4", "mariadb_charset": "utf8mb4"}


def upgrade() -> None:
    """Make the table."""
    folded = mysql.VARCHAR(191, charset="utf8mb4", collation="utf8mb4_bin")
    instant = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    op.create_table(
        _SETTINGS,
        sa.Column("account_id", sa.String(191).with_variant(folded, "mysql", "mariadb"), nullable=False),
        sa.Column("ai_mask", sa.Boolean(), nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_crm_sync_account_settings"),
        if_not_exists=True,
        **_CHARSET,
    )


def downgrade() -> None:
    """Drop it; what accounts chose is lost, and the app's setting holds for all of them."""
    op.drop_table(_SETTINGS, if_exists=True)
