"""What follows from an error's class: one table, and the waits."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..config import Settings
from ..errors import (
    CRMError,
    InvalidRecord,
    NeedsDecision,
    OutcomeUnknown,
    RejectedByCRM,
    TransientCRMError,
)
from ..models.operation import FAILED, PENDING, SKIPPED, SUCCESS
from . import reasons

RECORD_FIRST_WAIT, RECORD_LONGEST_WAIT = 5.0, 3600.0
CONNECTION_FIRST_WAIT, CONNECTION_LONGEST_WAIT = 5.0, 600.0
LONGEST_ASKED_WAIT = 86400.0


@dataclass(slots=True)
class Verdict:
    """What becomes of an operation. `due_at` None with status pending means: it waits for something other than time."""

    status: str
    reason: str = ""
    message: str = ""
    crm_message: str = ""
    due_at: datetime | None = None
    unknown: bool = False
    waited: float = 0.0
    """Seconds that this wait adds to the operation's own retrying; outages of the connection add none."""
    counts: bool = True
    """Whether the attempt counts; one that met a trouble of the connection does not."""
    smaller_batch: bool = False
    kind: str | None = None
    details: dict[str, Any] | None = None
    seen: dict[str, Any] | None = None
    """What the attempt read and meant to do, where it came to nothing; see `attempts`."""
    remote_id: str | None = None
    remote_url: str | None = None


def succeeded(reason: str = "", **more: Any) -> Verdict:
    """Return the verdict of an operation that is done."""
    return Verdict(SUCCESS, reason, **more)


def skipped(reason: str, message: str = "", **more: Any) -> Verdict:
    """Return the verdict of an operation that need not, or must not, be done."""
    return Verdict(SKIPPED, reason, message, **more)


def waits(reason: str, due_at: datetime | None = None, message: str = "") -> Verdict:
    """Return the verdict of an operation that goes back to wait, without an attempt counted."""
    return Verdict(PENDING, reason, message, due_at=due_at, counts=False)


def failed(error: CRMError) -> Verdict:
    """Return the verdict of an operation that only a person or a changed record can mend."""
    details: dict[str, Any] = {}
    if isinstance(error, InvalidRecord) and error.fields:
        details["fields"] = error.fields
    if candidates := getattr(error, "candidates", ()):
        details["candidates"] = list(candidates)
    if error.request_id:
        details["request_id"] = error.request_id
    return Verdict(FAILED, error.code, str(error), error.crm_message, details=details or None)


def judge(
    error: CRMError,
    *,
    attempts: int,
    retried_seconds: float,
    alone: bool,
    now: datetime,
    settings: Settings,
    rest: float,
) -> Verdict:
    """Decide what becomes of an operation from its error's class.

    `alone` tells that the operation was the only one of its call; `rest` is the seconds that an unanswered write rests.
    """
    if error.whole_connection:
        return Verdict(PENDING, error.code, str(error), error.crm_message, due_at=now, counts=False)
    if isinstance(error, OutcomeUnknown):
        wait = max(rest, grown(RECORD_FIRST_WAIT, attempts, RECORD_LONGEST_WAIT) if alone else 0.0)
        return _again(error, wait, retried_seconds, now, settings, unknown=True, smaller_batch=not alone)
    if isinstance(error, (RejectedByCRM, NeedsDecision)):
        return failed(error)
    if isinstance(error, TransientCRMError):
        wait = max(error.retry_after or 0.0, _jittered(grown(RECORD_FIRST_WAIT, attempts, RECORD_LONGEST_WAIT)))
        return _again(error, min(wait, LONGEST_ASKED_WAIT), retried_seconds, now, settings)
    return failed(error)


def _again(
    error: CRMError,
    wait: float,
    retried_seconds: float,
    now: datetime,
    settings: Settings,
    *,
    unknown: bool = False,
    smaller_batch: bool = False,
) -> Verdict:
    if retried_seconds >= settings.retry_hours * 3600:
        return Verdict(FAILED, reasons.RETRY_HOURS_OVER, str(error), error.crm_message, unknown=unknown)
    reason = reasons.WAITING_FOR_READ_BACK if unknown else reasons.WAITING_FOR_RETRY
    due = now + timedelta(seconds=wait)
    return Verdict(
        PENDING,
        reason,
        str(error),
        error.crm_message,
        due_at=due,
        unknown=unknown,
        waited=wait,
        smaller_batch=smaller_batch,
    )


def connection_wait(error: CRMError, times_in_a_row: int) -> float:
    """Return for how many seconds a connection rests after a trouble of its own, with jitter."""
    if error.retry_after is not None:
        return min(max(error.retry_after, 0.1), LONGEST_ASKED_WAIT)
    return _jittered(grown(CONNECTION_FIRST_WAIT, times_in_a_row, CONNECTION_LONGEST_WAIT))


def grown(first: float, times: int, longest: float) -> float:
    """Return how many seconds to wait after so many tries: twice as long each time, up to the longest."""
    return min(longest, first * 2.0 ** min(max(times - 1, 0), 20))


def _jittered(seconds: float) -> float:
    """Spread a wait over its upper half, so that what failed together does not come back together."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it
