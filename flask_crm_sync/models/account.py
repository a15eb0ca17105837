"""What an account chose for itself, beside its connections and criteria."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, text_key


class AccountSettings(Base):
    """One row for each account that chose anything; for all others the app's settings hold.

    `ai_mask` says whether contact details are masked in what a reviewer reads.
    """

    __tablename__ = "crm_sync_account_settings"

    account_id: Mapped[str] = mapped_column(text_key(), primary_key=True)
    ai_mask: Mapped[bool] = mapped_column(sa.Boolean())
    updated_at: Mapped[datetime] = mapped_column(Instant())
