"""How a connection is: working, at rest because the CRM wants it so, or in need of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from ..errors import CRMError, CRMSyncError, ReconnectRequired, TransientCRMError
from ..models import Connection
from ..models.connection import NEEDS_ATTENTION
from ..models.operation import SUCCESS
from .context import Sync
from .drain import Drain
from .retry import Verdict, connection_wait
from .trouble import tell_of_attention

_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


def flag(sync: Sync, row: sa.RowMapping, error: CRMSyncError) -> None:
    """Note that a connection needs a person, found before any call was made."""
    with sync.database.write() as connection:
        _needs_person(connection, row, error, sync.clock.now())


def rest(sync: Sync, row: sa.RowMapping, error: TransientCRMError) -> datetime:
    """Let a connection rest whose token could not be renewed for now; return until when."""
    values = _resting(row, error, sync.clock.now())
    with sync.database.write() as connection:
        _mark(connection, row, values)
    until: datetime = values["blocked_until"]
    return until


def note_health(desk: Drain, connection: sa.Connection, verdicts: Sequence[Verdict]) -> None:
    """A connection in trouble rests, or is flagged for a person; one that works is marked healthy.

    Where only its slower lanes have to rest, the next claim sees it in the budget: new leads go on.
    """
    now, row = desk.now(), desk.connection
    if desk.only_slower_lanes_rest:
        return
    if desk.trouble is not None:
        if isinstance(desk.trouble, ReconnectRequired):
            _needs_person(connection, row, desk.trouble, now)
        else:
            _mark(connection, row, _resting(row, desk.trouble, now))
    elif any(verdict.status == SUCCESS for verdict in verdicts):
        well = {"blocked_until": None, "blocked_code": "", "blocked_message": "", "blocked_count": 0}
        _mark(connection, row, {"last_success_at": now, **(well if row["blocked_count"] else {})})


def _needs_person(connection: sa.Connection, row: sa.RowMapping, error: CRMSyncError, now: datetime) -> None:
    if _mark(connection, row, _attention(error, now)):
        tell_of_attention(connection, row, error.code, now)


def _attention(error: CRMSyncError, now: datetime) -> dict[str, Any]:
    return {"state": NEEDS_ATTENTION, "state_code": error.code, "state_message": _words(error), "updated_at": now}


def _resting(row: sa.RowMapping, error: CRMError, now: datetime) -> dict[str, Any]:
    times = row["blocked_count"] + 1
    until = now + timedelta(seconds=connection_wait(error, times))
    return {
        "blocked_until": until,
        "blocked_code": error.code,
        "blocked_message": _words(error),
        "blocked_count": times,
    }


def _words(error: CRMSyncError) -> str:
    own = error.crm_message if isinstance(error, CRMError) else ""
    return str(error) + (f" ({own})" if own else "")


def _mark(connection: sa.Connection, row: sa.RowMapping, values: Mapping[str, object]) -> bool:
    """A refusal says nothing about credentials that a person has given since; a renewed token is no new sign-in.

    Tells whether it is still that sign-in.
    """
    used = {"used_id": row["id"], "used_sign_in": row["sign_in"]}
    return connection.execute(_marking(frozenset(values)), {**used, **values}).rowcount == 1


@cache
def _marking(names: frozenset[str]) -> sa.Update:
    same = (_connections.c.id == sa.bindparam("used_id"), _connections.c.sign_in == sa.bindparam("used_sign_in"))
    return _connections.update().where(*same).values({name: sa.bindparam(name) for name in names})
