"""`make demo`: the helpdesk with everything behind it on this machine, or with CHECK=1 a replay that is checked.

Reads CONVERSATIONS (a JSON Lines file, gzipped or not), CHECK, TIMEOUT (seconds), PORT, SEED, DATABASE_URL,
REDIS_URL, DEMO_DIRECTORY (default .demo, emptied at each start).
"""

from __future__ import annotations

import functools
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle
from pathlib import Path

from .commands import DEFAULT_PASSWORD
from .conversation_file import Told, read_conversations
from .crew import DemoFailed, Interrupted, Stop, say
from .rehearsal import rehearse
from .small_talk import SMALL_TALK
from .stage import Stage, free_port, stage
from .trickle import trickle

USUAL_PORT = 5000
EVENTS_PER_MINUTE = 40  # a new conversation, a further message, an end
FIRST_EVENTS = 60  # come at once, so that there is something to see
NOT_WANTED = ("", "0", "false", "no")


@dataclass(frozen=True)
class Wish:
    """What was asked for in the environment."""

    conversations: Path | None
    check: bool
    timeout: float
    port: int | None
    seed: int


def main() -> int:
    """Run the demonstration; return the exit code."""
    stop = Stop()
    stop.listen()
    try:
        wish = wished()
        port = free_port(wish.port) if wish.port else usual_port()
        with stage(stop, port) as behind:
            if wish.check:
                return rehearse(behind, lambda: once(wish.conversations), timeout=wish.timeout, seed=wish.seed)
            show(behind, wish, stop, port)
    except DemoFailed as failure:
        say(str(failure))
        return 1
    except Interrupted:
        say("Stopped.")
        return 130
    return 0


def wished() -> Wish:
    """Read the environment. Raises DemoFailed naming what cannot be used."""
    file = os.environ.get("CONVERSATIONS")
    if file and not Path(file).is_file():
        raise DemoFailed(f"CONVERSATIONS names no file: {file}")
    return Wish(
        conversations=Path(file) if file else None,
        check=os.environ.get("CHECK", "").lower() not in NOT_WANTED,
        timeout=float(number("TIMEOUT", 600) or 0),
        port=number("PORT", None),
        seed=number("SEED", 1) or 0,
    )


def number(name: str, default: int | None) -> int | None:
    """Return a whole number from the environment. Raises DemoFailed when it is none."""
    text = os.environ.get(name)
    if text and not text.isdecimal():
        raise DemoFailed(f"{name} must be a whole number, not {text!r}")
    return int(text) if text else default


def once(file: Path | None) -> Iterator[Told]:
    """Return the conversations of the file, or our own where none was named."""
    return read_conversations(file, bad_line) if file else iter(SMALL_TALK)


@functools.cache  # the file is read for each account, and a bad line said once
def bad_line(line: int, reason: str) -> None:
    """Say that a line of the file is left out."""
    say(f"line {line} is left out: {reason}")


def show(behind: Stage, wish: Wish, stop: Stop, port: int) -> None:
    """Serve the helpdesk and let conversations arrive until somebody asks to stop."""
    behind.crew.start("helpdesk", "run", "--host", "127.0.0.1", "--port", str(port), "--no-debugger", "--no-reload")
    stop.until(lambda: listening(behind, port), 30, "Starting the helpdesk")
    print(welcome(behind, port), flush=True)
    arriving = chain(once(wish.conversations), cycle(SMALL_TALK))
    events = iter(range(FIRST_EVENTS))

    def wait(seconds: float) -> bool:
        behind.crew.expect_alive()
        return stop.wait(0 if next(events, None) is not None else seconds)

    trickle(behind.app, arriving, per_minute=EVENTS_PER_MINUTE, wait=wait, seed=wish.seed)
    say("Stopping.")


def welcome(behind: Stage, port: int) -> str:
    """Return where to go and how to log in."""
    password = os.environ.get("HELPDESK_PASSWORD") or DEFAULT_PASSWORD
    return f"""
  Helpdesk      http://127.0.0.1:{port}/            log in as ada@example.com with {password}
  Web chat      http://127.0.0.1:{port}/chat/harbour-travel
  Sandbox CRMs  {behind.sandbox_url}/_sandbox/      its certificate is its own: let the browser accept it
  Logs          {behind.crew.logs}

  Conversations keep arriving. Ctrl-C stops everything.
"""


def usual_port() -> int:
    """Return the port that Flask uses, or another where somebody else has it."""
    try:
        return free_port(USUAL_PORT)
    except DemoFailed:
        return free_port()


def listening(behind: Stage, port: int) -> bool | None:
    """Tell whether the helpdesk answers; None while it does not."""
    behind.crew.expect_alive()
    with socket.socket() as visitor:
        return True if visitor.connect_ex(("127.0.0.1", port)) == 0 else None


if __name__ == "__main__":
    sys.exit(main())
