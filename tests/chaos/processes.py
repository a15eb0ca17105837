"""The tests' end of the nursery: processes by their id, and what became of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from queue import Queue
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """A running `nursery.py`. Whatever it bore is killed with it, by its process id."""

    def __init__(self, log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.nursery"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C is for the tests, which then end what they started
            )
        self._codes: dict[int, int] = {}
        self._born: Queue[int] = Queue()
        self._change = threading.Condition()
        self._ready = threading.Event()
        self._ears = threading.Thread(target=self._listen, name="nursery", daemon=True)
        self._ears.start()
        if not self._ready.wait(60):
            self.close()
            raise RuntimeError(f"The nursery did not start:\n{log.read_text()}")

    def spawn(self, role: str, order: Mapping[str, Any], env: Mapping[str, str], log: Path) -> int:
        """Start a process and return its id."""
        told = {"role": role, "order": dict(order), "env": dict(env), "log": str(log)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        self._process.stdin.flush()
        return self._born.get(timeout=60)

    def code(self, pid: int) -> int | None:
        """Return how a process ended, None while it lives; a negative number is the signal."""
        return self._codes.get(pid)

    def wait(self, pid: int, seconds: float) -> int | None:
        """Wait for a process to end; return as `code` does."""
        with self._change:
            self._change.wait_for(lambda: pid in self._codes, seconds)
        return self.code(pid)

    def wait_for_all(self, pids: Iterable[int], seconds: float) -> list[int | None]:
        """Wait for several processes to end, for so many seconds in all."""
        end = time.monotonic() + seconds
        return [self.wait(pid, max(0.0, end - time.monotonic())) for pid in pids]

    def send(self, pid: int, number: int) -> None:
        """Send a signal to a process that we started, unless it has ended."""
        if self.code(pid) is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self, pid: int) -> int | None:
        """Kill a process and return once it is gone."""
        self.send(pid, signal.SIGKILL)
        return self.wait(pid, 30)

    def close(self) -> None:
        """End the nursery and everybody it bore."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._ears.join(10)
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "born" in told:
                self._codes.pop(told["born"], None)  # ids come round again
                self._born.put(told["born"])
            elif "died" in told:
                with self._change:
                    self._codes[told["died"]] = told["code"]
                    self._change.notify_all()
            else:
                self._ready.set()
