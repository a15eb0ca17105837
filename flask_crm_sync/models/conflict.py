"""A conflict: a field that both sides changed, and what became of it."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, row_uuid, text_key

BOTH_CHANGED, FLIPS = "both_changed", "flips"
OPEN, DECIDED, SETTLED = "open", "decided", "settled"
OURS, THEIRS, TYPED, AGREED = "ours", "theirs", "typed", "agreed"


class Conflict(Base):
    """One field of one client on one connection; a rule's own decisions are kept beside a person's.

    `cause` tells a field that both sides changed from one that went back and forth too often. It is `open` while it
    waits for a person, `decided` until the sync has carried the decision out, then `settled`. `open_key` is set until
    then, so that a field has one at most. `ours` and `theirs` are digests of the values that it is about, as a link's
    base has them: what they are is read from both sides when somebody looks. `user_id` is "" where a rule decided.
    """

    __tablename__ = "crm_sync_conflict"
    __table_args__ = (
        sa.UniqueConstraint("open_key"),
        sa.Index("ix_crm_sync_conflict_account", "account_id", "state", "id"),
        sa.Index("ix_crm_sync_conflict_client", "connection_id", "client_id", "state"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(text_key())
    connection_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_connection.id"))
    crm: Mapped[str] = mapped_column(text_key(32))
    client_id: Mapped[str] = mapped_column(text_key())
    field: Mapped[str] = mapped_column(text_key())
    cause: Mapped[str] = mapped_column(sa.String(16), default=BOTH_CHANGED)
    state: Mapped[str] = mapped_column(sa.String(16), default=OPEN)
    open_key: Mapped[str | None] = mapped_column(text_key(96))
    ours: Mapped[str] = mapped_column(sa.String(32), default="")
    theirs: Mapped[str] = mapped_column(sa.String(32), default="")
    choice: Mapped[str] = mapped_column(sa.String(16), default="")
    user_id: Mapped[str] = mapped_column(text_key(), default="")
    created_at: Mapped[datetime] = mapped_column(Instant())
    decided_at: Mapped[datetime | None] = mapped_column(Instant())
    settled_at: Mapped[datetime | None] = mapped_column(Instant())
