"""A link: which CRM record stands for which client on a connection, and what both sides last agreed on."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, long_text, row_uuid, text_key

PROPOSED, ACTIVE, TOMBSTONE = "proposed", "active", "tombstone"
MERGED = "merged"
"""The subject type of a row that only remembers whom a client was merged into."""


class Link(Base):
    """Unique both ways: a subject has one record, a record one subject.

    A `proposed` link is written before the first call that may create the record: it holds what will be sent
    (`intents`, digests per field), so that a lost answer can be told from a person's edit. `base` maps each field to
    two keyed digests: ours as sent, theirs as returned. A `tombstone` remembers a record that was deleted in the CRM.
    `flips` counts how often fields came home and went out again by turns.

    `merged_into` is the client that took the place of this one's in the host. Where its record went along, or there was
    none, a row of its own with the subject type `merged` and no record says so.
    """

    __tablename__ = "crm_sync_link"
    __table_args__ = (
        sa.UniqueConstraint("connection_id", "subject_type", "subject_id"),
        sa.UniqueConstraint("connection_id", "remote_type", "remote_id"),
        sa.Index("ix_crm_sync_link_merged_into", "connection_id", "merged_into"),
        Base.__table_args__,
    )

    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_connection.id"))
    subject_type: Mapped[str] = mapped_column(sa.String(16))
    subject_id: Mapped[str] = mapped_column(text_key())
    state: Mapped[str] = mapped_column(sa.String(16), default=PROPOSED)
    remote_type: Mapped[str] = mapped_column(sa.String(32))
    remote_id: Mapped[str | None] = mapped_column(text_key())
    remote_url: Mapped[str | None] = mapped_column(long_text())
    base: Mapped[dict[str, Any]] = mapped_column(sa.JSON(), default=dict)
    intents: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    host_version: Mapped[str] = mapped_column(sa.String(64), default="")
    created_at: Mapped[datetime] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())
    flips: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    merged_into: Mapped[str | None] = mapped_column(text_key())
