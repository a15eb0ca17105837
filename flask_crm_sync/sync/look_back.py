"""Looking back: conversations of the last month are judged under a set that nobody asked for before.

Without it, a connection that begins to take qualified clients only would know of none until each writes again. It goes
slice by slice over `updated_at`, its place in the database, so that a worker that dies has marked a slice or has not;
a host without `updated_at` has nothing to look back at.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..host.scan import scan
from ..models import Scan
from .context import Sync
from .steps import JudgingStep, reach
from .to_judge import mark_conversations

REACHES = timedelta(days=30)
SLICE = 500

_scans: sa.Table = sa.inspect(Scan).local_table  # type: ignore[assignment]
_NAME = "judge "
_BETWEEN = "\n"


def begin_to_look_back(connection: sa.Connection, account_id: str, set_name: str, now: datetime) -> None:
    """Let an account's conversations of the last 30 days be judged under a set, in the caller's transaction.

    One that is under way begins anew. `look_back` does it.
    """
    name, note = _name(account_id, set_name), f"{set_name}{_BETWEEN}{account_id}"
    if len(note) > _scans.c.note.type.length:  # type: ignore[attr-defined]
        return  # keys as long as that leave no room; its conversations are judged when somebody writes
    values: dict[str, Any] = {"after": now - REACHES, "cursor": "", "ran_at": now, "note": note}
    if not connection.execute(_scans.update().where(_scans.c.name == name).values(values)).rowcount:
        connection.execute(_scans.insert().values(name=name, **values))


def look_back(sync: Sync) -> bool:
    """Mark the next slice for each account and set that looks back; return whether there is more to mark."""
    with sync.database.read() as connection:
        runs = connection.execute(_RUNS).all()
    more = [_next_slice(sync, run) for run in runs]  # each of them, whatever the first has left
    return any(more)


_RUNS = sa.select(_scans).where(_scans.c.name.startswith(_NAME)).order_by(_scans.c.name)


def _next_slice(sync: Sync, run: sa.Row[Any]) -> bool:
    set_name, _, account_id = run.note.partition(_BETWEEN)
    with sync.database.read() as connection:
        rows = scan(sync.host.conversation, connection, run.after, run.cursor, SLICE, account_id=account_id)
        heads = sync.host.conversation_heads(connection, [row.id for row in rows])
    own = [head for head in heads.values() if head.account_id == account_id]
    now, is_last = sync.clock.now(), len(rows) < SLICE
    same = sa.and_(_scans.c.name == run.name, _scans.c.after == run.after, _scans.c.cursor == run.cursor)
    with sync.database.write() as connection:
        moving = (
            _scans.delete() if is_last else _scans.update().values(after=rows[-1].at, cursor=rows[-1].id, ran_at=now)
        )
        if connection.execute(moving.where(same)).rowcount:
            mark_conversations(connection, own, {account_id: frozenset({set_name})}, now, past=True)
            reach(JudgingStep.TO_JUDGE)
    return not is_last


def _name(account_id: str, set_name: str) -> str:
    key = f"{set_name}{_BETWEEN}{account_id}".encode("utf-8", "surrogatepass")
    return _NAME + hashlib.blake2b(key, digest_size=13).hexdigest()
