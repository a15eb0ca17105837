"""The versions of a connection's mapping, and the CRM's own description of its fields as it was last read."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, big_id, row_uuid, text_key


class MappingVersion(Base):
    """One version of a connection's mapping and filter, numbered from 1; the newest one holds.

    `user_id` is the host's id of who saved it; `restored` is the version that it brought back.
    """

    __tablename__ = "crm_sync_mapping"
    __table_args__ = (sa.UniqueConstraint("connection_id", "version"), Base.__table_args__)

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(row_uuid(), sa.ForeignKey("crm_sync_connection.id"))
    version: Mapped[int] = mapped_column(sa.Integer())
    definition: Mapped[dict[str, Any]] = mapped_column(sa.JSON(), default=dict)
    user_id: Mapped[str] = mapped_column(text_key(), default="")
    restored: Mapped[int | None] = mapped_column(sa.Integer())
    created_at: Mapped[datetime] = mapped_column(Instant())


class Schema(Base):
    """The fields of a connection's CRM; `code` says what kept them from being read the last time, "" where nothing."""

    __tablename__ = "crm_sync_schema"

    connection_id: Mapped[uuid.UUID] = mapped_column(
        row_uuid(), sa.ForeignKey("crm_sync_connection.id"), primary_key=True
    )
    fields: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON(), default=list)
    code: Mapped[str] = mapped_column(sa.String(64), default="")
    fetched_at: Mapped[datetime] = mapped_column(Instant())
