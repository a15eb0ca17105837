"""Conflicts: fields that both sides changed, as the engine meets, keeps and settles them.

Only digests are kept. A decision holds for the two values that it was about; where one of them has moved since, the
conflict is open again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Conflict, Connection
from ..models.change import CLIENT
from ..models.conflict import AGREED, BOTH_CHANGED, DECIDED, FLIPS, OPEN, OURS, SETTLED, THEIRS, TYPED
from ..models.operation import APPLY_REMOTE
from .operations import new_operation
from .plan import Side

_table: sa.Table = sa.inspect(Conflict).local_table  # type: ignore[assignment]
_connections: sa.Table = sa.inspect(Connection).local_table  # type: ignore[assignment]
_STANDING = sa.select(_table).where(
    _table.c.connection_id == sa.bindparam("of"),
    _table.c.client_id.in_(sa.bindparam("ids", expanding=True)),
    _table.c.state.in_((OPEN, DECIDED)),
)


@dataclass(frozen=True, slots=True)
class Met:
    """A field that a merge met: its digests on both sides, and who wins ("" where a person has to say)."""

    client_id: str
    field: str
    ours: str
    theirs: str
    choice: str = ""
    cause: str = BOTH_CHANGED


Standing = Mapping[str, Mapping[str, sa.Row[Any]]]
"""By client and field: the conflict that waits for a person, or for the sync to carry a decision out."""


def load_standing(database: sa.Connection, connection_id: UUID, client_ids: Iterable[str]) -> Standing:
    """Return the conflicts of clients that are not settled yet, in one query."""
    found: dict[str, dict[str, sa.Row[Any]]] = {}
    for row in database.execute(_STANDING, {"of": connection_id, "ids": list(client_ids)}):
        found.setdefault(row.client_id, {})[row.field] = row
    return found


def note_met(
    database: sa.Connection, to: Mapping[Any, Any], met: Iterable[Met], standing: Standing, now: datetime
) -> None:
    """Write down what a merge met, in the caller's transaction: new ones, moved ones, and those that rules decided."""
    for one in met:
        row = standing.get(one.client_id, {}).get(one.field)
        if row is None:
            database.execute(_table.insert(), _new(to, one, now))
        elif one.choice:
            _settle(database, row.id, TYPED if (row.choice, one.choice) == (TYPED, OURS) else one.choice, now)
        elif (row.ours, row.theirs, row.state) != (one.ours, one.theirs, OPEN) and row.cause == one.cause:
            moved = {"ours": one.ours, "theirs": one.theirs, "state": OPEN, "choice": "", "user_id": ""}
            database.execute(_table.update().where(_table.c.id == row.id).values(moved))


def settle_agreed(database: sa.Connection, rows: Iterable[sa.Row[Any]], now: datetime) -> None:
    """Close conflicts whose two sides are the same again."""
    for row in rows:
        _settle(database, row.id, row.choice or AGREED, now)


def forget_conflicts(database: sa.Connection, connection_id: UUID, fields: Sequence[str] | None = None) -> None:
    """Delete what waits of a connection, or of some of its fields, where no decision about it would be carried out."""
    waiting = sa.and_(_table.c.connection_id == connection_id, _table.c.state.in_((OPEN, DECIDED)))
    of = sa.true() if fields is None else _table.c.field.in_(fields)
    database.execute(_table.delete().where(waiting, of))


def forget_conflicts_of(database: sa.Connection, client_ids: Sequence[str]) -> None:
    """Delete what waits of clients that are not there any more."""
    everywhere = _table.c.connection_id.in_(sa.select(_connections.c.id))  # so that the index of clients serves
    gone = sa.and_(everywhere, _table.c.client_id.in_(client_ids), _table.c.state.in_((OPEN, DECIDED)))
    database.execute(_table.delete().where(gone))


def remote_operation(to: Mapping[Any, Any], client_id: str, *, lane: int, now: datetime) -> dict[str, Any]:
    """Return the row of an operation that looks at a client's record in the CRM."""
    return new_operation(
        to,
        kind=APPLY_REMOTE,
        lane=lane,
        subject_type=CLIENT,
        subject_id=client_id,
        client_id=client_id,
        due_at=now,
        now=now,
    )


def chosen_side(row: sa.Row[Any], ours: str, theirs: str) -> Side | None:
    """Return what a person decided about exactly these two values, None where nobody did."""
    stands = row.state == DECIDED and (row.cause == FLIPS or (row.ours, row.theirs) == (ours, theirs))
    if not stands:
        return None
    sides: Mapping[str, Side] = {OURS: "ours", TYPED: "ours", THEIRS: "theirs"}
    return sides.get(row.choice)


def _settle(database: sa.Connection, conflict_id: int, choice: str, now: datetime) -> None:
    settled = {"state": SETTLED, "open_key": None, "choice": choice, "settled_at": now}
    database.execute(_table.update().where(_table.c.id == conflict_id).values(settled))


def _new(to: Mapping[Any, Any], met: Met, now: datetime) -> dict[str, Any]:
    subject = f"{met.client_id}\0{met.field}".encode("utf-8", "surrogatepass")
    open_key = f"{to['id'].hex}:{hashlib.blake2b(subject, digest_size=16).hexdigest()}"
    return {
        "account_id": to["account_id"],
        "connection_id": to["id"],
        "crm": to["crm"],
        "client_id": met.client_id,
        "field": met.field,
        "cause": met.cause,
        "state": SETTLED if met.choice else OPEN,
        "open_key": None if met.choice else open_key,
        "ours": met.ours,
        "theirs": met.theirs,
        "choice": met.choice,
        "user_id": "",
        "created_at": now,
        "settled_at": now if met.choice else None,
    }
