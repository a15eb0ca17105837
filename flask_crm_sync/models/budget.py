"""The API budget of one token, shared by all workers and by every connection that uses the token."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, text_key


class Budget(Base):
    """Calls counted in a window of the database's clock, and what the CRM's own headers last said.

    `token_digest` is a keyed digest of the credentials, so that the row names no secret.
    """

    __tablename__ = "crm_sync_budget"

    token_digest: Mapped[str] = mapped_column(text_key(64), primary_key=True)
    window_started: Mapped[float] = mapped_column(sa.Double(), default=0.0)
    window_seconds: Mapped[float] = mapped_column(sa.Double(), default=10.0)
    window_limit: Mapped[int] = mapped_column(sa.Integer(), default=100)
    used: Mapped[int] = mapped_column(sa.Integer(), default=0)
    daily_limit: Mapped[int | None] = mapped_column(sa.Integer())
    daily_remaining: Mapped[int | None] = mapped_column(sa.Integer())
    daily_seen: Mapped[float] = mapped_column(sa.Double(), default=0.0)
