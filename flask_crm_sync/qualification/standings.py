"""What was found of conversations, as it is stored: read, changed, and told of, always in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ..models import Change, Judgement
from ..models.change import CLIENT, QUALIFICATION, REVIEWED
from ..models.notice import LEAD_QUALIFIED, REVIEW_CHANGED
from ..models.qualification import DOWNGRADED, PERSON, QUALIFIED, UPGRADED
from ..sync.news import note
from .standing import Standing

judgements: sa.Table = sa.inspect(Judgement).local_table  # type: ignore[assignment]
_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Move:
    """A conversation's way from one status to another, or a review that left it where it was; for signals.

    It holds ids and codes, no personal data. `outcome` is what a review came to, "" where none took place.
    """

    account_id: str
    conversation_id: str
    client_id: str
    set_name: str
    before: str
    after: str
    decided_by: str
    outcome: str = ""

    @property
    def qualifies(self) -> bool:
        """Tell whether it is by this that the conversation is qualified."""
        return self.after == QUALIFIED and self.before != QUALIFIED


@dataclass(frozen=True, slots=True)
class Say:
    """Who said it, why, and by which criterion: what the history keeps beside the move itself."""

    decided_by: str
    reason: str = ""
    criterion_name: str = ""
    criterion_version: int = 0
    score: int = 0
    outcome: str = ""
    user_id: str = ""
    details: Mapping[str, Any] | None = field(default=None)


def standing_of(row: sa.Row[Any]) -> Standing:
    """Return where a stored conversation stands."""
    return Standing(row.status, row.final, row.decided_by, row.outcome, row.review_at is not None)


def stored(row: sa.Row[Any], after: Standing, now: datetime) -> dict[str, Any]:
    """Return the columns of a new standing; when a review comes is the caller's to say where one is newly owed."""
    moved = after.status != row.status
    qualified = after.status == QUALIFIED
    values: dict[str, Any] = {
        "status": after.status,
        "final": after.final,
        "decided_by": after.decided_by,
        "outcome": after.outcome,
        "ever_qualified_at": row.ever_qualified_at or (now if qualified else None),
        "updated_at": now if moved else row.updated_at,
    }
    return values if after.review_owed else values | {"review_at": None, "review_claim": "", "review_attempts": 0}


@dataclass
class Telling:
    """What a transaction has to tell of the moves in it, gathered so that it is written in few statements."""

    now: datetime
    history: list[dict[str, Any]] = field(default_factory=list)
    clients: dict[tuple[str, str], str] = field(default_factory=dict)
    news: list[tuple[UUID, Move, Say, str]] = field(default_factory=list)

    def add(self, row_id: UUID, move: Move, say: Say, *, quietly: bool = False, upon: str = "") -> None:
        """Keep a move for the history; where the status changed, its client is synced and people may be told.

        What is found quietly is from before anybody asked: neither news, nor a lead that goes before all others.
        `upon` is a digest of what was said by which it is so, for news of it to be told once.
        """
        own = {name: getattr(move, name) for name in ("account_id", "conversation_id", "client_id", "set_name")}
        self.history.append({**own, "before": move.before, "after": move.after, **asdict(say), "at": self.now})
        if quietly:
            return
        if move.before == move.after and (move.outcome or move.decided_by == PERSON) and move.client_id:
            self.clients.setdefault((move.account_id, move.client_id), REVIEWED)
        if move.before != move.after:
            self.announce(row_id, move, say, upon=upon)

    def announce(self, row_id: UUID, move: Move, say: Say, *, upon: str = "") -> None:
        """Tell of a move; also of what was found quietly, once somebody goes on with it, so that it is news now."""
        self.look_at(move.account_id, move.client_id)
        self.news.append((row_id, move, say, upon or self.now.isoformat()))

    def look_at(self, account_id: str, client_id: str) -> None:
        """Let the fan-out look at a client, of whom a conversation was judged anew."""
        if client_id:
            self.clients[account_id, client_id] = QUALIFICATION

    def write(self, connection: sa.Connection) -> None:
        """Write all of it, in the caller's transaction."""
        if self.history:
            connection.execute(judgements.insert(), self.history)
        same = {"subject_type": CLIENT, "created_at": self.now}
        if self.clients:
            rows = [
                {**same, "account_id": account, "subject_id": client, "kind": kind}
                for (account, client), kind in self.clients.items()
            ]
            connection.execute(_changes.insert(), rows)
        for row_id, move, say, upon in self.news:
            _note(connection, row_id, move, say, upon, self.now)


def _note(connection: sa.Connection, row_id: UUID, move: Move, say: Say, upon: str, now: datetime) -> None:
    """Two sets that say the same of a conversation, upon the same words or at the same instant, are one piece of news.

    A review that finds no lead where none was known takes none back: that is no news.
    """
    is_review = move.outcome == UPGRADED or (move.outcome == DOWNGRADED and move.before == QUALIFIED)
    if not is_review and not move.qualifies:
        return
    data = {
        "set": move.set_name,
        "before": move.before,
        "after": move.after,
        "by": say.decided_by,
        "outcome": move.outcome,
        "criterion": say.criterion_name,
        "qualification": str(row_id),
    }
    event, once = REVIEW_CHANGED if is_review else LEAD_QUALIFIED, f"{move.conversation_id}\0{move.client_id}\0{upon}"
    of = {"client_id": move.client_id, "conversation_id": move.conversation_id}
    note(connection, move.account_id, event, once, now=now, data=data, **of)
