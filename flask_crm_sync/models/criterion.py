"""A criterion: one rule of an account, by which its conversations are qualified."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, row_uuid, text_key

DEFAULT_SET = "default"
"""The name of the set whose result the host's badge shows."""


class CriterionRow(Base):
    """One criterion of a set, as it is stored; `definition` holds its conditions, weights and wishes for the review.

    `version` grows with every change, so that the history can tell by which text somebody was qualified.
    """

    __tablename__ = "crm_sync_criterion"
    __table_args__ = (sa.UniqueConstraint("account_id", "set_name", "name"), Base.__table_args__)

    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), primary_key=True, default=uuid.uuid4)
    account_id: Mapped[str] = mapped_column(text_key())
    set_name: Mapped[str] = mapped_column(text_key(64))
    name: Mapped[str] = mapped_column(text_key())
    enabled: Mapped[bool] = mapped_column(sa.Boolean(), default=True)
    priority: Mapped[int] = mapped_column(sa.Integer(), default=0)
    version: Mapped[int] = mapped_column(sa.Integer(), default=1)
    definition: Mapped[dict[str, Any]] = mapped_column(sa.JSON(), default=dict)
    created_at: Mapped[datetime] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())
