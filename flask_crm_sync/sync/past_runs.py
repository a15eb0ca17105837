"""The backfills of a connection that were begun, as the audit trail tells of them: for putting back what one wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .audit import CONNECTION, SETTINGS, deeds_on
from .connections import ConnectionView
from .context import Sync
from .progress import CATCH_UP

_MOST = 200
"""Changes of a connection that are looked through."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """One backfill: its number in the trail, who began it, and from when until when what is written is its own.

    `until` is when the next one was begun, None for the last.
    """

    id: int
    user_id: str
    began_at: datetime
    until: datetime | None


def past_runs(sync: Sync, known: ConnectionView) -> list[PastRun]:
    """Return the backfills of a connection among its last changes, the newest first."""
    changes = deeds_on(sync, known.account_id, CONNECTION, known.id, limit=_MOST)
    deeds = [one for one in changes if one.action == SETTINGS and _begins(one.after)]
    ends = [*(one.at for one in deeds[1:]), None]
    who = [one.user_id if one.is_by_user else "" for one in deeds]
    found = [PastRun(one.id, user, one.at, until) for one, user, until in zip(deeds, who, ends, strict=False)]
    return found[::-1]


def _begins(told: Mapping[str, Any] | None) -> bool:
    """Tell whether a change began one; paused and resumed are told in words."""
    return isinstance((told or {}).get(CATCH_UP), int) and bool((told or {})[CATCH_UP])
