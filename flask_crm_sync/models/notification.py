"""A notification: one notice owed to one channel."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, row_uuid, text_key

PENDING, SENT, FAILED = "pending", "sent", "failed"


class Notification(Base):
    """One row for each notice and channel, so that a channel is told of a notice once.

    `bundle` is set when it is first sent: those with the same one travel together, and it is the id that the receiver
    sees, on each attempt the same. `bundled_at` is when that was. `reason` says why a failed one was given up.
    """

    __tablename__ = "crm_sync_notification"
    __table_args__ = (
        sa.UniqueConstraint("channel_id", "notice_id"),
        sa.Index("ix_crm_sync_notification_due", "status", "due_at"),
        sa.Index("ix_crm_sync_notification_channel", "channel_id", "status", "due_at"),
        sa.Index("ix_crm_sync_notification_bundled", "channel_id", "bundled_at"),
        sa.Index("ix_crm_sync_notification_notice", "notice_id"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(text_key())
    channel_id: Mapped[uuid.UUID] = mapped_column(row_uuid())
    notice_id: Mapped[int] = mapped_column(sa.BigInteger())
    status: Mapped[str] = mapped_column(sa.String(16), default=PENDING)
    reason: Mapped[str] = mapped_column(sa.String(64), default="")
    due_at: Mapped[datetime | None] = mapped_column(Instant())
    bundle: Mapped[uuid.UUID | None] = mapped_column(row_uuid())
    bundled_at: Mapped[datetime | None] = mapped_column(Instant())
    created_at: Mapped[datetime] = mapped_column(Instant())
    settled_at: Mapped[datetime | None] = mapped_column(Instant())
