"""The audit trail: who changed what and when, kept beside the log and longer than it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, text_key


class AuditEntry(Base):
    """One thing that a person did.

    `user_id` is the host's id of the person, "" for whoever sits at the server's command line; names are the host's to
    know. `before` and `after` hold what changed, without secrets. Rows are added in the transaction of the change they
    tell of, and never changed, but that an erasure takes out what somebody wrote of the person.
    """

    __tablename__ = "crm_sync_audit"
    __table_args__ = (
        sa.Index("ix_crm_sync_audit_account", "account_id", "id"),
        sa.Index("ix_crm_sync_audit_user", "account_id", "user_id", "id"),
        sa.Index("ix_crm_sync_audit_subject", "account_id", "subject_type", "subject_id", "id"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(text_key())
    user_id: Mapped[str] = mapped_column(text_key())
    action: Mapped[str] = mapped_column(sa.String(32))
    subject_type: Mapped[str] = mapped_column(sa.String(16))
    subject_id: Mapped[str] = mapped_column(text_key())
    crm: Mapped[str] = mapped_column(text_key(32))
    before: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    after: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    at: Mapped[datetime] = mapped_column(Instant())
