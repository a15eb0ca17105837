"""Sync now: look for what no event has seen, and bring forward what waits for its round or its next try."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..models import Connection
from ..models.connection import CONNECTED
from ..models.operation import PENDING, UPDATE_CONTACT
from . import reasons
from .context import Sync
from .fanout import fan_out
from .operations import table as operations
from .scan import scan

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


def sync_now(sync: Sync, account_id: str | None = None, crm: str | None = None) -> int:
    """Make everything due that can be, for one account and CRM or for all; return how many operations are.

    What rests for a read-back keeps its time: the CRM may not be done with it.
    """
    scan(sync, force=True)
    fan_out(sync)
    now = sync.clock.now()
    with sync.database.write() as connection:
        connection.execute(_bring_forward(now, account_id, crm))
        return int(connection.execute(_count_due(now, account_id, crm)).scalar_one())


def _chosen(account_id: str | None, crm: str | None) -> sa.ColumnElement[bool]:
    connections = sa.select(_connections.c.id).where(
        _connections.c.state == CONNECTED, _connections.c.enabled, sa.not_(_connections.c.paused)
    )
    if account_id is not None:
        connections = connections.where(_connections.c.account_id == account_id)
    if crm is not None:
        connections = connections.where(_connections.c.crm == crm)
    return operations.c.connection_id.in_(connections)


def _bring_forward(now: datetime, account_id: str | None, crm: str | None) -> sa.Update:
    waits = sa.or_(operations.c.kind == UPDATE_CONTACT, operations.c.reason == reasons.WAITING_FOR_RETRY)
    return (
        operations.update()
        .where(
            _chosen(account_id, crm),
            operations.c.status == PENDING,
            operations.c.claim.is_(None),
            operations.c.due_at > now,
            sa.not_(operations.c.unknown),
            waits,
        )
        .values(due_at=now)
    )


def _count_due(now: datetime, account_id: str | None, crm: str | None) -> sa.Select[Any]:
    due = sa.and_(operations.c.status == PENDING, operations.c.due_at <= now)
    return sa.select(sa.func.count()).select_from(operations).where(_chosen(account_id, crm), due)
