"""A process that has imported everything and forks the others: one of them starts in milliseconds, not in seconds.

It reads one JSON object a line, `{"role", "order", "env", "log"}`, forks, and answers `{"born": pid}`; of each child
that ends it says `{"died": pid, "code": n}` (negative for a signal). When its standard input closes, because the tests
ended in whatever way, it kills what is left and ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import select
import signal
import sys
import traceback
from typing import Any

from tests.chaos.roles import ROLES

_children: set[int] = set()


def main() -> None:
    """Serve until standard input closes."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.freeze()  # the forked share what is imported
    _say({"ready": os.getpid()})
    unread = b""
    try:
        while True:
            ready, _, _ = select.select([0, woken], [], [])
            if woken in ready:
                os.read(woken, 4096)
                _bury()
            if 0 in ready:
                read = os.read(0, 65536)
                if not read:
                    return
                *lines, unread = (unread + read).split(b"\n")
                for line in lines:
                    _bear(json.loads(line))
    finally:
        for pid in _children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _bear(told: dict[str, Any]) -> None:
    pid = os.fork()
    if pid == 0:
        _live(told)
    _children.add(pid)
    _say({"born": pid})


def _bury() -> None:
    for pid in list(_children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            _children.remove(pid)
            _say({"died": pid, "code": os.waitstatus_to_exitcode(status)})


def _live(told: dict[str, Any]) -> None:
    """Be the child: its own output, environment and dice, then its role. Never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(file, number)
        os.environ.update(told["env"])
        random.seed()
        ROLES[told["role"]](told["order"])
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say(what: dict[str, int]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()
