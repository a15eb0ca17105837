"""Transactions that the database gave up for another one's sake are run again.

Settling and fanning out lock waiting operations in orders that no rule can make one: on PostgreSQL and MariaDB one of
the two is now and then the victim of a deadlock. That is no crash of a worker, and must not look like one.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from ..clock import Clock

TRIES = 8
FIRST_PAUSE = 0.01
_SQL_STATES = {"40P01", "40001"}
_NUMBERS = {1205, 1213}
"""MySQL's and MariaDB's numbers for a lock that was waited for too long, and for a deadlock."""

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


def again_if_deadlocked(transaction: Callable[[], _Result], clock: Clock) -> _Result:
    """Run a whole transaction, and again where it was the victim of a deadlock; what it changes must be its own."""
    for number in range(TRIES - 1):
        try:
            return transaction()
        except DBAPIError as error:
            if not _is_deadlock(error):
                raise
            _log.info("A transaction was given up for another one's sake; it is run again.")
        clock.sleep(FIRST_PAUSE * 2.0**number * random.random())  # noqa: S311 - no secret hangs on it
    return transaction()


def _is_deadlock(error: DBAPIError) -> bool:
    cause = error.orig
    number = cause.args[0] if cause is not None and cause.args else None
    return getattr(cause, "sqlstate", None) in _SQL_STATES or number in _NUMBERS
