"""What other people's code may do while it sends for us: speak to public addresses, open no file of the server's, and
keep our secrets out of logs.

Services are spoken to by a library, each in its own way. Python tells an audit hook of every connection at the moment
in which it is made, name resolved and redirect followed; there, an address that is not public is refused. It tells of
every file as well: some addresses name one (a template, a key), which would be read for whoever wrote the address.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_TALKATIVE = ("apprise", "urllib3.connectionpool", "urllib3.util.retry", "requests")
"""Loggers that write whole addresses, secrets in them."""
_REACHES_OUT = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_FORBIDDEN = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "_thread.start_new_thread"}
"""No program and no thread, in which this would not hold."""
_CODE = (".py", ".pyc", ".so", ".pyd")
"""The files that may be opened: modules are loaded when they are first needed."""
_STATUS = re.compile(r"error=(\d{3})\b")

_here = threading.local()


class Forbidden(OSError):
    """Something was about to be reached that may not be; libraries take it as a connection that failed."""


@contextmanager
def only_to(allowed: Callable[[str], bool]) -> Iterator[list[object]]:
    """Let this thread connect to IP addresses that are allowed and to no others; yields those that were refused.

    It can open no file but Python's own code and start no program either and, from Python 3.12 on, no thread:
    Forbidden is raised there.
    """
    _watch()
    refused: list[object] = []
    _here.refused, _here.allowed = refused, allowed
    try:
        yield refused
    finally:
        _here.allowed = None


@contextmanager
def hushed() -> Iterator[list[int]]:
    """Keep what libraries log in this thread out of the logs; yields the HTTP statuses that they complained of."""
    _listen()
    heard: list[int] = []
    _here.statuses = heard
    try:
        yield heard
    finally:
        _here.statuses = None


@cache
def _watch() -> None:
    sys.addaudithook(_audit)


@cache
def _listen() -> None:
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_passes)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    allowed = getattr(_here, "allowed", None)
    if allowed is None:
        return
    if event in _FORBIDDEN or (event == "open" and not _is_code(arguments[0])):
        raise Forbidden(event)
    if event in _REACHES_OUT and not _is_allowed(arguments[1], allowed):
        _here.refused.append(arguments[1])
        raise Forbidden(event)


def _is_code(path: Any) -> bool:
    """Tell whether a file is a module's; a number stands for one that is open already."""
    return isinstance(path, int) or os.fsdecode(path).endswith(_CODE)


def _is_allowed(address: Any, allowed: Callable[[str], bool]) -> bool:
    return isinstance(address, tuple) and bool(address) and isinstance(address[0], str) and allowed(address[0])


def _passes(record: logging.LogRecord) -> bool:
    statuses: list[int] | None = getattr(_here, "statuses", None)
    if statuses is None:
        return True
    statuses.extend(int(found) for found in _STATUS.findall(record.getMessage()))
    return False
