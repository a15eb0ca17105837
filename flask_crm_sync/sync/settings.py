"""What a connection does, as people change it: on or off, contacts, notes, and how often updates go out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..models import Connection
from ..models.operation import PENDING, UPDATE_CONTACT
from .audit import SETTINGS, record
from .catch_up import begin_to_catch_up
from .connections import ConnectionSettings, ConnectionView, find_connected, find_connection
from .context import Sync
from .look_back import begin_to_look_back
from .operations import table as operations
from .progress import CATCH_UP
from .qualified import turn_away
from .reach import count_reachable
from .refusals import NotFound

SHORTEST, LONGEST = 5, 1440
"""Minutes between two rounds of updates."""

_table: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


def save_settings(
    sync: Sync, account_id: str, crm: str, wanted: ConnectionSettings, *, by: str = "", catch_up: bool = False
) -> ConnectionView:
    """Change what a connection does; with `catch_up`, clients that it does not know yet are owed as well.

    Rounds are counted from the moment at which their interval changed, and what waits for a round that no longer
    comes waits for the next one. Where it takes qualified clients only from now on, what waits for others is skipped,
    and the last month's conversations are judged. Raises NotFound where there is no connection, ValueError for an
    impossible interval.
    """
    if not SHORTEST <= wanted.interval_minutes <= LONGEST:
        raise ValueError(f"The interval lies between {SHORTEST} and {LONGEST} minutes.")
    known = find_connected(sync, account_id, crm)
    total = count_reachable(sync, account_id) if catch_up else 0
    now = sync.clock.now()
    values = {**asdict(wanted), "updated_at": now}
    with sync.database.write() as database:
        if wanted.interval_minutes != known.settings.interval_minutes:
            values["next_interval_at"] = now + timedelta(minutes=wanted.interval_minutes)
            database.execute(_SOONER, {"of": known.id, "at": values["next_interval_at"]})
        database.execute(_table.update().where(_table.c.id == known.id).values(values))
        if _is_choosier(known.settings, wanted):
            turn_away(database, known.id, wanted.criteria_set, now)
            begin_to_look_back(database, account_id, wanted.criteria_set, now)
        if catch_up and wanted.enabled and wanted.sync_contacts:
            begin_to_catch_up(database, known.id, total, now)
        _tell(database, known, wanted, now, by, catch_up)
    return find_connection(sync, account_id, crm)


def catch_up_now(sync: Sync, account_id: str, crm: str, *, by: str = "") -> int:
    """Catch up on an account's clients; return how many there are to look at.

    Raises NotFound where there is no connection, or it is off: it is owed nothing.
    """
    known = find_connected(sync, account_id, crm)
    if not known.settings.enabled or not known.settings.sync_contacts:
        raise NotFound("The connection is switched off, or its contacts are: there is nothing to catch up on.")
    total, now = count_reachable(sync, account_id), sync.clock.now()
    with sync.database.write() as database:
        begin_to_catch_up(database, known.id, total, now)
        record(database, account_id, SETTINGS, now=now, by=by, subject_id=known.id, crm=crm, after={CATCH_UP: total})
    return total


def _is_choosier(before: ConnectionSettings, after: ConnectionSettings) -> bool:
    """Tell whether clients are taken no more that were taken before."""
    same = before.qualified_only and before.criteria_set == after.criteria_set
    return after.qualified_only and not same


def _tell(
    database: sa.Connection, known: ConnectionView, wanted: ConnectionSettings, now: datetime, by: str, catch_up: bool
) -> None:
    before, after = asdict(known.settings), asdict(wanted)
    changed: dict[str, Any] = {name: value for name, value in after.items() if value != before[name]}
    if catch_up:
        changed[CATCH_UP] = True
    if changed:
        was = {name: before[name] for name in changed if name in before}
        told = {"subject_id": known.id, "crm": known.crm, "before": was, "after": changed}
        record(database, known.account_id, SETTINGS, now=now, by=by, **told)  # type: ignore[arg-type]


_SOONER = (
    operations.update()
    .where(
        operations.c.connection_id == sa.bindparam("of"),
        operations.c.status == PENDING,
        operations.c.kind == UPDATE_CONTACT,
        operations.c.due_at > sa.bindparam("at"),
        sa.not_(operations.c.unknown),
        operations.c.attempts == 0,
    )
    .values(due_at=sa.bindparam("at"))
)
