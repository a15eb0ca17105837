"""As whom a connection's key works in the CRM.

The statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLE, _COLUMN = "crm_sync_connection", "remote_user"


def upgrade() -> None:
    """Add the column; the next test call fills it."""
    if not _has_column():
        op.add_column(_TABLE, sa.Column(_COLUMN, sa.String(255), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it."""
    if context.is_offline_mode() or _has_column():
        op.drop_column(_TABLE, _COLUMN)


def _has_column() -> bool:
    if context.is_offline_mode():
        return False
    return any(column["name"] == _COLUMN for column in sa.inspect(op.get_bind()).get_columns(_TABLE))
