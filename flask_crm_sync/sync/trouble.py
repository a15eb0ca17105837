"""What people are told of trouble: a connection that needs one of them, and failures that come in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..models.connection import CONNECTED
from ..models.notice import MANY_FAILURES, NEEDS_ATTENTION
from ..models.operation import FAILED
from .drain import Drain
from .news import note
from .operations import table as operations
from .retry import Verdict

LATELY = timedelta(hours=1)
_LOOK_FACTOR = 10
"""Failures are counted among the newest entries that failed: so many times the number that is told of."""


def tell_of_attention(connection: sa.Connection, row: Any, code: str, now: datetime) -> None:
    """Note that a connection needs a person, in the transaction that says so, if it was in order as it was read.

    Workers that find out at once have read the same row, and it is the same news.
    """
    if row["state"] == CONNECTED:
        once = f"{row['id']}\0{row['updated_at'].isoformat()}"
        note(connection, row["account_id"], NEEDS_ATTENTION, once, now=now, crm=row["crm"], data={"code": code})


def tell_of_failures(drain: Drain, connection: sa.Connection, verdicts: Sequence[Verdict]) -> None:
    """Note that so many operations of a connection have failed lately, when these are the ones that make it so many.

    To be called where their rows say so already, in the same transaction.
    """
    codes = Counter(verdict.reason for verdict in verdicts if verdict.status == FAILED)
    if not codes:
        return
    now, least, row = drain.now(), drain.sync.settings.failures_to_tell, drain.connection
    given = {"account": row["account_id"], "most": least * _LOOK_FACTOR, "of": row["id"], "since": now - LATELY}
    number = connection.execute(_FAILED_LATELY, given).scalar_one()
    if number - codes.total() < least <= number:
        data = {"code": codes.most_common(1)[0][0], "number": number}
        once = f"{row['id']}\0{now.isoformat()}"
        note(connection, row["account_id"], MANY_FAILURES, once, now=now, crm=row["crm"], data=data)


_newest = (
    sa.select(operations.c.connection_id, operations.c.settled_at)
    .where(operations.c.account_id == sa.bindparam("account"), operations.c.status == FAILED)
    .order_by(operations.c.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .subquery()
)
_FAILED_LATELY = (
    sa.select(sa.func.count())
    .select_from(_newest)
    .where(_newest.c.connection_id == sa.bindparam("of"), _newest.c.settled_at > sa.bindparam("since"))
)
