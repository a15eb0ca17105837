"""The subprocesses of a demonstration: started one by one, watched, and stopped in reverse order whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
FLASK = (sys.executable, "-m", "flask", "--app", "example_host")
WARM, COLD = 15.0, 5.0  # seconds: a worker ends its job at the first SIGTERM, and drops it at the second
STEP = 0.1
TAIL = 15  # lines

Found = TypeVar("Found")


def say(text: str) -> None:
    """Tell whoever looks on how things go; stdout is for results."""
    print(text, file=sys.stderr, flush=True)


class DemoFailed(Exception):
    """Something that the demonstration needs did not work; the text says what, and what it last said."""


class Interrupted(Exception):
    """Somebody asked to stop."""


class Stop:
    """Whether somebody asked to stop: a flag that a signal may set at any moment."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        """Take SIGINT, SIGTERM and SIGHUP for the wish to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.request)

    def request(self, *_signal: object) -> None:
        """Set the flag."""
        self.requested = True

    def wait(self, seconds: float) -> bool:
        """Let time pass; return true, early, once somebody asked to stop."""
        end = time.monotonic() + seconds
        while not self.requested and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, STEP))
        return self.requested

    def until(self, look: Callable[[], Found | None], seconds: float, what: str) -> Found:
        """Look until something is found. Raises DemoFailed after `seconds`, Interrupted when asked to stop."""
        end = time.monotonic() + seconds
        while (found := look()) is None:
            if self.wait(STEP):
                raise Interrupted
            if time.monotonic() > end:
                raise DemoFailed(f"{what} took longer than {seconds:.0f} s")
        return found


@dataclass
class Member:
    """One subprocess and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Return the last lines it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL:])


class Crew:
    """The subprocesses of one demonstration, each in a session of its own so that Ctrl-C reaches us alone."""

    def __init__(
        self, logs: Path, environment: Mapping[str, str], stop: Stop, command: tuple[str, ...] = FLASK
    ) -> None:
        self.logs = logs
        self.command = command
        self.environment = dict(environment)
        self.stop = stop
        self.members: list[Member] = []
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, *command: str, stdin: str | None = None) -> Member:
        """Start `flask --app example_host ...` in the background; what it says goes into a file."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                [*self.command, *command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        member = Member(name, process, log)
        self.members.append(member)
        if process.stdin is not None and stdin is not None:
            process.stdin.write(stdin.encode())
            process.stdin.close()
        return member

    def run(self, name: str, *command: str, stdin: str | None = None, seconds: float = 60) -> None:
        """Run a command to its end. Raises DemoFailed with what it said when its exit code is not 0."""
        member = self.start(name, *command, stdin=stdin)
        code = self.stop.until(member.process.poll, seconds, f"`flask {' '.join(command)}`")
        self.members.remove(member)
        if code != 0:
            raise DemoFailed(f"`flask {' '.join(command)}` ended with {code}:\n{member.tail()}")

    def expect_alive(self) -> None:
        """Raise DemoFailed when one of the background processes has ended."""
        for member in self.members:
            if (code := member.process.poll()) is not None:
                raise DemoFailed(f"{member.name} ended with {code}:\n{member.tail()}")

    def dismiss(self) -> None:
        """Stop everything that was started, the last first: workers still find what they work with."""
        while self.members:
            end(self.members.pop().process)


def end(process: subprocess.Popen[bytes], patience: tuple[float, ...] = (WARM, COLD)) -> None:
    """Ask a process to end, so often as there are seconds of patience, and kill it if it will not."""
    for seconds in patience:
        if process.poll() is None:
            process.terminate()
            _wait(process, seconds)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # it leads its group: with whatever it has forked
        process.wait()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
