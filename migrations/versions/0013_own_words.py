"""The words in which a channel is told its news, where whoever owns it wrote some.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_CHANNEL, _TEMPLATE = "crm_sync_channel", "template"


def upgrade() -> None:
    """Add the column."""
    if not _is_there():
        op.add_column(_CHANNEL, sa.Column(_TEMPLATE, sa.String(1000), nullable=True))


def downgrade() -> None:
    """Drop it; news is told in our words again."""
    if context.is_offline_mode() or _is_there():
        op.drop_column(_CHANNEL, _TEMPLATE)


def _is_there() -> bool:
    if context.is_offline_mode():
        return False
    return any(column["name"] == _TEMPLATE for column in sa.inspect(op.get_bind()).get_columns(_CHANNEL))
