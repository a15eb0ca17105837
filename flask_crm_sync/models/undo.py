"""What a write of ours replaced in a CRM: kept encrypted for a while, so that it can be put back."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, long_text, row_uuid, text_key

KEPT, RETURNED, CHANGED = "kept", "returned", "changed"


class Overwritten(Base):
    """One value of one field, as the CRM had it before an operation of ours wrote another.

    `sealed` is that value, encrypted; `sent` is the digest of what was written over it, as a link's base has it. `lane`
    is the operation's. `state` is `kept` until somebody asks for it: `returned` then, or `changed` where the field has
    another value by now than the one that we wrote. `put_back_by` is the operation that is to put it back.
    """

    __tablename__ = "crm_sync_overwritten"
    __table_args__ = (
        sa.UniqueConstraint("operation_id", "field"),
        sa.Index("ix_crm_sync_overwritten_connection", "connection_id", "written_at", "id"),
        sa.Index("ix_crm_sync_overwritten_client", "connection_id", "client_id", "written_at"),
        sa.Index("ix_crm_sync_overwritten_written_at", "written_at"),
        sa.Index("ix_crm_sync_overwritten_put_back_by", "put_back_by"),
        Base.__table_args__,
    )

    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), primary_key=True, default=uuid.uuid4)
    account_id: Mapped[str] = mapped_column(text_key())
    connection_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_connection.id"))
    client_id: Mapped[str] = mapped_column(text_key())
    operation_id: Mapped[int] = mapped_column(sa.BigInteger())
    lane: Mapped[int] = mapped_column(sa.SmallInteger())
    field: Mapped[str] = mapped_column(text_key())
    sealed: Mapped[str] = mapped_column(long_text())
    sent: Mapped[str] = mapped_column(sa.String(32))
    state: Mapped[str] = mapped_column(sa.String(16), default=KEPT)
    put_back_by: Mapped[int | None] = mapped_column(sa.BigInteger())
    written_at: Mapped[datetime] = mapped_column(Instant())
    settled_at: Mapped[datetime | None] = mapped_column(Instant())
