"""Workers that die, and others that act, in the very moment in which the engine reaches a step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from flask_crm_sync.sync import steps
from flask_crm_sync.sync.steps import Step


class Killed(BaseException):
    """The process is gone: nothing above may catch this."""


@contextmanager
def killed_at(step: Step, occurrence: int = 1) -> Iterator[Callable[[], bool]]:
    """Kill the work at a step boundary; what is yielded tells whether it came to that."""
    seen = 0

    def listener(reached: Step) -> None:
        nonlocal seen
        if reached is step:
            seen += 1
            if seen == occurrence:
                raise Killed

    with listening(listener), suppress(Killed):
        yield lambda: seen >= occurrence


@contextmanager
def listening(listener: Callable[[Step], None]) -> Iterator[None]:
    """Hear of every step boundary for a while."""
    steps.listen(listener)
    try:
        yield
    finally:
        steps.listen(None)


@contextmanager
def once_at(step: Step, do: Callable[[], object]) -> Iterator[None]:
    """Do something in the very moment in which the engine first reaches a step."""
    done = threading.Event()

    def listener(reached: Step) -> None:
        if reached is step and not done.is_set():
            done.set()
            do()

    with listening(listener):
        yield
