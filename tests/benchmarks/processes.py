"""Objects that live in processes of their own and are called from here: listeners and CPU time are each one's own."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.benchmarks.hosts", "tests.benchmarks.workers"])  # once, not for each process
_PARTING_SECONDS = 10


class Elsewhere:
    """An object made by `make(*given)` in a new process; its methods are called by name and answer from there."""

    def __init__(self, make: Callable[..., Any], *given: Any) -> None:
        self._ours, theirs = _processes.Pipe()
        self._process = _processes.Process(target=_serve, args=(theirs, make, given), daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def call(self, method: str, *given: Any) -> Any:
        """Call a method there and return what it returns; raise RuntimeError with the trace of what it raised."""
        self._ours.send((method, given))
        return self._answer()

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ours.close()
        self._process.join(_PARTING_SECONDS)
        self._process.kill()

    def _answer(self) -> Any:
        worked, answer = self._ours.recv()
        if not worked:
            raise RuntimeError(answer)
        return answer


class Running:
    """A function that runs in a new process until it is told to end by SIGTERM."""

    def __init__(self, target: Callable[..., None], *given: Any) -> None:
        self._process = _processes.Process(target=target, args=given, daemon=True)
        self._process.start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.join(_PARTING_SECONDS)
        self._process.kill()


def _serve(theirs: Connection, make: Callable[..., Any], given: tuple[Any, ...]) -> None:
    made = None
    while True:
        try:
            if made is None:
                made = make(*given)
                answer = None
            else:
                method, arguments = theirs.recv()
                answer = getattr(made, method)(*arguments)
            theirs.send((True, answer))
        except EOFError:
            return
        except Exception:
            theirs.send((False, traceback.format_exc()))
            if made is None:
                return
