"""Whether contact details are masked before an account's conversations leave for a review: the account's own choice."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..config import Settings
from ..models import AccountSettings
from ..sync.audit import SETTINGS, record
from ..sync.context import Sync

REVIEW = "review"
"""What the audit trail says that was changed."""

_table: sa.Table = sa.inspect(AccountSettings).local_table  # type: ignore[assignment]


def masks(connection: sa.Connection, account_id: str, settings: Settings) -> bool:
    """Tell whether contact details of an account's clients are masked; as the app is set up until the account chose."""
    chosen = connection.execute(sa.select(_table.c.ai_mask).where(_table.c.account_id == account_id)).scalar()
    return settings.ai_mask if chosen is None else bool(chosen)


def choose_masking(sync: Sync, account_id: str, mask: bool, *, by: str) -> None:
    """Keep an account's choice, with a trace of it where it changes anything."""
    choose = partial(_choose, sync, account_id, mask, by)
    try:
        choose()
    except IntegrityError:  # somebody of the account chose for the first time at this very moment
        choose()


def _choose(sync: Sync, account_id: str, mask: bool, by: str) -> None:
    now, own = sync.clock.now(), _table.c.account_id == account_id
    values = {"ai_mask": mask, "updated_at": now}
    with sync.database.write() as connection:
        before = masks(connection, account_id, sync.settings)
        if not connection.execute(_table.update().where(own).values(values)).rowcount:
            connection.execute(_table.insert().values(account_id=account_id, **values))
        if before != mask:
            was, becomes = {"ai_mask": before}, {"ai_mask": mask}
            record(connection, account_id, SETTINGS, now=now, by=by, subject_type=REVIEW, before=was, after=becomes)
