"""${message}

- A release before this one must run on the new schema: add with a default now, drop two releases later.
- MariaDB cannot roll back a table change: one statement a revision, or statements that can be run again.
- Spell the column types out; a revision must not change when the models do.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
