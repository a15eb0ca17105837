"""A change: one row saying that something happened in the host, written in the host's own transaction."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, row_uuid, text_key

CLIENT, CONVERSATION = "client", "conversation"
CREATED, UPDATED, DELETED = "created", "updated", "deleted"
QUALIFICATION = "qualification"
"""What happened to a client of whom a conversation was judged anew: nothing was edited in the host."""
REVIEWED = "reviewed"
"""What happened to a client of whom a review or a person left a conversation as it was: something may follow."""


class Change(Base):
    """What happened to which client or conversation; gone once the fan-out has made operations of it.

    `origin` is the connection that a value came home from, where all of the change did: it is owed nothing for it.
    """

    __tablename__ = "crm_sync_change"

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    subject_type: Mapped[str] = mapped_column(sa.String(16))
    subject_id: Mapped[str] = mapped_column(text_key())
    account_id: Mapped[str | None] = mapped_column(text_key())
    kind: Mapped[str] = mapped_column(sa.String(16))
    created_at: Mapped[datetime] = mapped_column(Instant())
    origin: Mapped[uuid.UUID | None] = mapped_column(row_uuid())
