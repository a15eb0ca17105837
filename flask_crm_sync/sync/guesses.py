"""How often somebody may try where guessing is possible: tries counted in a window of the database's clock.

The counts lie beside the API budgets, which count the same way: one row for each form and user of an account, or for
each of 256 groups of senders who are strangers, so that nobody can make many. Rows of days gone by are deleted.
"""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..models import Budget
from .budget import LOOK
from .context import Sync
from .refusals import TooManyTries

_PREFIX = "tries:"
_KEPT = 24 * 3600.0
_table: sa.Table = sa.inspect(Budget).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `tries` in a window of `seconds`. `name` says of what."""

    name: str
    tries: int
    seconds: float


CONNECT = Limit("connect", 20, 600.0)
TEST = Limit("test", 30, 600.0)
UNKNOWN_TOKENS = Limit("token", 60, 60.0)


def count_try(sync: Sync, limit: Limit, *whose: str) -> None:
    """Count a try of an account's user; raise TooManyTries, and count nothing, where the window is used up."""
    _count(sync, limit, _key(sync, limit, *whose))


def count_strangers_try(sync: Sync, limit: Limit, sender: str) -> None:
    """Count a try of a sender whom nobody knows, in one of 256 groups; raise TooManyTries as `count_try` does."""
    _count(sync, limit, _key(sync, limit, _digest(sync, sender, size=1)))


def forget_tries(sync: Sync) -> int:
    """Delete the counts of windows that ended more than a day ago; return how many."""
    old = _table.c.window_started < sync.database.now() - _KEPT
    with sync.database.write() as database:
        return database.execute(_table.delete().where(_table.c.token_digest.startswith(_PREFIX), old)).rowcount


def _count(sync: Sync, limit: Limit, key: str) -> None:
    with sync.database.write() as database:
        row = _held(database, key, limit)
        rest = row.window_started + limit.seconds - row.now
        is_over = rest <= 0
        if not is_over and row.used >= limit.tries:
            raise TooManyTries(math.ceil(rest))
        changed = {"used": 1, "window_started": row.now} if is_over else {"used": row.used + 1}
        database.execute(_table.update().where(_table.c.token_digest == key).values(changed))


def _held(database: sa.Connection, key: str, limit: Limit) -> sa.Row[tuple[object, ...]]:
    """Return a count's row and the time, holding the row; make it first where there is none."""
    row = database.execute(LOOK, {"rows": [key]}).first()
    if row is not None:
        return row
    first = {"window_started": 0.0, "used": 0, "daily_seen": 0.0}
    window = {"window_seconds": limit.seconds, "window_limit": limit.tries}
    with suppress(IntegrityError), database.begin_nested():  # the same user's other request may have made it just now
        database.execute(_table.insert().values(token_digest=key, **first, **window))
    return database.execute(LOOK, {"rows": [key]}).one()


def _key(sync: Sync, limit: Limit, *whose: str) -> str:
    return _PREFIX + _digest(sync, limit.name, *whose, size=20)


def _digest(sync: Sync, *parts: str, size: int) -> str:
    text = json.dumps(parts).encode()
    return hashlib.blake2b(text, key=sync.installation.digest_secret, digest_size=size).hexdigest()
