"""What one app runs with, and how a job finds the app it belongs to."""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask, current_app, has_app_context
from flask.cli import ScriptInfo
from rq.timeouts import BaseTimeoutException
from sqlalchemy.exc import StatementError

from ..config import Settings
from ..errors import ConfigurationError
from ..host.access import Access
from ..host.capture import Capture
from ..qualification.criteria import Criterion
from ..qualification.reviewers.base import Reviewer
from ..sync.context import Sync
from .queue import Queues
from .schedule import SchedulerPort

EXTENSION_KEY = "crm_sync"
RUNNING_KEY = "crm_sync_running"

_log = logging.getLogger(__name__)

stopping = threading.Event()
"""Set when this process was told to end: drains then give their connection back after the batch in hand."""


@dataclass
class Running:
    """What one app runs with; made by `CRMSync.init_app`."""

    app: Flask
    sync: Sync
    access: Access
    queues: Queues
    scheduler: SchedulerPort
    capture: Capture
    criteria: tuple[Criterion, ...] = ()
    """Criteria that the host gives in code; they are everybody's."""
    reviewer: Reviewer | None = None
    """The second pair of eyes; None where none is configured."""
    process: int = field(default_factory=os.getpid)

    @property
    def settings(self) -> Settings:
        """Return the app's settings."""
        return self.sync.settings

    def leave_parents_connections(self) -> None:
        """See to it that a forked child neither speaks on its parent's connections nor closes them."""
        if self.process != os.getpid():
            self.sync.database.engine.dispose(close=False)
            self.sync.warm.kept.clear()
            self.process = os.getpid()


def running_of(app: Flask) -> Running:
    """Return what an app runs with; raise ConfigurationError where CRMSync was never told of the app."""
    try:
        running: Running = app.extensions[RUNNING_KEY]
    except KeyError:
        raise ConfigurationError("This app has no CRMSync: say CRMSync(app), or crm.init_app(app).") from None
    return running


class JobFailed(Exception):
    """A job failed; its text says nothing but the class of the error, as RQ keeps it in Redis."""


@contextmanager
def of_this_job() -> Iterator[Running]:
    """Enter the app context of a job: a fresh one, so that nothing of the last job is left in it.

    Raises JobFailed in the place of what the job raised, which is logged here.
    """
    app = _app()
    with app.app_context():
        running = running_of(app)
        running.leave_parents_connections()
        with _kept_from_redis():
            yield running


@contextmanager
def _kept_from_redis() -> Iterator[None]:
    """Keep errors' own words out of Redis: a database's name the values that it did not take, and people with them."""
    try:
        yield
    except BaseTimeoutException:
        raise
    except Exception as error:
        reason: BaseException | None = error
        while reason is not None:
            if isinstance(reason, StatementError):
                reason.hide_parameters = True
            reason = reason.__cause__ or reason.__context__
        _log.exception("A job failed; what it left undone is found by the next bell.")
        raise JobFailed(f"{type(error).__name__}: the worker's log says more.") from None


def _app() -> Flask:
    if has_app_context():
        return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]
    return _load_app()


@functools.cache
def _load_app() -> Flask:
    """Load the app once per process, as `flask --app` would: a plain `rq worker` knows nothing of Flask."""
    path = os.environ.get("CRM_SYNC_APP") or os.environ.get("FLASK_APP")
    if not path:
        raise ConfigurationError(
            "The job does not know the app. Set CRM_SYNC_APP (or FLASK_APP) for `rq worker`, "
            "in the form that `flask --app` takes, or run `flask crm worker`."
        )
    return ScriptInfo(app_import_path=path).load_app()
