"""What the processes of the crash suite do: the sandbox CRM, the host, the worker, the scheduler, the first set-up."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask.cli import cli as flask_command

import example_host.models  # noqa: F401  imported before the fork, as everything that a role needs
import flask_crm_sync.jobs.tasks  # noqa: F401
from example_host import create_app
from example_host.commands import create_tables_and_staff
from example_host.extensions import db
from flask_crm_sync.models.operation import PENDING
from flask_crm_sync.sandbox.server import serve
from flask_crm_sync.sync import operations
from flask_crm_sync.sync.steps import Step, listen
from tests.chaos import deeds

Order = Mapping[str, Any]


class Listener:
    """Writes down each boundary that its worker reaches; at the one that was ordered the worker dies, or freezes.

    `signal` is SIGKILL or SIGSTOP, `step` and `nth` say where. With `poison`, the id of a client, the worker dies
    whenever it has loaded a batch with that client in it.
    """

    def __init__(self, order: Order) -> None:
        self._trail = os.open(order["trail"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._step, self._left = order.get("step"), order.get("nth", 1)
        self._signal = order.get("signal", signal.SIGKILL)
        self._poison = order.get("poison")

    def reached(self, step: Step) -> None:
        """Take note of a boundary."""
        os.write(self._trail, f"{step}\n".encode())
        if step == self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._signal)
        if self._poison is not None and step is Step.LOADED and self._is_poisoned():
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_poisoned(self) -> bool:
        """Ask the database, with a connection of our own, what this worker has in hand."""
        table = operations.table.c
        in_hand = sa.and_(table.status == PENDING, table.claim.is_not(None), table.client_id == self._poison)
        engine = sa.create_engine(os.environ["DATABASE_URL"], poolclass=sa.NullPool)
        with engine.connect() as connection:
            return bool(connection.execute(sa.select(sa.func.count()).where(in_hand)).scalar())


def worker(order: Order) -> None:
    """Run `flask crm worker` itself, with a listener at the engine's boundaries."""
    listen(Listener(order).reached)
    _flask("crm", "worker")


def scheduler(order: Order) -> None:
    """Run `flask crm scheduler` itself."""
    _flask("crm", "scheduler")


def sandbox(order: Order) -> None:
    """Serve the sandbox CRM; its address is written into the file `ready`."""

    def announce(running: Any) -> None:
        ready = Path(order["ready"])
        written = ready.with_suffix(".new")
        written.write_text(json.dumps({"url": running.url, "ca_file": str(running.ca_file)}))
        written.rename(ready)

    serve(Path(order["directory"]), ready=announce)


def prepare(order: Order) -> None:
    """Make the tables of the host and ours, and connect each account to its portal."""
    app = create_app()
    with app.app_context():
        create_tables_and_staff()
        db.session.execute(sa.text("CREATE TABLE departed (tag VARCHAR(80) PRIMARY KEY)"))
        db.session.commit()
        if order["journal"]:
            db.session.execute(sa.text(f"PRAGMA journal_mode={order['journal']}"))
            db.session.commit()
    commands = app.test_cli_runner()
    _expect_ok(commands.invoke(args=["crm", "upgrade"]))
    for account, (method, *keys) in order["keys"].items():
        connect = ["crm", "connect", order["crm"], "--account", account, "--method", method, "--token-stdin"]
        _expect_ok(commands.invoke(args=connect, input="\n".join(keys)))


def host(order: Order) -> None:
    """Be a process of the host that works through a list of deeds."""
    deeds.do(create_app(), order)


ROLES: dict[str, Callable[[Order], None]] = {
    role.__name__: role for role in (worker, scheduler, sandbox, prepare, host)
}


def _flask(*words: str) -> None:
    flask_command.main(args=["--app", "example_host", *words], prog_name="flask")


def _expect_ok(result: Any) -> None:
    if result.exit_code != 0:
        raise RuntimeError(result.output) from result.exception
