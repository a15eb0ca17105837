"""A connection: one account's link to one CRM, its credentials, its state, its settings."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Instant, long_text, row_uuid, text_key
from .criterion import DEFAULT_SET

CONNECTED, NEEDS_ATTENTION, DISCONNECTED = "connected", "needs_attention", "disconnected"


class Connection(Base):
    """At most one per account and CRM.

    `fence` counts the drains that ever held the connection; a drain settles only while the number is its own, and
    holds it until `lease_until` (epoch seconds of the database's clock). `blocked_until` is set while the CRM is
    unreachable or its limit is reached: nothing of the connection runs before.

    Under `qualified_only` it takes the clients that the criteria of its `criteria_set` find qualified; `follow_ups`
    says what each outcome of a review leads to in the CRM.

    `two_way` brings changes of the CRM home: `field_rules` say for each of its fields in which direction and who wins,
    `create_clients` whether records without a client get one. `pull_at` is when the CRM is looked at next, `polled_at`
    when it was last asked for its changes, from `poll_cursor` on; `pull_code` is what stopped that. `pulled` counts the
    changes that it told of, `echoes` those that were our own.

    `mapping` is the current version of the fields that are written beside or instead of the usual ones, and of the
    filter for clients (`sync.mapping.rows`); None where nobody has changed either.

    `sign_in` counts how often somebody connected or disconnected: what is learned of the credentials of one sign-in
    says nothing about the next. `renewals` counts the tokens that a sign-in was given since. `renewing_until` (the
    database's clock) is set while one worker renews; in the past and not 0 it says that an attempt got no answer.
    """

    __tablename__ = "crm_sync_connection"
    __table_args__ = (sa.UniqueConstraint("account_id", "crm"), Base.__table_args__)

    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), primary_key=True, default=uuid.uuid4)
    account_id: Mapped[str] = mapped_column(text_key())
    crm: Mapped[str] = mapped_column(text_key(32))
    state: Mapped[str] = mapped_column(sa.String(16), default=CONNECTED)
    state_code: Mapped[str] = mapped_column(sa.String(64), default="")
    state_message: Mapped[str] = mapped_column(long_text(), default="")
    auth_method: Mapped[str] = mapped_column(sa.String(32), default="")
    credentials: Mapped[str] = mapped_column(long_text(), default="")
    remote_account_id: Mapped[str] = mapped_column(text_key(), default="")
    remote_label: Mapped[str] = mapped_column(sa.String(255), default="")
    traits: Mapped[dict[str, Any]] = mapped_column(sa.JSON(), default=dict)
    enabled: Mapped[bool] = mapped_column(sa.Boolean(), default=True)
    paused: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    sync_contacts: Mapped[bool] = mapped_column(sa.Boolean(), default=True)
    sync_notes: Mapped[bool] = mapped_column(sa.Boolean(), default=True)
    interval_minutes: Mapped[int] = mapped_column(sa.Integer(), default=60)
    next_interval_at: Mapped[datetime | None] = mapped_column(Instant())
    fence: Mapped[int] = mapped_column(sa.BigInteger(), default=0)
    lease_until: Mapped[float] = mapped_column(sa.Double(), default=0.0)
    blocked_until: Mapped[datetime | None] = mapped_column(Instant())
    blocked_code: Mapped[str] = mapped_column(sa.String(64), default="")
    blocked_message: Mapped[str] = mapped_column(long_text(), default="")
    blocked_count: Mapped[int] = mapped_column(sa.Integer(), default=0)
    tested_at: Mapped[datetime | None] = mapped_column(Instant())
    last_success_at: Mapped[datetime | None] = mapped_column(Instant())
    created_at: Mapped[datetime] = mapped_column(Instant())
    updated_at: Mapped[datetime] = mapped_column(Instant())
    sign_in: Mapped[int] = mapped_column(sa.BigInteger(), default=0, server_default="0")
    renewals: Mapped[int] = mapped_column(sa.BigInteger(), default=0, server_default="0")
    renewing_until: Mapped[float] = mapped_column(sa.Double(), default=0.0, server_default="0")
    qualified_only: Mapped[bool] = mapped_column(sa.Boolean(), default=False, server_default=sa.false())
    criteria_set: Mapped[str] = mapped_column(text_key(64), default=DEFAULT_SET, server_default=DEFAULT_SET)
    follow_ups: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    two_way: Mapped[bool] = mapped_column(sa.Boolean(), default=False, server_default=sa.false())
    create_clients: Mapped[bool] = mapped_column(sa.Boolean(), default=False, server_default=sa.false())
    field_rules: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    pull_at: Mapped[datetime | None] = mapped_column(Instant())
    polled_at: Mapped[datetime | None] = mapped_column(Instant())
    poll_cursor: Mapped[str | None] = mapped_column(long_text())
    pull_code: Mapped[str] = mapped_column(sa.String(64), default="", server_default="")
    pulled: Mapped[int] = mapped_column(sa.BigInteger(), default=0, server_default="0")
    echoes: Mapped[int] = mapped_column(sa.BigInteger(), default=0, server_default="0")
    mapping: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON())
    remote_user: Mapped[str] = mapped_column(sa.String(255), default="", server_default="")
