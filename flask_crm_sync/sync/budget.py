"""One API budget per token across all workers: counted in the database, fed by the CRM's own headers.

Calls are granted in small blocks, so that a drain asks the database once for several calls and gives back what it did
not use. A part of every window is kept for the live lane: a backfill never makes a new lead wait.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..errors import RateLimited
from ..models import Budget, DatabaseClock
from ..models.operation import LIVE
from .context import Sync
from .lease import Lease

if TYPE_CHECKING:
    from ..crm.base import Adapter
    from ..crm.http import Allowance
    from ..crm.oauth import Flow

CALL = "call"
"""The usual kind of call; others are special kinds with limits of their own."""
BLOCK = 8
RESERVE = 0.2
"""The share of every window, and of every day, that only the live lane may use."""
PATIENCE = 2.0
"""Seconds that a call waits for the next window; for longer the whole batch is put back."""
DAY_ASKED_AGAIN = 3600.0
"""Seconds after which what the CRM said of the day counts no more: a few calls are made, and it says anew."""

_budgets: sa.Table = sa.inspect(Budget).local_table  # type: ignore[assignment]
_WRITE = (
    _budgets.update()
    .where(_budgets.c.token_digest == sa.bindparam("row"))
    .values(
        {
            name: sa.bindparam(name)
            for name in (
                "window_started",
                "window_limit",
                "used",
                "daily_limit",
                "daily_remaining",
                "daily_seen",
            )
        }
    )
)


def look_by(clock: sa.ColumnElement[float]) -> sa.Select[Any]:
    """Return the query that locks rows of budgets and reads a clock."""
    wanted = _budgets.c.token_digest.in_(sa.bindparam("rows", expanding=True))
    return sa.select(_budgets, clock.label("now")).where(wanted).with_for_update()


LOOK = look_by(DatabaseClock())


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


@dataclass(frozen=True)
class Ledger:
    """The budgets as they stand inside one transaction, which holds their rows: by kind of call."""

    now: float
    rows: Mapping[str, sa.Row[Any]]


@dataclass
class SharedMeter:
    """What an adapter asks before each call (crm.http.Meter): is there budget, and does the lease still cover it."""

    sync: Sync
    token: str
    lease: Lease
    purses: dict[str, _Purse] = field(default_factory=dict)
    lane: int = LIVE
    share_used: RateLimited | None = None
    """What a slower lane was told when its share of a window was used up: the live lane has its own yet."""

    @classmethod
    def make(cls, sync: Sync, token: str, lease: Lease, adapter: Adapter) -> SharedMeter:
        """Return the meter of one drain for a token, and have the adapter ask it."""
        limits = {CALL: adapter.burst_limit, **adapter.kind_limits}
        meter = cls(sync, token, lease, {kind: _Purse(*limit) for kind, limit in limits.items()})
        adapter.http.meter = meter
        return meter

    def spend(self, kind: str) -> None:
        """Account for one call before it is made, waiting a moment for the next window where that is all it takes.

        Raises RateLimited where the window is used up for longer, LeaseLost where the connection was taken over.
        """
        clock = self.sync.clock
        kind = kind if kind in self.purses else CALL
        waited = 0.0
        ready = self._held(kind) > 0 and self.lease.covers(self.sync.settings.call_timeout, clock)
        while not ready:
            rest = self._refill(kind)
            ready = self._held(kind) > 0
            if ready:
                break
            waited += rest
            if waited > PATIENCE:
                refusal = RateLimited("Our own share of the CRM's limit is used up for now.", retry_after=rest)
                self.share_used = refusal if self.lane != LIVE and kind == CALL else None
                raise refusal
            clock.sleep(rest)
        self.purses[kind].granted -= 1

    def learn(self, allowance: Allowance) -> None:
        """Remember what the CRM's headers said; it is written down with the next grant, or at the end."""
        self.purses[CALL].news, self.purses[CALL].heard = allowance, self.sync.clock.monotonic()

    def look(self, connection: sa.Connection, kinds: Collection[str] = ()) -> Ledger:
        """Read the budgets, of some kinds of call or of all, and hold their rows until the transaction ends."""
        wanted = {self._row(kind): kind for kind in kinds or self.purses}
        found = self._rows(connection, wanted)
        if len(found) < len(wanted):
            there = {row.token_digest for row in found}
            for name in sorted(wanted.keys() - there):
                self._make_row(connection, name, self.purses[wanted[name]])
            found = self._rows(connection, wanted)
        return Ledger(found[0].now, {wanted[row.token_digest]: row for row in found})

    def prepare(self, connection: sa.Connection, ledger: Ledger, *, searching: bool = True) -> None:
        """Fill up to a block inside a transaction that is open anyway; an empty window shows at the first call.

        Kinds of call with a limit of their own serve to find records: work that looks for none leaves them alone.
        """
        kinds = [kind for kind in ledger.rows if searching or kind == CALL]
        connection.execute(_WRITE, [self._grant(ledger, kind)[0] for kind in kinds])

    def give_back(self, connection: sa.Connection) -> None:
        """Return what was granted and not used, and write down what the CRM last said."""
        held = {kind: self._held(kind) for kind in self.purses}
        concerned = [kind for kind, purse in self.purses.items() if held[kind] or purse.news is not None]
        if concerned:
            ledger = self.look(connection, concerned)
            windows = {kind: self._window(ledger, kind, unused=held[kind]) for kind in concerned}
            rows = [self._counted(ledger, kind, windows[kind], taken=-held[kind]) for kind in concerned]
            connection.execute(_WRITE, rows)
        for purse in self.purses.values():
            purse.granted = 0

    def day_rests(self, ledger: Ledger) -> float:
        """Return for how many seconds all lanes but the live one rest, because the day's calls run short.

        A part of the day's calls is kept for new leads. The CRM is asked again from time to time how many are left: it
        alone knows when its day begins.
        """
        purse, row = self.purses[CALL], ledger.rows[CALL]
        limit, remaining, ago = row.daily_limit, row.daily_remaining, ledger.now - row.daily_seen
        if purse.news is not None and purse.news.daily_remaining is not None:
            limit, remaining = purse.news.daily_limit, purse.news.daily_remaining
            ago = self.sync.clock.monotonic() - purse.heard
        if limit is None or remaining is None or remaining >= RESERVE * limit:
            return 0.0
        return max(0.0, DAY_ASKED_AGAIN - float(ago))

    def share_rests(self, ledger: Ledger) -> float:
        """Return for how many seconds all lanes but the live one rest, because their share of the window is used up."""
        row, window = ledger.rows[CALL], self._window(ledger, CALL)
        left = int(window.limit * (1 - RESERVE)) - window.used + self._held(CALL)
        return 0.0 if left > 0 else max(0.0, float(window.started + row.window_seconds - ledger.now))

    def _row(self, kind: str) -> str:
        return self.token if kind == CALL else f"{self.token}:{kind}"

    def _held(self, kind: str) -> int:
        purse = self.purses[kind]
        return purse.granted if self.sync.clock.monotonic() < purse.expires else 0

    def _refill(self, kind: str) -> float:
        """Ask for more calls, holding the lease anew; return the seconds until the next window."""
        with self.sync.database.write() as connection:
            self.lease.renew(connection, self.sync.clock)
            counted, rest = self._grant(self.look(connection, [kind]), kind)
            connection.execute(_WRITE, [counted])
        return rest

    def _grant(self, ledger: Ledger, kind: str) -> tuple[dict[str, Any], float]:
        """Put calls into a purse; return how its row is then, and the seconds until the next window."""
        purse, window = self.purses[kind], self._window(ledger, kind)
        usable = window.limit if self.lane == LIVE else int(window.limit * (1 - RESERVE))
        held = self._held(kind)
        block = max(0, min(BLOCK - held, usable - window.used))
        rest = window.started + ledger.rows[kind].window_seconds - ledger.now
        purse.granted, purse.expires = held + block, self.sync.clock.monotonic() + rest
        return self._counted(ledger, kind, replace(window, used=window.used + block), taken=block), max(0.1, rest)

    def _window(self, ledger: Ledger, kind: str, *, unused: int = 0) -> _Window:
        """Return the window of now, corrected by what the CRM said in it: other programs may use the token too."""
        row, purse, now = ledger.rows[kind], self.purses[kind], ledger.now
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

    def _counted(self, ledger: Ledger, kind: str, window: _Window, *, taken: int) -> dict[str, Any]:
        """Return a row as it is to be written: the window, and what is known of the day."""
        row, purse = ledger.rows[kind], self.purses[kind]
        news, purse.news = purse.news, None
        limit, remaining, seen = row.daily_limit, row.daily_remaining, row.daily_seen
        if news is not None and news.daily_remaining is not None:
            limit, remaining, seen = news.daily_limit, news.daily_remaining, ledger.now
            taken = max(0, taken)  # the CRM never counted what is given back
        return {
            "row": row.token_digest,
            "window_started": window.started,
            "window_limit": window.limit,
            "used": window.used,
            "daily_limit": limit,
            "daily_remaining": None if remaining is None else max(0, remaining - taken),
            "daily_seen": seen,
        }

    def _rows(self, connection: sa.Connection, wanted: Mapping[str, str]) -> Sequence[sa.Row[Any]]:
        return connection.execute(LOOK, {"rows": sorted(wanted)}).all()

    def _make_row(self, connection: sa.Connection, name: str, purse: _Purse) -> None:
        first = {"window_started": 0.0, "used": 0, "daily_seen": 0.0}
        window = {"window_seconds": purse.seconds, "window_limit": purse.limit}
        try:
            with connection.begin_nested():
                connection.execute(_budgets.insert().values(token_digest=name, **first, **window))
        except IntegrityError:
            return  # another worker met the token at this very moment


def budget_key(sync: Sync, connection: Mapping[Any, Any], credentials: Mapping[str, str], flow: Flow | None) -> str:
    """Return the name of the budget that a connection's calls count against; renewing a token does not change it.

    A typed key has a budget of its own. A signed-in app has one for each account in the CRM, whoever signed in.
    """
    if flow is None:
        return token_digest(sync, connection["crm"], credentials)
    shared = {"app": flow.client_id, "remote_account": connection["remote_account_id"]}
    return token_digest(sync, connection["crm"], shared)


def token_digest(sync: Sync, crm: str, credentials: Mapping[str, str]) -> str:
    """Return a keyed digest that names credentials without telling them."""
    text = json.dumps([crm, dict(credentials)], sort_keys=True).encode()
    return hashlib.blake2b(text, key=sync.installation.digest_secret, digest_size=20).hexdigest()
