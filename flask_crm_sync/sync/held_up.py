"""What keeps a connection from working at all: whatever waits there waits for that first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..models.connection import NEEDS_ATTENTION
from ..models.operation import PENDING
from . import reasons
from .connections import ConnectionView
from .log import Entry


def held_up(connection: ConnectionView, now: datetime) -> str:
    """Return the code of what keeps a connection from working, "" where nothing does."""
    if not connection.is_connected:
        return reasons.NOT_CONNECTED
    if connection.state == NEEDS_ATTENTION:
        return connection.state_code
    if not connection.settings.enabled:
        return reasons.CONNECTION_DISABLED
    if connection.paused:
        return reasons.CONNECTION_PAUSED
    rests = connection.blocked_until is not None and connection.blocked_until > now
    return connection.blocked_code if rests else ""


def entry_held_up(entry: Entry, connections: Iterable[ConnectionView], now: datetime) -> str:
    """Return the code of what keeps an entry's connection from working, "" where it does not wait for that."""
    if entry.status != PENDING or entry.claimed:
        return ""
    return next((held_up(one, now) for one in connections if one.id == entry.connection_id), "")


def reason_now(entry: Entry, connections: Iterable[ConnectionView], now: datetime) -> str:
    """Return the code of why an entry stands where it stands, of what waits also for its connection."""
    return entry_held_up(entry, connections, now) or entry.shown_reason(now)
