"""Indexes: what is due in a lane comes in its own order, and the log's filters by CRM and by kind read what they show.

Every statement can be run again: MariaDB keeps what was made before a crash half way, and the next run goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLE = "crm_sync_operation"
_NEW = {
    "ix_crm_sync_operation_lane": ["connection_id", "status", "lane", "due_at", "id"],
    "ix_crm_sync_operation_crm": ["account_id", "crm", "id"],
    "ix_crm_sync_operation_kind": ["account_id", "kind", "id"],
}
_OLD = {"ix_crm_sync_operation_due": ["connection_id", "status", "lane", "due_at"]}


def upgrade() -> None:
    """Make the new ones, then drop the old one: MariaDB wants an index under the foreign key at every moment."""
    _make(_NEW)
    _drop(_OLD)


def downgrade() -> None:
    """Go back the same way."""
    _make(_OLD)
    _drop(_NEW)


def _make(indexes: dict[str, list[str]]) -> None:
    there = _names()
    for name, columns in indexes.items():
        if name not in there:
            op.create_index(name, _TABLE, columns)


def _drop(indexes: dict[str, list[str]]) -> None:
    there = _names()
    for name in indexes:
        if context.is_offline_mode() or name in there:
            op.drop_index(name, _TABLE)


def _names() -> set[str | None]:
    """Return the indexes that are there; MySQL has no IF NOT EXISTS for them."""
    if context.is_offline_mode():
        return set()
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(_TABLE)}
