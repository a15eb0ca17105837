"""The sandbox itself: start it in a thread for tests and demos, or serve it in the foreground."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from .app import build_app
from .authority import Authority
from .autochat import AutoChat
from .calls import CallLog
from .clock import Clock
from .crm import SandboxCRM
from .dynamics import Dynamics
from .faults import FaultBook
from .guard import is_loopback
from .hubspot import HubSpot
from .reviewer import Reviewer
from .salesforce import Salesforce
from .wire import HTTPSServer

_CRM = TypeVar("_CRM", bound=SandboxCRM)


@dataclass(frozen=True)
class Shelf:
    """Where CRM servers keep their stores, and what all of them share."""

    directory: Path | None
    clock: Clock
    calls: CallLog
    faults: FaultBook

    def make(self, vendor: Callable[[Path | None, Clock, CallLog, FaultBook], _CRM]) -> _CRM:
        """Return a vendor's server with a store of its own, in memory where nothing is kept."""
        store = self.directory / f"{vendor.name}.sqlite3" if self.directory else None  # type: ignore[attr-defined]
        return vendor(store, self.clock, self.calls, self.faults)


class Sandbox:
    """CRM servers over HTTPS on one loopback origin.

    ``directory`` holds the certificates and the stores; a sandbox started on it again knows what it knew.
    ``keep=False`` keeps the stores in memory. ``clock`` returns epoch seconds.
    """

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        keep: bool = True,
    ) -> None:
        if not is_loopback(host):
            raise ValueError(f"the sandbox serves loopback addresses only, not {host!r}")
        directory = Path(directory)
        self.clock = Clock(clock)
        self.faults = FaultBook()
        self.calls = CallLog()
        self._authority = Authority(directory)
        shelf = Shelf(directory if keep else None, self.clock, self.calls, self.faults)
        self.hubspot = shelf.make(HubSpot)
        self.autochat = shelf.make(AutoChat)
        self.salesforce = shelf.make(Salesforce)
        self.dynamics = shelf.make(Dynamics)
        self.reviewer = shelf.make(Reviewer)
        self.crms: tuple[SandboxCRM, ...] = (
            self.hubspot,
            self.salesforce,
            self.dynamics,
            self.autochat,
            self.reviewer,
        )
        self.faults.policies = {crm.name: crm.policies for crm in self.crms}
        self._host, self._port = host, port
        self._server: HTTPSServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Sandbox:
        """Listen and serve in a thread; the sandbox is ready when this returns."""
        stopping = threading.Event()
        app = build_app(self.crms, self.clock, self.faults, self.calls, stopping)
        self._server = HTTPSServer(self._host, self._port, app, self._authority.server_context(), stopping)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Hang up on everybody, stop listening, close the stores; a second call does nothing."""
        if self._server is not None and self._thread is not None:
            self._server.close_connections()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None
        for crm in self.crms:
            crm.close()

    @property
    def url(self) -> str:
        """The origin to talk to, as in ``https://127.0.0.1:41234``."""
        if self._server is None:
            raise RuntimeError("the sandbox has not been started")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"https://{host}:{self._server.server_address[1]}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority to trust."""
        return self._authority.ca_file

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    directory: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ready: Callable[[Sandbox], object] | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; call ``ready`` once listening, or print one JSON line with url and ca_file."""
    leave = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: leave.set())
    with Sandbox(directory, host=host, port=port) as sandbox:
        (ready or _announce)(sandbox)
        leave.wait()


def _announce(sandbox: Sandbox) -> None:
    line: dict[str, Any] = {"url": sandbox.url, "ca_file": str(sandbox.ca_file.resolve())}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
