"""What a client's conversations came to, as far as something follows from it in a CRM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models.qualification import (
    CONFIRMED,
    DOWNGRADED,
    PERSON,
    QUALIFIED,
    UNDECIDED,
    UPGRADED,
)
from .follow_ups import PROVISIONAL
from .qualified import Row, table

_RANK = (CONFIRMED, UPGRADED, PROVISIONAL, DOWNGRADED, UNDECIDED)
"""Of several conversations, which one speaks for the client: one that qualifies before one that does no more."""


@dataclass(frozen=True, slots=True)
class ClientOutcome:
    """What a client came to, and the conversation that it is told by: who decided, by which criterion and why."""

    outcome: str
    qualification_id: UUID
    conversation_id: str
    decided_by: str
    criterion: str
    reason: str


NO_OUTCOME = ""


def outcomes_of(connection: sa.Connection, to: Row, client_ids: Iterable[str]) -> dict[str, ClientOutcome]:
    """Return by client what its conversations came to under a connection's criteria; who came to nothing is left out.

    One that qualified once and does no more counts as downgraded, whoever found that.
    """
    wanted = {"clients": list(client_ids), "set": to["criteria_set"], "of": to["account_id"]}
    found: dict[str, tuple[tuple[bool, int], ClientOutcome]] = {}
    for row in connection.execute(_STANDINGS, wanted) if wanted["clients"] else ():
        place = (row.status != QUALIFIED, _RANK.index(outcome_of(row)))
        known = found.get(row.client_id)
        if known is None or place < known[0]:
            found[row.client_id] = (place, told_of(row))
    return {client_id: outcome for client_id, (_place, outcome) in found.items()}


def outcome_of(row: sa.Row[Any]) -> str:
    """Return what one conversation came to."""
    if row.status == QUALIFIED:
        if row.decided_by == PERSON:
            return CONFIRMED
        return row.outcome if row.outcome in (CONFIRMED, UPGRADED, UNDECIDED) else PROVISIONAL
    return DOWNGRADED if row.ever_qualified_at is not None else UNDECIDED


def told_of(row: sa.Row[Any]) -> ClientOutcome:
    """Return what one conversation came to, with who found it and why."""
    outcome = outcome_of(row)
    by_review = outcome in (CONFIRMED, UPGRADED, DOWNGRADED, UNDECIDED) and row.decided_by != PERSON
    reason = (row.review_reason if by_review else "") or row.reason
    return ClientOutcome(outcome, row.id, row.conversation_id, row.decided_by, row.criterion_name, reason)


_COLUMNS = (
    *("id", "client_id", "conversation_id", "status", "decided_by", "outcome", "criterion_name", "reason"),
    *("review_reason", "ever_qualified_at"),
)
_STANDINGS = (
    sa.select(*(table.c[name] for name in _COLUMNS))
    .where(
        table.c.client_id.in_(sa.bindparam("clients", expanding=True)),
        table.c.set_name == sa.bindparam("set"),
        table.c.account_id == sa.bindparam("of"),
        sa.or_(table.c.ever_qualified_at.is_not(None), table.c.outcome == sa.literal_column(f"'{UNDECIDED}'")),
    )
    .order_by(table.c.updated_at.desc(), table.c.id)
)


def outcome_by_client(outcomes: Mapping[str, ClientOutcome], client_id: str) -> str:
    """Return the name of a client's outcome, "" where there is none."""
    found = outcomes.get(client_id)
    return found.outcome if found is not None else NO_OUTCOME
