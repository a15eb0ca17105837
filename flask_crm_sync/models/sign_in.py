"""A sign-in in progress: what we must remember between sending a person to the CRM and their coming back."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, long_text, row_uuid, text_key


class SignIn(Base):
    """One row for each trip, deleted when it is used.

    `state_digest` is a digest of what travels with the person, `browser_digest` of what stays in their browser's
    session. `sealed` is encrypted: the PKCE verifier and what was typed; while a person is asked whether to move to
    another account in the CRM, the new credentials.
    """

    __tablename__ = "crm_sync_sign_in"
    __table_args__ = (
        sa.UniqueConstraint("state_digest"),
        sa.Index("ix_crm_sync_sign_in_expires_at", "expires_at"),
        Base.__table_args__,
    )

    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), primary_key=True, default=uuid.uuid4)
    state_digest: Mapped[str] = mapped_column(text_key(64))
    browser_digest: Mapped[str] = mapped_column(text_key(64))
    account_id: Mapped[str] = mapped_column(text_key())
    user_id: Mapped[str] = mapped_column(text_key())
    crm: Mapped[str] = mapped_column(text_key(32))
    method: Mapped[str] = mapped_column(sa.String(32))
    step: Mapped[str] = mapped_column(sa.String(16))
    sealed: Mapped[str] = mapped_column(long_text())
    expires_at: Mapped[datetime] = mapped_column(Instant())
