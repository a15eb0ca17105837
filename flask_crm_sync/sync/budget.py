"""One API budget per token across all workers: counted in the database, fed by the CRM's own headers.

Calls are granted in small blocks, so that a drain asks the database once for several calls and gives back what it did
not use. A part of every window is kept for the live lane: a backfill never makes a new lead wait.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..errors import RateLimited
from ..models import Budget, database_now
from ..models.operation import LIVE
from .context import Sync
from .lease import Lease

if TYPE_CHECKING:
    from ..crm.base import Adapter
    from ..crm.http import Allowance

BLOCK = 8
RESERVE = 0.2
"""The share of every window that only the live lane may use."""

_budgets: sa.Table = sa.inspect(Budget).local_table  # type: ignore[assignment]
_OWN_ROW = _budgets.c.token_digest == sa.bindparam("row")
_LOCK = sa.select(_budgets).where(_OWN_ROW).with_for_update()
_WRITE = _budgets.update().where(_OWN_ROW)


@dataclass
class _Purse:
    """Calls granted and not yet used, and the window of one kind of call."""

    limit: int
    seconds: float
    granted: int = 0
    expires: float = 0.0
    news: Allowance | None = None
    heard: float = 0.0


@dataclass(frozen=True)
class _Window:
    """The running window: when it began (the database's clock), the calls counted in it, and how many it allows."""

    started: float
    used: int
    limit: int


@dataclass
class SharedMeter:
    """What an adapter asks before each call (crm.http.Meter): is there budget, and does the lease still cover it."""

    sync: Sync
    token: str
    lease: Lease
    purses: dict[str, _Purse] = field(default_factory=dict)
    lane: int = LIVE

    @classmethod
    def make(cls, sync: Sync, token: str, lease: Lease, adapter: Adapter) -> SharedMeter:
        """Return the meter of one drain for a token, and have the adapter ask it."""
        limits = {"call": adapter.burst_limit, **adapter.kind_limits}
        meter = cls(sync, token, lease, {kind: _Purse(*limit) for kind, limit in limits.items()})
        adapter.http.meter = meter
        return meter

    def spend(self, kind: str) -> None:
        """Account for one call before it is made; raise RateLimited where the window is used up, LeaseLost where
        the connection was taken over.
        """
        clock = self.sync.clock
        purse = self.purses.get(kind) or self.purses["call"]
        short = purse.granted < 1 or clock.monotonic() >= purse.expires
        if short or not self.lease.covers(self.sync.settings.call_timeout, clock):
            with self.sync.database.write() as connection:
                self.lease.renew(connection, clock)
                if short:
                    self._grant(connection, kind, purse)
        purse.granted -= 1

    def learn(self, allowance: Allowance) -> None:
        """Remember what the CRM's headers said; it is written down with the next grant, or at the end."""
        self.purses["call"].news, self.purses["call"].heard = allowance, self.sync.clock.monotonic()

    def prepare(self, connection: sa.Connection) -> None:
        """Fill up to a block inside a transaction that is open anyway; an empty window shows at the first call."""
        try:
            self._grant(connection, "call", self.purses["call"])
        except RateLimited:
            self.purses["call"].granted = 0

    def give_back(self, connection: sa.Connection) -> None:
        """Return what was granted and not used, and write down what the CRM last said."""
        for kind, purse in self.purses.items():
            held = self._held(purse)
            if held or purse.news is not None:
                now = database_now(connection)
                row = self._locked_row(connection, kind, purse)
                window = self._window(row, purse, now, unused=held)
                self._write(connection, kind, purse, window, now)
            purse.granted = 0

    def _row(self, kind: str) -> str:
        return self.token if kind == "call" else f"{self.token}:{kind}"

    def _held(self, purse: _Purse) -> int:
        return purse.granted if self.sync.clock.monotonic() < purse.expires else 0

    def _grant(self, connection: sa.Connection, kind: str, purse: _Purse) -> None:
        now = database_now(connection)
        row = self._locked_row(connection, kind, purse)
        window = self._window(row, purse, now)
        usable = window.limit if self.lane == LIVE else int(window.limit * (1 - RESERVE))
        held = self._held(purse)
        block = max(0, min(BLOCK - held, usable - window.used))
        rest = window.started + row.window_seconds - now
        if held + block < 1:
            raise RateLimited("Our own share of the CRM's limit is used up for now.", retry_after=max(0.1, rest))
        self._write(connection, kind, purse, replace(window, used=window.used + block), now)
        purse.granted, purse.expires = held + block, self.sync.clock.monotonic() + rest

    def _window(self, row: sa.Row[Any], purse: _Purse, now: float, *, unused: int = 0) -> _Window:
        """Return the window of now, corrected by what the CRM said in it: other programs may use the token too."""
        started, used = row.window_started, max(0, row.used - unused)
        if now - started >= row.window_seconds:
            started, used = now, 0
        news = purse.news
        if news is None or news.limit is None:
            return _Window(started, used, row.window_limit)
        is_of_this_window = self.sync.clock.monotonic() - purse.heard <= now - started
        if is_of_this_window and news.remaining is not None:
            used = max(used, min(news.limit - news.remaining, news.limit))
        return _Window(started, used, news.limit)

    def _write(self, connection: sa.Connection, kind: str, purse: _Purse, window: _Window, now: float) -> None:
        news, purse.news = purse.news, None
        daily: dict[str, Any] = {}
        if news is not None and news.daily_remaining is not None:
            daily = {"daily_limit": news.daily_limit, "daily_remaining": news.daily_remaining, "daily_seen": now}
        counted = {"window_started": window.started, "used": window.used, "window_limit": window.limit}
        connection.execute(_WRITE, {"row": self._row(kind), **counted, **daily})

    def _locked_row(self, connection: sa.Connection, kind: str, purse: _Purse) -> sa.Row[Any]:
        row = connection.execute(_LOCK, {"row": self._row(kind)}).first()
        if row is None:
            self._make_row(connection, kind, purse)
            row = connection.execute(_LOCK, {"row": self._row(kind)}).one()
        return row

    def _make_row(self, connection: sa.Connection, kind: str, purse: _Purse) -> None:
        first = {"window_started": 0.0, "used": 0, "daily_seen": 0.0}
        window = {"window_seconds": purse.seconds, "window_limit": purse.limit}
        try:
            with connection.begin_nested():
                connection.execute(_budgets.insert().values(token_digest=self._row(kind), **first, **window))
        except IntegrityError:
            return  # another worker met the token at this very moment


def token_digest(sync: Sync, crm: str, credentials: Mapping[str, str]) -> str:
    """Return a keyed digest that names a token without telling it."""
    text = json.dumps([crm, dict(credentials)], sort_keys=True).encode()
    return hashlib.blake2b(text, key=sync.installation.digest_secret, digest_size=20).hexdigest()
