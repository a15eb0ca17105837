"""Notes that a filter left out: owed again as soon as it takes their client, whatever has changed meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ...models.change import CONVERSATION
from ...models.operation import ADD_NOTE, SKIPPED
from .. import reasons
from ..claim import Claimed
from ..drain import Drain
from ..operations import new_operation, owe
from ..operations import table as operations
from ..retry import Verdict
from .rows import read_mapping
from .turning_away import is_about_a_client


def owe_left_out(drain: Drain, batch: Sequence[Claimed], verdicts: Mapping[int, Verdict]) -> None:
    """Owe the notes that were left out of clients in a batch who are taken now: those without a verdict yet.

    One question a batch, and none where there never was a filter. They go behind their clients, in this drain.
    """
    mapping = read_mapping(drain.connection)
    asked = (one for one in batch if is_about_a_client(one) and not one.unknown)
    taken = {one.client_id for one in asked if one.id not in verdicts}
    if not (taken and drain.connection["sync_notes"] and (mapping.filter or mapping.has_left_out)):
        return
    with drain.sync.database.read() as database:
        left_out = _left_out(database, drain, taken)
    if left_out:
        with drain.sync.database.write() as database:
            drain.lease.renew(database, drain.sync.clock)
            owe(database, [_owed(drain, row) for row in left_out])


def _left_out(database: sa.Connection, drain: Drain, client_ids: Collection[str]) -> Sequence[sa.RowMapping]:
    """Return the notes of which the log's newest entry is that the filter left them out."""
    given = {"of": drain.connection_id, "clients": sorted(client_ids)}
    return database.execute(_LEFT_OUT, given).mappings().all()


_newest = (
    sa.select(sa.func.max(operations.c.id).label("id"))
    .where(
        operations.c.client_id.in_(sa.bindparam("clients", expanding=True)),
        operations.c.connection_id == sa.bindparam("of"),
        operations.c.kind == ADD_NOTE,
        operations.c.subject_type == CONVERSATION,
    )
    .group_by(operations.c.subject_id)
    .subquery()
)
_LEFT_OUT = (
    sa.select(operations.c.subject_id, operations.c.client_id, operations.c.lane)
    .join(_newest, operations.c.id == _newest.c.id)  # no IN: MariaDB might ask for each row of the table
    .where(operations.c.status == SKIPPED, operations.c.reason == reasons.FILTERED_OUT)
)


def _owed(drain: Drain, row: sa.RowMapping) -> dict[str, Any]:
    now = drain.now()
    return new_operation(drain.connection, kind=ADD_NOTE, subject_type=CONVERSATION, due_at=now, now=now, **row)
