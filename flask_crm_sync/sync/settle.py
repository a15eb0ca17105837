"""Settling: verdicts become rows, in one transaction with the links, under the drain's own fencing number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..models.operation import FAILED, FULL_BATCH, PENDING, SKIPPED, SUCCESS
from . import reasons
from .attempts import with_attempt
from .claim import Claimed
from .operations import pending_key
from .operations import table as operations
from .retry import Verdict

_TRIES = 5

Pair = tuple[Claimed, Verdict]


def settle(connection: sa.Connection, pairs: Sequence[Pair], now: datetime) -> None:
    """Write what became of claimed operations. The caller holds the connection's row by its lease."""
    finals = [(operation, verdict) for operation, verdict in pairs if verdict.status != PENDING]
    done = [_done(*pair) for pair in finals if _is_plain(pair[1])]
    if done:
        connection.execute(_SUCCEED, [{**row, "settled_at": now} for row in done])
    closed = [_closed(*pair, now) for pair in finals if not _is_plain(pair[1])]
    if closed:
        connection.execute(_CLOSE, closed)
    put_back(connection, [pair for pair in pairs if pair[1].status == PENDING], now)


def _of_row(*names: str) -> dict[str, sa.BindParameter[Any]]:
    return {name: sa.bindparam(name) for name in names}


_ROW = operations.update().where(operations.c.id == sa.bindparam("op_id"))
_FINAL = _ROW.values(
    _of_row("kind", "reason", "details", "remote_id", "remote_url", "settled_at")
    | {name: sa.null() for name in ("claim", "due_at", "pending_key")}
)
_CLOSE = _FINAL.values(_of_row("status", "message", "crm_message", "unknown"))
_SUCCEED = _FINAL.values(
    status=sa.literal_column(f"'{SUCCESS}'"),
    message=sa.literal_column("''"),
    crm_message=sa.literal_column("''"),
    unknown=sa.false(),
)


def _is_plain(verdict: Verdict) -> bool:
    """Tell whether there is nothing to say but that it is done: then little needs to be written."""
    return verdict.status == SUCCESS and not (verdict.message or verdict.crm_message or verdict.unknown)


def _done(operation: Claimed, verdict: Verdict) -> dict[str, Any]:
    return {
        "op_id": operation.id,
        "kind": verdict.kind or operation.kind,
        "reason": verdict.reason,
        "details": _with_history(operation.details, verdict.details),
        "remote_id": verdict.remote_id,
        "remote_url": verdict.remote_url,
    }


def _closed(operation: Claimed, verdict: Verdict, now: datetime) -> dict[str, Any]:
    return {
        **_done(operation, verdict),
        "details": _ended(operation, verdict, now),
        "status": verdict.status,
        "message": verdict.message,
        "crm_message": verdict.crm_message,
        "unknown": verdict.unknown,
        "settled_at": now,
    }


def _with_history(before: Mapping[str, Any] | None, told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Keep the history of earlier attempts beside what this one tells."""
    history = (before or {}).get("history")
    if not history:
        return dict(told) if told else None
    return {**(told or {}), "history": history}


def _ended(operation: Claimed, verdict: Verdict, now: datetime) -> dict[str, Any] | None:
    """Note an attempt that failed, or that read the CRM for nothing: a person may have it tried again."""
    details = _with_history(operation.details, verdict.details)
    return with_attempt(details, verdict, now) if verdict.status == FAILED or verdict.seen else details


# Back to pending


def put_back(connection: sa.Connection, pairs: Sequence[Pair], now: datetime) -> None:
    """Let operations wait again; where a newer one waits for the same subject already, that one takes the work over."""
    keyed = [(_key(op), (op, verdict)) for op, verdict in pairs]
    left = sorted(keyed, key=lambda one: one[0])  # locks are taken in the order in which a fan-out takes them
    for attempt in range(_TRIES):
        held = _holders(connection, [key for key, _ in left])
        free = [(key, pair) for key, pair in left if key not in held]
        for key, pair in left:
            if key in held:
                _hand_over(connection, pair, held[key], now)
        left = free
        if not free or _waits_again(connection, free, now, last=attempt == _TRIES - 1):
            return


def _key(operation: Claimed) -> str:
    return pending_key(operation.connection_id, operation.kind, operation.subject_id, operation.subject_type)


def _holders(connection: sa.Connection, keys: Sequence[str]) -> dict[str, int]:
    if not keys:
        return {}
    return {row.pending_key: row.id for row in connection.execute(_HOLDERS, {"keys": keys})}


_HOLDERS = sa.select(operations.c.pending_key, operations.c.id).where(
    operations.c.pending_key.in_(sa.bindparam("keys", expanding=True))
)


def _waits_again(connection: sa.Connection, free: Iterable[tuple[str, Pair]], now: datetime, *, last: bool) -> bool:
    """Take the pending keys; return False where a fan-out took one in this very moment, for another look."""
    rows = [_waiting(key, operation, verdict, now) for key, (operation, verdict) in free]
    if connection.dialect.name == "sqlite":  # one writer at a time: nobody can be quicker
        connection.execute(_WAIT, rows)
        return True
    try:
        with connection.begin_nested():
            connection.execute(_WAIT, rows)
    except IntegrityError:
        if last:
            raise
        return False
    return True


_WAIT = _ROW.values(
    _of_row(
        "pending_key",
        "due_at",
        "claim",
        "attempts",
        "crashes",
        "batch_limit",
        "unknown",
        "retried_seconds",
        "reason",
        "message",
        "crm_message",
        "details",
    )
)


def _waiting(key: str, operation: Claimed, verdict: Verdict, now: datetime) -> dict[str, Any]:
    attempts = operation.attempts if verdict.counts else max(0, operation.attempts - 1)
    return {
        "op_id": operation.id,
        "pending_key": key,
        "due_at": verdict.due_at,
        "claim": None,
        "attempts": attempts,
        "crashes": operation.crashes,
        "batch_limit": smaller(operation.batch_limit) if verdict.smaller_batch else operation.batch_limit,
        "unknown": verdict.unknown or (operation.unknown and not verdict.counts),
        "retried_seconds": operation.retried_seconds + verdict.waited,
        "reason": verdict.reason,
        "message": verdict.message,
        "crm_message": verdict.crm_message,
        "details": _noted(operation.details, verdict, now),
    }


def _noted(details: Mapping[str, Any] | None, verdict: Verdict, now: datetime) -> dict[str, Any] | None:
    if not verdict.counts:
        return dict(details) if details else None
    return with_attempt(details, verdict, now)


def _hand_over(connection: sa.Connection, pair: Pair, newer_id: int, now: datetime) -> None:
    """Close the old one as superseded; the newer one inherits its attempts, its unknown outcome, its decision."""
    operation, verdict = pair
    connection.execute(_CLOSE, _closed(operation, Verdict(SKIPPED, reasons.SUPERSEDED), now))
    waiting = operations.c
    inherited: dict[str, Any] = {
        "attempts": waiting.attempts + operation.attempts,
        "retried_seconds": waiting.retried_seconds + operation.retried_seconds + verdict.waited,
        "crashes": operation.crashes,
        "batch_limit": operation.batch_limit,
    }
    if operation.decision:
        inherited["decision"] = operation.decision
    if verdict.unknown or operation.unknown:
        due = verdict.due_at or now
        inherited["unknown"] = True
        inherited["reason"] = reasons.WAITING_FOR_READ_BACK
        inherited["due_at"] = sa.case((waiting.due_at > due, waiting.due_at), else_=due)
    still_waits = sa.and_(waiting.id == newer_id, waiting.status == PENDING)
    connection.execute(operations.update().where(still_waits).values(inherited))


# What dead drains left


def recovered(
    abandoned: Sequence[Claimed], may_be_sent: Mapping[tuple[str, str], bool], *, now: datetime, rest: float, limit: int
) -> list[Pair]:
    """Return the verdicts of operations whose worker died with them in hand.

    Where something may have been sent, it rests (`rest` seconds) until it can no longer take effect unseen. A batch
    that went down is tried in smaller parts; one that takes workers down by itself, `limit` times, is set aside.
    """
    pairs: list[Pair] = []
    for operation in abandoned:
        operation.crashes += 1
        was_alone = operation.batch_limit == 1
        sent = may_be_sent.get((operation.subject_type, operation.subject_id), False)
        if was_alone and operation.crashes >= limit:
            pairs.append((operation, Verdict("failed", reasons.POISON_RECORD, unknown=sent)))
            continue
        operation.batch_limit = smaller(operation.batch_limit)
        due = now + timedelta(seconds=rest) if sent else now
        reason = reasons.WAITING_FOR_READ_BACK if sent else reasons.WAITING_FOR_RETRY
        pairs.append((operation, Verdict(PENDING, reason, due_at=due, unknown=sent)))
    return pairs


def smaller(batch_limit: int) -> int:
    """Return the next smaller batch to try: a hundred, ten, one."""
    return max(1, min(batch_limit, FULL_BATCH) // 10)
