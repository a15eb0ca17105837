"""Conflicts: fields that both sides changed, as they wait for a person, and as they were decided.

Only digests are kept: a page reads both values live. A decision holds for the two values that it was about; where one
of them has moved since, the conflict is open again.
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
from ..models.conflict import AGREED, BOTH_CHANGED, DECIDED, FLIPS, OPEN, OURS, SETTLED, THEIRS
from ..models.operation import APPLY_REMOTE, LIVE
from . import audit
from .context import Sync
from .merge import Side
from .operations import new_operation, owe
from .paging import Place, cut
from .refusals import ChoiceNotPossible, NotFound

PAGE_SIZE = 50
CHOICES: tuple[Side, ...] = ("ours", "theirs")

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


@dataclass(frozen=True, slots=True)
class ConflictsPage:
    """A page of conflicts, newest first. `older` and `newer` are the numbers to go on from, None at either end."""

    conflicts: Sequence[sa.Row[Any]]
    older: int | None
    newer: int | None


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
            _settle(database, row.id, one.choice, now)
        elif (row.ours, row.theirs, row.state) != (one.ours, one.theirs, OPEN) and row.cause == one.cause:
            moved = {"ours": one.ours, "theirs": one.theirs, "state": OPEN, "choice": "", "user_id": ""}
            database.execute(_table.update().where(_table.c.id == row.id).values(moved))


def settle_agreed(database: sa.Connection, rows: Iterable[sa.Row[Any]], now: datetime) -> None:
    """Close conflicts whose two sides are the same again."""
    for row in rows:
        _settle(database, row.id, row.choice or AGREED, now)


def conflicts_page(
    sync: Sync, account_id: str, *, state: str = OPEN, place: Place | None = None, limit: int = PAGE_SIZE
) -> ConflictsPage:
    """Return an account's conflicts in one state, newest first."""
    place = place or Place()
    query = sa.select(_table).where(_table.c.account_id == account_id, _table.c.state == state)
    query = place.narrowed(query, _table.c.id).order_by(place.order(_table.c.id)).limit(limit + 1)
    with sync.database.read() as database:
        page = cut(database.execute(query).all(), place, limit)
    return ConflictsPage(page.rows, page.older, page.newer)


def find_conflict(sync: Sync, account_id: str, conflict_id: int) -> sa.Row[Any]:
    """Return one conflict of an account; raise NotFound where the account has no such conflict."""
    query = sa.select(_table).where(_table.c.account_id == account_id, _table.c.id == conflict_id)
    with sync.database.read() as database:
        row = database.execute(query).first()
    if row is None:
        raise NotFound("There is no such conflict.")
    return row


def settle_conflict(sync: Sync, account_id: str, conflict_id: int, choice: Side, *, by: str = "") -> None:
    """Decide for one side's value; the client is owed to the connection at once, which carries the decision out.

    Raises NotFound, and ChoiceNotPossible where somebody else was quicker.
    """
    if choice not in CHOICES:
        raise ChoiceNotPossible
    row, now = find_conflict(sync, account_id, conflict_id), sync.clock.now()
    with sync.database.write() as database:
        still = sa.and_(_table.c.id == row.id, _table.c.state == OPEN)
        decided = {"state": DECIDED, "choice": choice, "user_id": by[:191], "decided_at": now}
        if not database.execute(_table.update().where(still).values(decided)).rowcount:
            raise ChoiceNotPossible
        to = database.execute(sa.select(_connections).where(_connections.c.id == row.connection_id)).mappings().one()
        owe(database, [remote_operation(to, row.client_id, lane=LIVE, now=now)])
        audit.record(
            database,
            account_id,
            audit.DECIDE,
            now=now,
            by=by,
            subject_type=CLIENT,
            subject_id=row.client_id,
            crm=row.crm,
            after={"field": row.field, "choice": choice},
        )


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
    return "ours" if row.choice == OURS else "theirs" if row.choice == THEIRS else None


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
