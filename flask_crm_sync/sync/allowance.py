"""What a connection used of its CRM's allowance of calls, and how far the rest goes at this rate.

A CRM counts by its own day, where its account's time zone is known (trait `time_zone`), else over the last 24 hours;
where it tells nothing of a day, the running window of a few seconds or minutes is all that there is.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from ..credentials.flows import flow_of
from ..crm import registry
from ..errors import CRMSyncError
from ..models import Budget, Connection, DatabaseClock
from .budget import budget_key
from .connections import ConnectionView
from .context import Sync

TOO_EARLY = timedelta(minutes=30)
"""How long a day must have lasted before anything is forecast from it."""

_log = logging.getLogger(__name__)
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_budgets: sa.Table = sa.inspect(Budget).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Used:
    """Calls of a CRM's allowance: of a day's, or of the running window of `seconds`.

    `day_ends` is set where the CRM's day ends at an hour of its own; None where it counts the last 24 hours, or a
    window. `by_end` is what will be used by then at this rate, None where it is too early to say. `lasts_until` is set
    where the calls end before the day does.
    """

    calls: int
    limit: int
    seconds: float | None = None
    day_ends: datetime | None = None
    by_end: int | None = None
    lasts_until: datetime | None = None

    @property
    def percent(self) -> int:
        """Return the share that is used."""
        return self._share(self.calls)

    @property
    def percent_by_end(self) -> int:
        """Return the share that will be used by the end of the day."""
        return self._share(self.by_end or 0)

    @property
    def an_hour(self) -> int:
        """Return the calls of an hour: how many a window allows, or how many the last 24 hours had."""
        return round(self.limit * 3600 / self.seconds if self.seconds else self.calls / 24)

    def _share(self, calls: int) -> int:
        return min(100, round(100 * calls / self.limit)) if self.limit else 0


def used_of(sync: Sync, database: sa.Connection, view: ConnectionView) -> Used | None:
    """Return what a connection used of its allowance; None before its first call, or where its key cannot be read."""
    row = database.execute(sa.select(_connections).where(_connections.c.id == view.id)).mappings().first()
    if row is None or not row["credentials"]:
        return None
    try:
        key = budget_of(sync, row)
    except CRMSyncError as error:
        _log.info("the allowance of %s is not shown: %s", view.crm, error.code)
        return None
    clock = DatabaseClock().label("clock")
    budget = database.execute(sa.select(_budgets, clock).where(_budgets.c.token_digest == key)).first()
    return None if budget is None else _of_day_or_window(budget, row["traits"] or {})


def budget_of(sync: Sync, row: Mapping[Any, Any]) -> str:
    """Return the name of the budget of a stored connection."""
    credentials = sync.open_credentials(row["id"], row["credentials"])
    adapter = registry.adapter_class(row["crm"])
    return budget_key(sync, row, credentials, flow_of(adapter, row["auth_method"], credentials, sync.settings))


def _of_day_or_window(budget: sa.Row[Any], traits: Mapping[str, Any]) -> Used:
    if budget.daily_limit is None or budget.daily_remaining is None:
        is_running = budget.clock - budget.window_started < budget.window_seconds
        return Used(budget.used if is_running else 0, budget.window_limit, budget.window_seconds)
    calls, now = max(0, budget.daily_limit - budget.daily_remaining), datetime.fromtimestamp(budget.clock, UTC)
    day = _day(now, traits.get("time_zone"))
    if day is None:
        return Used(calls, budget.daily_limit)
    told_today = budget.daily_seen >= day[0].timestamp()
    return forecast(calls if told_today else 0, budget.daily_limit, *day, now)


def forecast(calls: int, limit: int, begins: datetime, ends: datetime, now: datetime) -> Used:
    """Return how far a day's calls go at the rate of the day so far."""
    lasted = now - begins
    if lasted < TOO_EARLY:
        return Used(calls, limit, day_ends=ends)
    by_end = round(calls * ((ends - begins) / lasted))
    lasts_until = None
    if by_end > limit:
        lasts_until = max(now, begins + lasted * (limit / calls))
    return Used(calls, limit, day_ends=ends, by_end=by_end, lasts_until=lasts_until)


def _day(now: datetime, zone: object) -> tuple[datetime, datetime] | None:
    """Return when the day began in a zone and when it ends, None for a zone that nobody knows."""
    if not isinstance(zone, str) or not zone:
        return None
    try:
        begins = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    except (ZoneInfoNotFoundError, OSError, ValueError):  # no such name, or none that a file could have
        return None
    return begins.astimezone(UTC), (begins + timedelta(days=1)).astimezone(UTC)
