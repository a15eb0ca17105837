"""Stage one: the rules look at what the fan-out has marked, and what they say is written with all that follows from it.

A row is taken by moving its mark into the near future, to an instant that nobody else writes there. Whoever comes back
with the rules' word finds the mark where it was, or somebody has written again in the meantime: then the word is
dropped, and the newer mark brings the conversation up once more. A worker that dies leaves marks that come due.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from ..host.bound import BindingFailure
from ..host.messages import WHOLE
from ..host.records import ClientRecord, ConversationRecord
from ..models.database import supports_skip_locked
from ..models.qualification import QUALIFIED, RULES, WAITING
from ..sync.context import Sync
from ..sync.deadlock import again_if_deadlocked
from ..sync.erased import erased_among
from ..sync.qualified import table
from ..sync.steps import JudgingStep, reach
from ..sync.to_judge import PAST
from .criteria import Criterion
from .criteria_of import CriteriaBySet, criteria_of
from .rules import Judged, Rules, compile_rules
from .schedule import review_time
from .standing import Ruled, after_rules
from .standings import Move, Say, Telling, standing_of, stored

BATCH = 100
"""Conversations that are loaded and judged in one go."""
BATCHES = 10
"""Batches that one call does; a job that has more to do asks for another one."""
_HOLD = timedelta(seconds=60)
_AFTER_FAILURE = timedelta(minutes=10)
_QUIETLY = f"{PAST} "
"""Stands before the version of a conversation that was judged looking back, until its client writes again."""

_log = logging.getLogger(__name__)


@dataclass
class Judgings:
    """What came of judging: the moves to tell of, and whether there is more to do."""

    moves: list[Move] = field(default_factory=list)
    judged: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Ruling:
    """What the rules say of one row; `judged` is None where there is nothing to judge (any more), or no rules."""

    judged: Judged | None
    conversation: ConversationRecord | None = None
    again_at: datetime | None = None
    """When to look again, where the rules themselves failed."""


def judge(sync: Sync, in_code: Sequence[Criterion] = ()) -> Judgings:
    """Let the rules look at what is marked, a batch at a time; `in_code` are criteria of every account."""
    result = Judgings()
    for _ in range(BATCHES):
        stamp, rows = again_if_deadlocked(lambda: _claim(sync), sync.clock)
        if not rows:
            return result
        reach(JudgingStep.JUDGING_CLAIMED)
        rulings = _rule(sync, rows, in_code)
        reach(JudgingStep.JUDGING_LOADED)
        result.moves += again_if_deadlocked(lambda: _settle(sync, stamp, rulings), sync.clock)  # noqa: B023 - run at once
        reach(JudgingStep.JUDGED)
        result.judged += len(rows)
        if len(rows) < BATCH:
            return result
    result.more = True
    return result


# Claim


def _claim(sync: Sync) -> tuple[datetime, Sequence[sa.Row[Any]]]:
    """Take the next rows by moving their mark; two workers at once take different ones."""
    now = sync.clock.now()
    with sync.database.read() as connection:
        if connection.execute(_MARKED, {"now": now}).first() is None:
            return now, ()
    stamp = now + _HOLD
    with sync.database.write() as connection:
        rows = connection.execute(_CLAIM_UNLOCKED if supports_skip_locked(connection) else _CLAIM, {"now": now}).all()
        if rows:
            connection.execute(_STAMP, {"ids": [row.id for row in rows], "stamp": stamp})
    return stamp, rows


_MARKED = sa.select(table.c.id).where(table.c.judge_at <= sa.bindparam("now")).limit(1)
_KEY = ("id", "account_id", "conversation_id", "set_name")
_CLAIM = (
    sa.select(*(table.c[name] for name in _KEY))
    .where(table.c.judge_at <= sa.bindparam("now"))
    .order_by(table.c.judge_at, table.c.id)
    .limit(BATCH)
)
_CLAIM_UNLOCKED = _CLAIM.with_for_update(skip_locked=True)
_BY_IDS = table.c.id.in_(sa.bindparam("ids", expanding=True))
_STAMP = table.update().where(_BY_IDS).values(judge_at=sa.bindparam("stamp"))


# Judge


def _rule(sync: Sync, rows: Sequence[sa.Row[Any]], in_code: Sequence[Criterion]) -> dict[Any, _Ruling]:
    """Return what the rules say of each row, by its id. No transaction is open while they think."""
    with sync.database.read() as connection:
        ids = {row.conversation_id for row in rows}
        conversations = sync.host.load_conversations(connection, ids, ends=WHOLE)
        known = [one for one in conversations.values() if isinstance(one, ConversationRecord)]
        clients = sync.host.load_clients(connection, {one.client_id for one in known if one.client_id})
        accounts = {row.account_id for row in rows} | {one.account_id for one in known}
        criteria = criteria_of(connection, accounts, in_code)
        gone = erased_among(sync, connection, {one.client_id: one.account_id for one in known if one.client_id})
    for conversation in known:
        if conversation.client_id in gone:
            del conversations[conversation.id]
    return {row.id: _ruled(sync, row, conversations.get(row.conversation_id), clients, criteria) for row in rows}


def _ruled(
    sync: Sync,
    row: sa.Row[Any],
    conversation: ConversationRecord | BindingFailure | None,
    clients: Mapping[str, ClientRecord | BindingFailure],
    criteria: CriteriaBySet,
) -> _Ruling:
    if not isinstance(conversation, ConversationRecord) or conversation.test:
        return _Ruling(None)  # what cannot be read has been logged, and comes up again when it changes
    rules = _compiled(criteria.get((conversation.account_id, row.set_name), ()))
    if not rules.criteria:
        return _Ruling(None, conversation)
    client = clients.get(conversation.client_id)
    try:
        judged = rules.judge(conversation, client if isinstance(client, ClientRecord) else None)
    except Exception:
        _log.exception("The rules failed on a conversation; they look at it again later.")
        return _Ruling(None, again_at=sync.clock.now() + _AFTER_FAILURE)
    return _Ruling(judged, conversation)


@lru_cache(maxsize=256)
def _compiled(criteria: tuple[Criterion, ...]) -> Rules:
    return compile_rules(criteria)


# Settle


def _settle(sync: Sync, stamp: datetime, rulings: Mapping[Any, _Ruling]) -> list[Move]:
    """Write what the rules say of the rows whose mark is still ours, by where each stands at this moment."""
    telling = Telling(sync.clock.now())
    with sync.database.write() as connection:
        rows = connection.execute(_OURS, {"ids": list(rulings), "stamp": stamp}).all()
        values = [_settled(sync, row, rulings[row.id], telling) for row in rows]
        if values:
            connection.execute(_SETTLE, values)
        telling.write(connection)
        reach(JudgingStep.JUDGING_SETTLED)
    return [move for _, move, *_ in telling.news]


_OURS = sa.select(table).where(_BY_IDS, table.c.judge_at == sa.bindparam("stamp")).order_by(table.c.id)
_OURS = _OURS.with_for_update()
_WRITTEN = (
    *("account_id", "client_id", "status", "final", "decided_by", "criterion_name", "criterion_version", "score"),
    *("reason", "judge_at", "judged_version", "review_at", "review_claim", "review_attempts", "outcome"),
    *("ever_qualified_at", "updated_at"),
)
_SETTLE = (
    table.update().where(table.c.id == sa.bindparam("row_id")).values({name: sa.bindparam(name) for name in _WRITTEN})
)


def _settled(sync: Sync, row: sa.Row[Any], ruling: _Ruling, telling: Telling) -> dict[str, Any]:
    """Return a row's columns as they will be."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _WRITTEN}
    values |= {"row_id": row.id, "judge_at": ruling.again_at}
    if ruling.conversation is not None:
        values |= _owner(row, ruling.conversation, telling)
    if ruling.judged is not None and ruling.conversation is not None:
        values |= _after_rules(sync, row, ruling.conversation, ruling.judged, telling)
    return values


def _owner(row: sa.Row[Any], conversation: ConversationRecord, telling: Telling) -> dict[str, Any]:
    """A conversation that has moved to another client is looked at for both of them."""
    now_of = (conversation.account_id, conversation.client_id)
    if (row.account_id, row.client_id) != now_of and row.ever_qualified_at is not None:
        telling.look_at(row.account_id, row.client_id)
        telling.look_at(*now_of)
    return {"account_id": conversation.account_id, "client_id": conversation.client_id}


def _after_rules(
    sync: Sync, row: sa.Row[Any], conversation: ConversationRecord, judged: Judged, telling: Telling
) -> dict[str, Any]:
    before, version = standing_of(row), _version(conversation)
    is_past, heard = row.judged_version == PAST, row.judged_version.removeprefix(PAST).strip()
    moved_on = bool(heard) and heard != version
    worth_review = judged.worth_review and (before.review_owed or not is_past)  # looking back costs nobody a review
    after = after_rules(before, Ruled(judged.status, worth_review, moved_on))
    values = stored(row, after, telling.now) | {"judged_version": version}
    if after.review_owed and not before.review_owed:
        values["review_at"] = review_time(sync.settings, row.conversation_id, row.set_name, telling.now)
    if after.decided_by != RULES:
        return values
    say = _said(judged)
    owner = (conversation.account_id, row.conversation_id, conversation.client_id, row.set_name)
    was_quiet = row.judged_version.startswith(_QUIETLY)
    if after.status != before.status:
        telling.add(row.id, Move(*owner, before.status, after.status, RULES), say, quietly=is_past, upon=version)
    elif was_quiet and moved_on and after.status == QUALIFIED:
        telling.announce(row.id, Move(*owner, WAITING, QUALIFIED, RULES), say, upon=version)
    elif was_quiet and not moved_on:
        is_past = True
    if is_past:
        values["judged_version"] = _QUIETLY + version
    return values | {name: getattr(say, name) for name in ("criterion_name", "criterion_version", "score", "reason")}


def _said(judged: Judged) -> Say:
    name, version = (judged.criterion.name, judged.criterion.version) if judged.criterion else ("", 0)
    return Say(RULES, " ".join(judged.reasons), name, version, judged.score)


def _version(conversation: ConversationRecord) -> str:
    """Return what tells whether the client has written since, without keeping a word of it."""
    digest = hashlib.blake2b(digest_size=24)
    for message in conversation.messages:
        if message.from_client:
            digest.update(f"{message.text}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
