"""An operation: one thing owed to one connection. This table is the sync log."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, long_text, row_uuid, text_key

CREATE_LEAD, UPDATE_CONTACT, ADD_NOTE = "create_lead", "update_contact", "add_note"
APPLY_REMOTE = "apply_remote"
ERASE, PUT_BACK = "erase", "put_back"
PENDING, SUCCESS, FAILED, SKIPPED = "pending", "success", "failed", "skipped"
LIVE, UPDATE, BULK = 0, 1, 2
LANES = {LIVE: "live", UPDATE: "update", BULK: "bulk"}
CREATE_NEW, USE = "create_new", "use:"
"""What a person may have decided (`decision`): that no record is the client's, or which one is, by its id."""
FULL_BATCH = 100
"""The `batch_limit` of an operation that no batch has gone down with yet: as many as the CRM takes."""


class Operation(Base):
    """One thing owed, pending until it is settled.

    `pending_key` is set while the operation waits and nobody has claimed it, so that at most one waits per
    connection, subject and kind of work. `claim` is the fencing number of the drain that works on it. `due_at` is
    null while it waits for something other than time; `reason` says for what. `batch_limit` shrinks when batches
    that held the operation went down with their worker or the CRM, so that a bad one ends up alone.
    """

    __tablename__ = "crm_sync_operation"
    __table_args__ = (
        sa.Index("ix_crm_sync_operation_lane", "connection_id", "status", "lane", "due_at", "id"),
        sa.Index("ix_crm_sync_operation_client", "client_id", "status"),
        sa.Index("ix_crm_sync_operation_subject", "subject_type", "subject_id", "created_at"),
        sa.Index("ix_crm_sync_operation_log", "account_id", "id"),
        sa.Index("ix_crm_sync_operation_status", "account_id", "status", "id"),
        sa.Index("ix_crm_sync_operation_filter", "account_id", "status", "crm", "kind", "id"),
        sa.Index("ix_crm_sync_operation_reason", "account_id", "reason", "crm", "kind", "id"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_connection.id"))
    account_id: Mapped[str] = mapped_column(text_key())
    crm: Mapped[str] = mapped_column(text_key(32))
    kind: Mapped[str] = mapped_column(sa.String(32))
    lane: Mapped[int] = mapped_column(sa.SmallInteger(), default=LIVE)
    subject_type: Mapped[str] = mapped_column(sa.String(16))
    subject_id: Mapped[str] = mapped_column(text_key())
    client_id: Mapped[str] = mapped_column(text_key())
    status: Mapped[str] = mapped_column(sa.String(16), default=PENDING)
    pending_key: Mapped[str | None] = mapped_column(text_key(96), unique=True)
    due_at: Mapped[datetime | None] = mapped_column(Instant())
    claim: Mapped[int | None] = mapped_column(sa.BigInteger())
    claimed_at: Mapped[datetime | None] = mapped_column(Instant())
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    crashes: Mapped[int] = mapped_column(sa.Integer(), default=0)
    batch_limit: Mapped[int] = mapped_column(sa.SmallInteger(), default=FULL_BATCH)
    unknown: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    retried_seconds: Mapped[float] = mapped_column(sa.Double(), default=0.0)
    decision: Mapped[str | None] = mapped_column(sa.String(255))
    reason: Mapped[str] = mapped_column(sa.String(64), default="")
    message: Mapped[str] = mapped_column(long_text(), default="")
    crm_message: Mapped[str] = mapped_column(long_text(), default="")
    details: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    remote_id: Mapped[str | None] = mapped_column(text_key())
    remote_url: Mapped[str | None] = mapped_column(long_text())
    created_at: Mapped[datetime] = mapped_column(Instant())
    settled_at: Mapped[datetime | None] = mapped_column(Instant())
