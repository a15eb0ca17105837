"""A qualification: what a conversation was judged to be under a set of criteria; and the history of every change."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, long_text, row_uuid, text_key

WAITING, QUALIFIED, UNQUALIFIED = "pending", "qualified", "unqualified"
RULES, REVIEW, PERSON = "rules", "review", "person"
CONFIRMED, UPGRADED, DOWNGRADED, UNDECIDED, NOT_REVIEWED = (
    "confirmed",
    "upgraded",
    "downgraded",
    "undecided",
    "not_reviewed",
)


class Qualification(Base):
    """One row for each conversation and set of criteria.

    `status` is pending, qualified or unqualified; `final` tells a reviewed or decided one from a provisional one, and
    `decided_by` who decided last: rules, review or person. `judge_at` is set while the rules have to look again.
    `review_at` is set while a review is due; `review_claim` and `review_until` (epoch seconds of the database's clock)
    say which worker holds it. `judged_version` is a digest of what the client had said when the rules last spoke,
    behind "past " where that was looking back. `ever_qualified_at` stays once it is set: the client may be in the CRM
    since.
    """

    __tablename__ = "crm_sync_qualification"
    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "set_name"),
        sa.Index("ix_crm_sync_qualification_client", "client_id", "set_name", "status"),
        sa.Index("ix_crm_sync_qualification_owner", "account_id", "client_id"),
        sa.Index("ix_crm_sync_qualification_account", "account_id", "set_name", "status", "updated_at"),
        sa.Index("ix_crm_sync_qualification_judge", "judge_at"),
        sa.Index("ix_crm_sync_qualification_review", "review_at"),
        Base.__table_args__,
    )

    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), primary_key=True, default=uuid.uuid4)
    account_id: Mapped[str] = mapped_column(text_key())
    conversation_id: Mapped[str] = mapped_column(text_key())
    client_id: Mapped[str] = mapped_column(text_key())
    set_name: Mapped[str] = mapped_column(text_key(64))
    status: Mapped[str] = mapped_column(sa.String(16), default=WAITING)
    final: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    decided_by: Mapped[str] = mapped_column(sa.String(16), default="")
    criterion_name: Mapped[str] = mapped_column(text_key(), default="")
    criterion_version: Mapped[int] = mapped_column(sa.Integer(), default=0)
    score: Mapped[int] = mapped_column(sa.Integer(), default=0)
    reason: Mapped[str] = mapped_column(long_text(), default="")
    judge_at: Mapped[datetime | None] = mapped_column(Instant())
    judged_version: Mapped[str] = mapped_column(sa.String(64), default="")
    review_at: Mapped[datetime | None] = mapped_column(Instant())
    review_claim: Mapped[str] = mapped_column(sa.String(36), default="")
    review_until: Mapped[float] = mapped_column(sa.Double(), default=0.0)
    review_attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    outcome: Mapped[str] = mapped_column(sa.String(16), default="")
    review_score: Mapped[int | None] = mapped_column(sa.Integer())
    review_reason: Mapped[str] = mapped_column(long_text(), default="")
    model: Mapped[str] = mapped_column(sa.String(255), default="")
    reviewed_at: Mapped[datetime | None] = mapped_column(Instant())
    ever_qualified_at: Mapped[datetime | None] = mapped_column(Instant())
    created_at: Mapped[datetime] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())


class Judgement(Base):
    """One change of a qualification: when, who, from what to what, why, and by which version of which criterion.

    `user_id` is the host's id where a person decided. Rows are added in the transaction of the change, never changed.
    """

    __tablename__ = "crm_sync_judgement"
    __table_args__ = (
        sa.Index("ix_crm_sync_judgement_conversation", "conversation_id", "id"),
        sa.Index("ix_crm_sync_judgement_account", "account_id", "decided_by", "at"),
        sa.Index("ix_crm_sync_judgement_client", "account_id", "client_id"),
        Base.__table_args__,
    )

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(text_key())
    conversation_id: Mapped[str] = mapped_column(text_key())
    client_id: Mapped[str] = mapped_column(text_key())
    set_name: Mapped[str] = mapped_column(text_key(64))
    decided_by: Mapped[str] = mapped_column(sa.String(16))
    user_id: Mapped[str] = mapped_column(text_key(), default="")
    before: Mapped[str] = mapped_column(sa.String(16), default="")
    after: Mapped[str] = mapped_column(sa.String(16))
    outcome: Mapped[str] = mapped_column(sa.String(16), default="")
    criterion_name: Mapped[str] = mapped_column(text_key(), default="")
    criterion_version: Mapped[int] = mapped_column(sa.Integer(), default=0)
    score: Mapped[int] = mapped_column(sa.Integer(), default=0)
    reason: Mapped[str] = mapped_column(long_text(), default="")
    details: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    at: Mapped[datetime] = mapped_column(Instant())
