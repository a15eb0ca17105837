"""A notice: something that people may want to be told, written in the transaction in which it happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, text_key

LEAD_QUALIFIED, REVIEW_CHANGED, NEEDS_ATTENTION, MANY_FAILURES = (
    "lead_qualified",
    "review_changed",
    "connection_needs_attention",
    "many_failures",
)
EVENTS = (LEAD_QUALIFIED, REVIEW_CHANGED, NEEDS_ATTENTION, MANY_FAILURES)


class Notice(Base):
    """One thing that happened, once.

    `digest` names the change of state, so that it is told once, whatever is run again. `spread_at` is null until the
    notice has been turned into messages. `data` holds ids and codes: no name, no address, no text of a client.
    """

    __tablename__ = "crm_sync_notice"
    __table_args__ = (
        sa.UniqueConstraint("digest"),
        sa.Index("ix_crm_sync_notice_spread", "spread_at", "id"),
        sa.Index("ix_crm_sync_notice_account", "account_id", "id"),
        sa.Index("ix_crm_sync_notice_client", "account_id", "client_id"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(text_key())
    event: Mapped[str] = mapped_column(sa.String(32))
    digest: Mapped[str] = mapped_column(text_key(64))
    crm: Mapped[str] = mapped_column(text_key(32), default="")
    client_id: Mapped[str] = mapped_column(text_key(), default="")
    conversation_id: Mapped[str] = mapped_column(text_key(), default="")
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON(), default=dict)
    created_at: Mapped[datetime] = mapped_column(Instant())
    spread_at: Mapped[datetime | None] = mapped_column(Instant())
