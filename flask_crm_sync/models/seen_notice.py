"""A notice that somebody has marked as read on the pages."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, text_key


class SeenNotice(Base):
    """One row for each notice and user; `user_id` is the host's id."""

    __tablename__ = "crm_sync_seen_notice"
    __table_args__ = (sa.Index("ix_crm_sync_seen_notice_notice", "notice_id"), Base.__table_args__)

    account_id: Mapped[str] = mapped_column(text_key(), primary_key=True)
    user_id: Mapped[str] = mapped_column(text_key(), primary_key=True)
    notice_id: Mapped[int] = mapped_column(sa.BigInteger(), primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant())
