"""What becomes of several records: sent one by one or in rounds, and what stops the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from ..errors import CRMError, OutcomeUnknown, Unreachable
from .base import Write

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
            halted = halting([error])
    return outcomes


def halting(outcomes: Iterable[object]) -> CRMError | None:
    """Return what records not yet sent are told after these outcomes; None where the next call may go out."""
    for outcome in outcomes:
        if isinstance(outcome, OutcomeUnknown):
            return Unreachable("Not sent, as the call before it got no answer.")
        if isinstance(outcome, CRMError) and outcome.whole_connection:
            return outcome
    return None


def pieces(items: list[_ITEM], size: int) -> list[list[_ITEM]]:
    """Cut a list into parts of at most so many."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def waves(writes: Mapping[int, Write], identities: Callable[[Write], set[str]]) -> Iterator[dict[int, Write]]:
    """Yield the writes in rounds in which no two mean one record: CRMs refuse a call that names one twice."""
    waiting = dict(writes)
    while waiting:
        wave: dict[int, Write] = {}
        seen: set[str] = set()
        for number, write in waiting.items():
            if not identities(write) & seen:
                wave[number] = write
                seen |= identities(write)
        waiting = {number: write for number, write in waiting.items() if number not in wave}
        yield wave
