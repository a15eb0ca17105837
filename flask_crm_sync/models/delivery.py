"""A delivery: a CRM's word that one of its records changed; a hint to look there, without what it said."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, row_uuid, text_key


class Delivery(Base):
    """One row for each event that we use.

    `digest` names the event, so that one told twice is known. `happened_at` is the CRM's time, where it can be read;
    `received_at` is ours. The event's content is not kept: the record is read from the CRM when the hint is used,
    at `used_at`; on a connection that is synced one way it never is.
    """

    __tablename__ = "crm_sync_delivery"
    __table_args__ = (
        sa.UniqueConstraint("connection_id", "digest"),
        sa.Index("ix_crm_sync_delivery_received", "connection_id", "received_at"),
        sa.Index("ix_crm_sync_delivery_used", "connection_id", "used_at", "id"),
        sa.Index("ix_crm_sync_delivery_record", "connection_id", "remote_id"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_connection.id"))
    digest: Mapped[str] = mapped_column(text_key(64))
    event: Mapped[str] = mapped_column(sa.String(64))
    remote_id: Mapped[str] = mapped_column(text_key())
    happened_at: Mapped[datetime | None] = mapped_column(Instant())
    received_at: Mapped[datetime] = mapped_column(Instant())
    used_at: Mapped[datetime | None] = mapped_column(Instant())
