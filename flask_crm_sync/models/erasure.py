"""An erasure: a person who is removed from the CRMs, what came of it in each, and what stops them from coming back."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, long_text, row_uuid, text_key


class Erasure(Base):
    """One request; it holds no name and no address, only the client's id in the host.

    `user_id` is the host's id of who asked, "" for whoever sits at the server. `lifted_at` is set when a manager let
    the person be synced again.
    """

    __tablename__ = "crm_sync_erasure"
    __table_args__ = (
        sa.Index("ix_crm_sync_erasure_account", "account_id", "requested_at", "id"),
        sa.Index("ix_crm_sync_erasure_client", "account_id", "client_id"),
        Base.__table_args__,
    )

    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), primary_key=True, default=uuid.uuid4)
    account_id: Mapped[str] = mapped_column(text_key())
    client_id: Mapped[str] = mapped_column(text_key())
    user_id: Mapped[str] = mapped_column(text_key(), default="")
    requested_at: Mapped[datetime] = mapped_column(Instant())
    lifted_at: Mapped[datetime | None] = mapped_column(Instant())
    lifted_by: Mapped[str] = mapped_column(text_key(), default="")


class Receipt(Base):
    """What an erasure came to on one connection.

    `how` is "" while `operation_id` is still owed, then deleted, anonymised, by_hand, or nothing, where the CRM had no
    record of the person from us. `says` tells a person what was done and what is left to do; `records` are the ids and
    addresses of records to remove by hand; `notes` counts the notes that went along.
    """

    __tablename__ = "crm_sync_receipt"
    __table_args__ = (
        sa.UniqueConstraint("erasure_id", "connection_id"),
        sa.Index("ix_crm_sync_receipt_operation", "operation_id"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    erasure_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_erasure.id"))
    connection_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_connection.id"))
    crm: Mapped[str] = mapped_column(text_key(32))
    operation_id: Mapped[int | None] = mapped_column(sa.BigInteger())
    how: Mapped[str] = mapped_column(sa.String(16), default="")
    says: Mapped[str] = mapped_column(long_text(), default="")
    notes: Mapped[int] = mapped_column(sa.Integer(), default=0)
    records: Mapped[list[Any] | None] = mapped_column(sa.JSON())
    settled_at: Mapped[datetime | None] = mapped_column(Instant())


class Erased(Base):
    """A keyed digest of an id, an e-mail or a phone of a person who was erased: it names nobody who is not asked about.

    Rows go when a manager lifts the erasure.
    """

    __tablename__ = "crm_sync_erased"
    __table_args__ = (
        sa.UniqueConstraint("erasure_id", "digest"),
        sa.Index("ix_crm_sync_erased_digest", "account_id", "digest"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    erasure_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_erasure.id"))
    account_id: Mapped[str] = mapped_column(text_key())
    digest: Mapped[str] = mapped_column(text_key(64))
