"""Agreement: how far a connection's read-back has come, and how many records it found to differ."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, row_uuid, text_key


class Agreement(Base):
    """One row for each connection that was ever compared.

    `cursor` is the client behind whom the next sample begins, `due_at` when that is. The numbers are the last run's:
    records compared, those that differed though nobody had decided so, those of them that were sent again, and those
    that are gone in the CRM.
    """

    __tablename__ = "crm_sync_agreement"
    __table_args__ = (sa.Index("ix_crm_sync_agreement_due_at", "due_at"), Base.__table_args__)

    connection_id: Mapped[uuid.UUID] = mapped_column(
        row_uuid(), sa.ForeignKey("crm_sync_connection.id"), primary_key=True
    )
    cursor: Mapped[str] = mapped_column(text_key(), default="")
    due_at: Mapped[datetime] = mapped_column(Instant())
    ran_at: Mapped[datetime | None] = mapped_column(Instant())
    checked: Mapped[int] = mapped_column(sa.Integer(), default=0)
    drifted: Mapped[int] = mapped_column(sa.Integer(), default=0)
    repaired: Mapped[int] = mapped_column(sa.Integer(), default=0)
    gone: Mapped[int] = mapped_column(sa.Integer(), default=0)
