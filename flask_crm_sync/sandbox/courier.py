"""Delivering webhooks: one after the other, in a thread of its own, until they are taken or the attempts used up."""

from __future__ import annotations

import queue
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from .clock import Clock
from .faults import OF_A_WEBHOOK, Fault, FaultBook
from .guard import is_loopback

TIMEOUT_SECONDS = 5.0
HELD_SECONDS = 1.0
"""How long a delivery that is to come late waits for another one to overtake it."""
KEPT = 200

_Note = TypeVar("_Note")
Struck = Callable[[str], bool]
"""Says whether a kind of fault strikes a delivery."""


@dataclass(frozen=True)
class Letter(Generic[_Note]):
    """One delivery: where it goes, what each attempt sends, and what is kept of it.

    ``write`` is given the attempt's number, from 0 on, and returns body and headers; ``note`` is given time, number
    and status, None where no answer came. ``ca_file`` is the authority of a receiver that speaks HTTPS.
    """

    portal: str
    url: str
    ca_file: str | None
    write: Callable[[int, Struck], tuple[bytes, Mapping[str, str]]]
    note: Callable[[int, int, int | None], _Note]
    faults: tuple[Fault, ...] = ()

    def struck(self, kind: str) -> bool:
        """Say whether a kind of fault strikes it."""
        return any(fault.kind == kind for fault in self.faults)


class Courier(Generic[_Note]):
    """Deliver the letters of one CRM.

    ``rest`` is given an attempt's number and status, and returns the seconds until the next one, None for no more.
    """

    def __init__(
        self, crm: str, clock: Clock, faults: FaultBook, rest: Callable[[int, int | None], float | None]
    ) -> None:
        self._crm, self._clock, self._faults, self._rest = crm, clock, faults, rest
        self._waiting: queue.Queue[Letter[_Note] | None] = queue.Queue()
        self._held: list[Letter[_Note]] = []
        self._kept: deque[_Note] = deque(maxlen=KEPT)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def owe(self, letter: Letter[_Note]) -> None:
        """Deliver a letter, when its turn comes."""
        path = urlsplit(letter.url).path
        faults = self._faults.take(self._crm, "POST", path, letter.portal, moments=OF_A_WEBHOOK)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"{self._crm}-webhooks", daemon=True)
                self._thread.start()
        self._waiting.put(replace(letter, faults=tuple(faults)))

    def notes(self) -> list[_Note]:
        """Return what is kept of the last attempts, newest first."""
        with self._lock:
            return list(reversed(self._kept))

    def settle(self) -> None:
        """Wait until nothing is owed any more."""
        self._waiting.join()

    def forget(self) -> None:
        """Forget what was delivered."""
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Stop delivering; what is owed yet is lost."""
        self._stopping.set()
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (letter := self._next()) is not None:
            if letter.struck("webhook_late") and not self._held:
                self._held.append(replace(letter, faults=()))
                continue
            self._finish(letter)
            while self._held:
                self._finish(self._held.pop())

    def _next(self) -> Letter[_Note] | None:
        """Return what is to be delivered next; what was held back, when nothing overtakes it."""
        try:
            return self._waiting.get(timeout=HELD_SECONDS if self._held else None)
        except queue.Empty:
            return self._held.pop()

    def _finish(self, letter: Letter[_Note]) -> None:
        try:
            if not self._stopping.is_set() and not letter.struck("webhook_lost"):
                self._deliver(letter)
        finally:
            self._waiting.task_done()

    def _deliver(self, letter: Letter[_Note]) -> None:
        """Try until the receiver takes it or the attempts are used up; a fault may make it come twice."""
        for _ in range(2 if letter.struck("webhook_twice") else 1):
            number = 0
            while (rest := self._tried(letter, number)) is not None and not self._stopping.wait(rest):
                number += 1

    def _tried(self, letter: Letter[_Note], number: int) -> float | None:
        """Make one attempt; return the seconds until the next one, None where there is to be none."""
        status = post(letter.url, letter.ca_file, *letter.write(number, letter.struck))
        with self._lock:
            self._kept.append(letter.note(self._clock.now_ms(), number, status))
        taken = status is not None and 200 <= status < 300
        return None if taken else self._rest(number, status)


def is_near(url: str) -> bool:
    """Say whether an address is one on this machine that can be called at all."""
    parts = urlsplit(url)
    try:
        return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False


def post(url: str, ca_file: str | None, body: bytes, headers: Mapping[str, str]) -> int | None:
    """Send one attempt and return its status, or None where no answer came."""
    parts = urlsplit(url)
    try:
        with closing(_connection(parts, ca_file)) as connection:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, dict(headers))
            return connection.getresponse().status
    except (OSError, HTTPException):
        return None


def _connection(parts: SplitResult, ca_file: str | None) -> HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=ca_file)
    return HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
