"""A webhook: the address at which a CRM tells one connection what changed there."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, long_text, row_uuid, text_key


class Webhook(Base):
    """At most one for each connection.

    `token_digest` is a digest of what stands in the address. `sealed` is encrypted: that token, the secret that
    deliveries are signed with, and the one before it, which is good until `previous_until`.
    """

    __tablename__ = "crm_sync_webhook"
    __table_args__ = (sa.UniqueConstraint("token_digest"), Base.__table_args__)

    connection_id: Mapped[uuid.UUID] = mapped_column(
        row_uuid(), sa.ForeignKey("crm_sync_connection.id"), primary_key=True
    )
    token_digest: Mapped[str] = mapped_column(text_key(64))
    sealed: Mapped[str] = mapped_column(long_text())
    previous_until: Mapped[datetime | None] = mapped_column(Instant())
    created_at: Mapped[datetime] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())
