"""A retry of all that failed for one cause: a person asked for it, and the workers do it slice by slice."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, text_key


class RetryRun(Base):
    """One row for each time that somebody asked for it.

    It takes entries with numbers from `first_id` to `last_id`, oldest first, and has looked at those up to
    `reached_id`; `done` of them wait again. `crm` is "" for all. `total` is what there was to do, as far as it was
    counted. `ended_at` is null while anything is left to do.
    """

    __tablename__ = "crm_sync_retry_run"
    __table_args__ = (
        sa.Index("ix_crm_sync_retry_run_open", "ended_at", "id"),
        sa.Index("ix_crm_sync_retry_run_account", "account_id", "ended_at"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(text_key())
    user_id: Mapped[str] = mapped_column(text_key())
    reason: Mapped[str] = mapped_column(sa.String(64))
    crm: Mapped[str] = mapped_column(text_key(32))
    first_id: Mapped[int] = mapped_column(sa.BigInteger())
    last_id: Mapped[int] = mapped_column(sa.BigInteger())
    reached_id: Mapped[int] = mapped_column(sa.BigInteger())
    done: Mapped[int] = mapped_column(sa.BigInteger())
    total: Mapped[int] = mapped_column(sa.BigInteger())
    cancelled: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    created_at: Mapped[datetime] = mapped_column(Instant())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())
