"""Other processes of the host: `flask crm ...` and `rq worker`, each with its output in hand."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PATIENCE = 30.0


class Processes:
    """Starts processes in the repository's folder, and stops by id what it started."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, "PYTHONPATH": str(ROOT)}
        self._started: list[subprocess.Popen[str]] = []

    def set(self, **environment: str) -> None:
        """Change the environment of what is started from now on."""
        self._environment.update(environment)

    def flask(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a `flask` command."""
        return self._start("-m", "flask", *arguments)

    def rq(self, *arguments: str) -> subprocess.Popen[str]:
        """Start an `rq` command."""
        return self._start("-c", "import sys; from rq.cli import main; sys.exit(main())", *arguments)

    def run_flask(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a `flask` command to its end."""
        command = [sys.executable, "-m", "flask", *arguments]
        return subprocess.run(
            command,
            input=stdin,
            env=self._environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def stop_all(self) -> None:
        """Kill what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=self._environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process


def terminated(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Send SIGTERM; return the exit code and everything that was printed."""
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=_PATIENCE)
    return process.returncode, printed


def until(condition: Callable[[], object], what: str, process: subprocess.Popen[str] | None = None) -> None:
    """Wait for another process to bring something about; fail with its output when it has ended instead."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what}: the process ended.\n{process.communicate()[0]}")
        if time.monotonic() > deadline:
            if process is not None:
                process.kill()
            printed = process.communicate()[0] if process is not None else ""
            raise AssertionError(f"{what}: it did not come about in {_PATIENCE:.0f} s.\n{printed}")
        time.sleep(0.02)
