"""One outcome per item, for CRMs that take one record at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ..errors import CRMError, OutcomeUnknown, Unreachable

_ITEM = TypeVar("_ITEM")
_DONE = TypeVar("_DONE")


def one_by_one(items: Iterable[_ITEM], do: Callable[[_ITEM], _DONE]) -> list[_DONE | CRMError]:
    """Do one thing after the other and return what each came to: its value, or the CRMError that it raised.

    After a trouble of the whole connection, or an answer that was lost, nothing more is sent.
    """
    outcomes: list[_DONE | CRMError] = []
    halted: CRMError | None = None
    for item in items:
        if halted is not None:
            outcomes.append(halted)
            continue
        try:
            outcomes.append(do(item))
        except CRMError as error:
            outcomes.append(error)
            halted = _halting(error)
    return outcomes


def _halting(error: CRMError) -> CRMError | None:
    if isinstance(error, OutcomeUnknown):
        return Unreachable("Not sent, as the call before it got no answer.")
    return error if error.whole_connection else None
