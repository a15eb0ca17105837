"""A channel: where somebody, or everybody of an account, is told what happened, and when."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, long_text, row_uuid, text_key

IN_APP, WEBHOOK, SERVICE = "in_app", "webhook", "service"
AT_ONCE, HOURLY, DAILY = "at_once", "hourly", "daily"


class Channel(Base):
    """One row for each address, with what is told there and when.

    `user_id` is the host's id of whose it is, "" for everybody's of the account. `address` is encrypted; `shown` is the
    part of it that people may see. Times of day are minutes since midnight in `time_zone`.

    `fence` counts those who ever sent here; a sender holds the channel until `lease_until` (epoch seconds of the
    database's clock) and settles only while the number is its own. While `retry_at` is set the channel rests after a
    failure; `failing_since` and `failing_code` say since when, and why. `template` holds the owner's own words for
    news, with holes such as {client}; null or "" stands for ours.
    """

    __tablename__ = "crm_sync_channel"
    __table_args__ = (sa.Index("ix_crm_sync_channel_account", "account_id", "user_id"), Base.__table_args__)

    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), primary_key=True, default=uuid.uuid4)
    account_id: Mapped[str] = mapped_column(text_key())
    user_id: Mapped[str] = mapped_column(text_key())
    kind: Mapped[str] = mapped_column(sa.String(16))
    label: Mapped[str] = mapped_column(sa.String(100), default="")
    address: Mapped[str] = mapped_column(long_text(), default="")
    shown: Mapped[str] = mapped_column(sa.String(255), default="")
    events: Mapped[list[str]] = mapped_column(sa.JSON())
    rhythm: Mapped[str] = mapped_column(sa.String(16), default=AT_ONCE)
    daily_at: Mapped[int] = mapped_column(sa.Integer(), default=480)
    quiet_from: Mapped[int | None] = mapped_column(sa.Integer())
    quiet_to: Mapped[int | None] = mapped_column(sa.Integer())
    time_zone: Mapped[str] = mapped_column(sa.String(64), default="UTC")
    language: Mapped[str] = mapped_column(sa.String(16), default="en")
    enabled: Mapped[bool] = mapped_column(sa.Boolean(), default=True)
    sent_at: Mapped[datetime | None] = mapped_column(Instant())
    failures: Mapped[int] = mapped_column(sa.Integer(), default=0)
    failing_since: Mapped[datetime | None] = mapped_column(Instant())
    failing_code: Mapped[str] = mapped_column(sa.String(64), default="")
    retry_at: Mapped[datetime | None] = mapped_column(Instant())
    fence: Mapped[int] = mapped_column(sa.BigInteger(), default=0)
    lease_until: Mapped[float] = mapped_column(sa.Double(), default=0.0)
    created_at: Mapped[datetime] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())
    template: Mapped[str | None] = mapped_column(sa.String(1000))
