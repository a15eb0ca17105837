"""What conversations were found to be, as people and badges see it, with every change: who, when, why, by what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..models.criterion import DEFAULT_SET
from ..models.qualification import NOT_REVIEWED, QUALIFIED
from ..sync.context import Sync
from ..sync.qualified import table
from .standings import judgements

MOST = 200
"""How many entries of one conversation's history are shown, the newest."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a conversation was found to be under a set. `review_at` says when a review is due."""

    account_id: str
    conversation_id: str
    client_id: str
    set_name: str
    status: str
    final: bool
    decided_by: str
    criterion_name: str
    criterion_version: int
    score: int
    reason: str
    outcome: str
    review_score: int | None
    review_reason: str
    model: str
    reviewed_at: datetime | None
    review_at: datetime | None
    updated_at: datetime

    @property
    def is_provisional(self) -> bool:
        """Tell whether it is qualified until a review or a person says more."""
        return self.status == QUALIFIED and not self.final

    @property
    def is_not_reviewed(self) -> bool:
        """Tell whether a review was owed and could not be had; `review_reason` says why."""
        return self.outcome == NOT_REVIEWED


@dataclass(frozen=True, slots=True)
class Turn:
    """One change: from what to what, when, by whom and why. `user_id` is the host's id of a person."""

    set_name: str
    decided_by: str
    user_id: str
    before: str
    after: str
    outcome: str
    criterion_name: str
    criterion_version: int
    score: int
    reason: str
    details: Mapping[str, Any] | None
    at: datetime


def standings_of(
    connection: sa.Connection, account_id: str, conversation_ids: Iterable[str], set_name: str = DEFAULT_SET
) -> dict[str, Found]:
    """Return by id what conversations of an account were found to be, in one query; unjudged ones are left out."""
    wanted = list(conversation_ids)
    if not wanted:
        return {}
    rows = connection.execute(_FOUND, {"of": account_id, "ids": wanted, "set": set_name})
    return {row.conversation_id: _found(row) for row in rows}


def history(sync: Sync, account_id: str, conversation_id: str, set_name: str | None = None) -> list[Turn]:
    """Return what happened to a conversation's standing, the newest first, under one set or under all.

    A key of the host that stood for another conversation before brings nothing of that one along.
    """
    with sync.database.read() as connection:
        own = sa.and_(table.c.account_id == account_id, table.c.conversation_id == conversation_id)
        since = connection.execute(sa.select(sa.func.min(table.c.created_at)).where(own)).scalar()
        if since is None:
            return []
        query = sa.select(judgements).where(
            judgements.c.conversation_id == conversation_id,
            judgements.c.account_id == account_id,
            judgements.c.at >= since,
        )
        if set_name is not None:
            query = query.where(judgements.c.set_name == set_name)
        rows = connection.execute(query.order_by(judgements.c.id.desc()).limit(MOST)).all()
    return [Turn(*(getattr(row, field.name) for field in fields(Turn))) for row in rows]


_FOUND = sa.select(table).where(
    table.c.conversation_id.in_(sa.bindparam("ids", expanding=True)),
    table.c.set_name == sa.bindparam("set"),
    table.c.account_id == sa.bindparam("of"),
)


def _found(row: sa.Row[Any]) -> Found:
    return Found(*(getattr(row, field.name) for field in fields(Found)))
