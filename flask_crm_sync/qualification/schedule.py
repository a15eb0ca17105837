"""Stage two, when: reviews come due in the database, are taken by one worker at a time, and settled once.

A claim carries a name of its own and lasts by the database's clock, so that workers need not agree on the time. Only
the holder of a claim settles it; a person who decides, or rules that withdraw the wish for a review, take it away.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from ..config import Settings
from ..models import DatabaseClock, Installation
from ..models.qualification import NOT_REVIEWED, REVIEW
from ..sync.context import Sync
from ..sync.deadlock import again_if_deadlocked
from ..sync.qualified import table
from ..sync.steps import JudgingStep, reach
from .quotes import Places
from .review import outcome_of
from .reviewers.base import Verdict
from .standing import after_review
from .standings import Move, Say, Telling, judgements, standing_of, stored

MOST_ATTEMPTS = 8
"""A review that came to nothing so often, the reviewer being down or talking nonsense, is given up."""
QUESTIONS = 2
"""How often a reviewer is asked about one conversation, at most."""
_MARGIN_SECONDS = 120.0
LOOK = 100
"""Due rows that are looked at to find some that may be reviewed today."""
_LONGEST_PAUSE = timedelta(hours=1)
_DAY = timedelta(days=1)

_installations: sa.Table = sa.inspect(Installation).local_table  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class ClaimedReview:
    """A review in hand. `claim` is its name; `attempts` counts this one; `status` is what it was when it was taken."""

    id: UUID
    claim: str
    account_id: str
    conversation_id: str
    client_id: str
    set_name: str
    criterion_name: str
    attempts: int
    status: str


def review_time(settings: Settings, conversation_id: str, set_name: str, now: datetime) -> datetime:
    """Return when a conversation is reviewed: between the least and the most hours from now, by its own hash.

    Conversations that qualify together are so spread evenly, and one that is asked about twice has one answer.
    """
    least, most = timedelta(hours=settings.ai_review_min_hours), timedelta(hours=settings.ai_review_max_hours)
    return now + least + (most - least) * _share(conversation_id, set_name)


def longest_review(settings: Settings) -> float:
    """Return the seconds that one review may take; a claim on it lasts longer."""
    return QUESTIONS * settings.ai_timeout


def next_review_at(sync: Sync) -> datetime | None:
    """Return when the next review comes due that nobody has in hand; None where none is scheduled."""
    with sync.database.read() as connection:
        found: datetime | None = connection.execute(SQL.next).scalar()
    return found


def reviews_today(connection: sa.Connection, account_id: str, now: datetime) -> int:
    """Return how many reviews of an account came to something on this day (UTC)."""
    return _used(connection, [account_id], now)[account_id]


def claim_due_reviews(sync: Sync, limit: int) -> list[ClaimedReview]:
    """Take up to `limit` due reviews. Those of an account whose day is used up wait for the next one, spread evenly."""
    claimed: list[ClaimedReview] = []
    while not claimed and _is_due(sync):
        sync.installation  # noqa: B018 - its row is what claims wait for each other at
        claimed, looked_at = again_if_deadlocked(lambda: _claim(sync, limit), sync.clock)
        reach(JudgingStep.REVIEWS_CLAIMED)
        if not looked_at:
            break
    return claimed


def settle_review(
    sync: Sync, claimed: ClaimedReview, verdict: Verdict, threshold: int, evidence: Places = ()
) -> Move | None:
    """Write what a review came to; return None where the claim is no longer ours, and nothing is written.

    `evidence` are the places of the words that it rests on. What it comes to follows from the status as it is now: the
    rules may have spoken since the review began.
    """

    def settle() -> Move | None:
        with sync.database.write() as connection:
            row = _ours(connection, claimed)
            if row is None:
                return None
            outcome = outcome_of(row.status, verdict, threshold)
            say = Say(
                REVIEW,
                verdict.reason,
                row.criterion_name,
                row.criterion_version,
                verdict.score,
                outcome,
                details={"evidence": [*evidence], "model": verdict.model, "version": verdict.version},
            )
            found = {"review_score": verdict.score, "model": f"{verdict.model} {verdict.version}".strip()[:255]}
            return _settle(sync, connection, row, say, found)

    move = again_if_deadlocked(settle, sync.clock)
    reach(JudgingStep.REVIEW_SETTLED)
    return move


def put_off_review(
    sync: Sync, claimed: ClaimedReview, reason: str, *, retry: bool = True, after: float | None = None
) -> Move | None:
    """Let a review that came to nothing be tried again, or give it up: then it is "not reviewed", with the reason.

    `after` are the seconds that the reviewer asked for. Returns the move where it is given up.
    """

    def put_off() -> Move | None:
        with sync.database.write() as connection:
            row = _ours(connection, claimed)
            if row is None:
                return None
            if not retry or claimed.attempts >= MOST_ATTEMPTS:
                return _settle(sync, connection, row, Say(REVIEW, reason, outcome=NOT_REVIEWED), {})
            pause = max(_pause(sync.settings, claimed.attempts), timedelta(seconds=after or 0.0))
            again = {"review_at": sync.clock.now() + pause, "review_claim": "", "review_reason": reason}
            connection.execute(table.update().where(table.c.id == row.id).values(again))
            reach(JudgingStep.REVIEW_SETTLING)
            return None

    move = again_if_deadlocked(put_off, sync.clock)
    reach(JudgingStep.REVIEW_SETTLED)
    return move


def _settle(sync: Sync, connection: sa.Connection, row: sa.Row[Any], say: Say, found: dict[str, Any]) -> Move:
    now, before = sync.clock.now(), standing_of(row)
    after = after_review(before, say.outcome)
    given = {"review_reason": say.reason, "reviewed_at": now, "review_until": 0.0}
    connection.execute(table.update().where(table.c.id == row.id).values(stored(row, after, now) | found | given))
    owner = (row.account_id, row.conversation_id, row.client_id, row.set_name)
    move, telling = Move(*owner, before.status, after.status, REVIEW, say.outcome), Telling(now)
    telling.add(row.id, move, say)
    telling.write(connection)
    reach(JudgingStep.REVIEW_SETTLING)
    return move


def _ours(connection: sa.Connection, claimed: ClaimedReview) -> sa.Row[Any] | None:
    return connection.execute(_HELD, {"of": claimed.id, "claim": claimed.claim}).first()


_HELD = (
    sa.select(table)
    .where(table.c.id == sa.bindparam("of"), table.c.review_claim == sa.bindparam("claim"))
    .with_for_update()
)


# Claim


@dataclass(frozen=True, slots=True)
class Statements:
    """What is said to the database about claims, by one clock. Built once: building costs more than running."""

    due: sa.Select[Any]
    take: sa.Update
    next: sa.Select[Any]
    in_hand: sa.Select[Any]

    @classmethod
    def by(cls, clock: sa.ColumnElement[float]) -> Statements:
        """Return the statements that go by a clock."""
        free = sa.or_(table.c.review_claim == "", table.c.review_until < clock)
        due = sa.select(table).where(table.c.review_at <= sa.bindparam("now"), free)
        held = sa.and_(table.c.account_id.in_(sa.bindparam("accounts", expanding=True)), table.c.review_claim != "")
        return cls(
            due=due.order_by(table.c.review_at, table.c.id).limit(sa.bindparam("most", type_=sa.Integer())),
            take=table.update()
            .where(table.c.id == sa.bindparam("row_id"))
            .values(
                review_claim=sa.bindparam("name"),
                review_until=clock + sa.bindparam("seconds", type_=sa.Double()),
                review_attempts=table.c.review_attempts + 1,
            ),
            next=sa.select(sa.func.min(table.c.review_at)).where(free),
            in_hand=sa.select(table.c.account_id, sa.func.count())
            .where(held, table.c.review_until >= clock)
            .group_by(table.c.account_id),
        )


SQL = Statements.by(DatabaseClock())


def _is_due(sync: Sync) -> bool:
    with sync.database.read() as connection:
        return connection.execute(SQL.due, {"now": sync.clock.now(), "most": 1}).first() is not None


def _claim(sync: Sync, limit: int) -> tuple[list[ClaimedReview], int]:
    """Return what was taken, and how many due rows were looked at for it."""
    now, claimed, tired = sync.clock.now(), list[ClaimedReview](), list[dict[str, Any]]()
    seconds = longest_review(sync.settings) + _MARGIN_SECONDS
    with sync.database.write() as connection:
        connection.execute(_ONE_AT_A_TIME)
        rows = connection.execute(SQL.due, {"now": now, "most": LOOK}).all()
        left = _left(sync, connection, {row.account_id for row in rows}, now)
        for row in rows:
            if left[row.account_id] <= 0:
                tired.append({"row_id": row.id, "at": _next_day(now, row)})
            elif len(claimed) < limit:
                left[row.account_id] -= 1
                claimed.append(_taken(connection, row, seconds))
        if tired:
            connection.execute(_POSTPONE, tired)
    return claimed, len(rows)


_ONE_AT_A_TIME = sa.select(_installations.c.number).with_for_update()
_POSTPONE = table.update().where(table.c.id == sa.bindparam("row_id")).values(review_at=sa.bindparam("at"))


def _taken(connection: sa.Connection, row: sa.Row[Any], seconds: float) -> ClaimedReview:
    name = str(uuid4())
    connection.execute(SQL.take, {"row_id": row.id, "name": name, "seconds": seconds})
    return ClaimedReview(
        row.id,
        name,
        row.account_id,
        row.conversation_id,
        row.client_id,
        row.set_name,
        row.criterion_name,
        row.review_attempts + 1,
        row.status,
    )


def _left(sync: Sync, connection: sa.Connection, accounts: Iterable[str], now: datetime) -> Counter[str]:
    """Return how many reviews of each account the day has left, what is in hand counted as made."""
    wanted = sorted(accounts)
    used = _used(connection, wanted, now)
    for account, number in connection.execute(SQL.in_hand, {"accounts": wanted}) if wanted else ():
        used[account] += number
    return Counter({account: sync.settings.ai_reviews_a_day - used[account] for account in wanted})


def _used(connection: sa.Connection, accounts: Sequence[str], now: datetime) -> Counter[str]:
    if not accounts:
        return Counter()
    rows = connection.execute(_MADE, {"accounts": accounts, "since": _midnight(now)})
    return Counter({row[0]: row[1] for row in rows})


_MADE = (
    sa.select(judgements.c.account_id, sa.func.count())
    .where(
        judgements.c.account_id.in_(sa.bindparam("accounts", expanding=True)),
        judgements.c.decided_by == REVIEW,
        judgements.c.at >= sa.bindparam("since"),
        judgements.c.outcome != NOT_REVIEWED,
    )
    .group_by(judgements.c.account_id)
)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _next_day(now: datetime, row: sa.Row[Any]) -> datetime:
    return _midnight(now) + _DAY * (1 + _share(row.conversation_id, row.set_name) / 4)


def _share(conversation_id: str, set_name: str) -> float:
    """Return a number from 0 up to 1, the same for the same conversation and set."""
    digest = hashlib.blake2b(f"{set_name}\0{conversation_id}".encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") / 2**64


def _pause(settings: Settings, attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: a minute at first, then twice as long each time.

    Where the hours of reviews are scaled down, for a demo, the minutes are as well.
    """
    first = min(timedelta(minutes=1), max(timedelta(seconds=1), timedelta(hours=settings.ai_review_min_hours) / 100))
    return min(_LONGEST_PAUSE, first * 2.0 ** (attempts - 1))
