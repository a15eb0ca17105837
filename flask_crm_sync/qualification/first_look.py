"""An account's first criterion in a set: what was said in the last month is judged by it, quietly, in the background.

Without it every figure would begin at nothing, and "sync qualified clients only" would seem to mean nobody.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from ..models import Connection, CriterionRow
from ..models.connection import DISCONNECTED
from ..models.criterion import DEFAULT_SET
from ..models.qualification import PERSON, WAITING
from ..sync.look_back import begin_to_look_back
from ..sync.qualified import table
from ..sync.to_judge import PAST
from .criteria import Criterion

_criteria: sa.Table = sa.inspect(CriterionRow).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]


def look_back_for_first(
    connection: sa.Connection,
    account_id: str,
    id: uuid.UUID | None,
    wanted: Criterion,
    *,
    in_code: Sequence[Criterion] = (),
    now: datetime,
) -> bool:
    """Look back a month where a criterion is the only one in use in its set; tell whether that was begun.

    Conversations that nobody found anything in yet are judged as past ones are: neither news nor sent by themselves.
    The caller's transaction holds the criterion as it is now.
    """
    name = wanted.set_name
    named = {"account": account_id, "set": name}
    if not wanted.enabled or any(each.enabled and each.set_name == name for each in in_code):
        return False
    if connection.execute(_OTHERS, {**named, "id": id}).first() or not _is_asked(connection, named):
        return False
    connection.execute(_QUIETLY, named)
    begin_to_look_back(connection, account_id, name, now)
    return True


def _is_asked(connection: sa.Connection, named: Mapping[str, str]) -> bool:
    """Tell whether conversations are judged by a set: the default one, or one that a connection names."""
    return named["set"] == DEFAULT_SET or connection.execute(_NAMING, named).first() is not None


_OF_SET = sa.and_(_criteria.c.account_id == sa.bindparam("account"), _criteria.c.set_name == sa.bindparam("set"))
_OTHERS = sa.select(_criteria.c.id).where(_OF_SET, _criteria.c.enabled, _criteria.c.id != sa.bindparam("id")).limit(1)
_NAMING = (
    sa.select(_connections.c.id)
    .where(
        _connections.c.account_id == sa.bindparam("account"),
        _connections.c.criteria_set == sa.bindparam("set"),
        _connections.c.state != DISCONNECTED,
    )
    .limit(1)
)
_QUIETLY = (
    table.update()
    .where(
        table.c.account_id == sa.bindparam("account"),
        table.c.set_name == sa.bindparam("set"),
        table.c.status == WAITING,
        table.c.outcome == "",
        table.c.decided_by != PERSON,
        table.c.ever_qualified_at.is_(None),
        table.c.judge_at.is_(None),  # else somebody has just written
    )
    .values(judged_version=PAST)
)
