"""How far the scans beside the events have come."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, text_key


class Scan(Base):
    """One row per scan: `client` and `conversation` by `updated_at`, and the sweep for deleted clients."""

    __tablename__ = "crm_sync_scan"

    name: Mapped[str] = mapped_column(text_key(32), primary_key=True)
    after: Mapped[datetime | None] = mapped_column(Instant())
    cursor: Mapped[str] = mapped_column(text_key(), default="")
    ran_at: Mapped[datetime | None] = mapped_column(Instant())
    note: Mapped[str] = mapped_column(sa.String(255), default="")
