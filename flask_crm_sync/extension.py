"""The extension object: what a host says once, and everything that follows from it."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click
import sqlalchemy as sa
from flask import Flask, appcontext_pushed, current_app, has_app_context
from sqlalchemy.orm import Session, scoped_session

from . import web
from .cli import Failure, crm_commands
from .clock import SystemClock
from .config import Settings, load_settings
from .crm.registry import adapters
from .errors import ConfigurationError
from .host.access import Access, FlaskLoginAccess, misses
from .host.binding import ClientBinding, ConversationBinding
from .host.capture import install_capture
from .host.convention import resolve_host
from .host.reading import Host
from .host.values import key_text
from .jobs.queue import Queues
from .jobs.running import EXTENSION_KEY, RUNNING_KEY, Running, running_of
from .jobs.schedule import RQSchedulerPort
from .migration import beside
from .models import Change, Database
from .qualification.criteria import Criterion
from .qualification.reviewers.base import Reviewer
from .qualification.reviewers.openai import make_reviewer
from .sync.client_merges import merge_clients
from .sync.context import Sync
from .sync.erasure import ErasureView, account_of, erase_client
from .vault import Vault

_changes: sa.Table = sa.inspect(Change).local_table  # type: ignore[assignment]


class CRMSync:
    """Keeps an app's clients and conversations in step with its accounts' CRMs.

    `CRMSync(app)` is all that a conventional host says. `client` and `conversation` name models and attributes that
    convention does not find, `access` says who may see and change what, `engine` is the engine of models that are not
    Flask-SQLAlchemy's. `criteria` hold for every account, beside those that accounts make themselves; `reviewer` takes
    the place of the configured endpoint. One object may serve several apps (`init_app` on each); what it knows of an
    app is kept there.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        client: ClientBinding | None = None,
        conversation: ConversationBinding | None = None,
        access: Access | None = None,
        engine: sa.Engine | None = None,
        criteria: Sequence[Criterion] = (),
        reviewer: Reviewer | None = None,
    ) -> None:
        self._client, self._conversation, self._access, self._engine = client, conversation, access, engine
        self._criteria, self._reviewer = tuple(criteria), reviewer
        self._apps: weakref.WeakSet[Flask] = weakref.WeakSet()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Register with an app, after its models are imported and its database is set up.

        Settings are read here, once, from `app.config` and the environment. Raises ConfigurationError, before anything
        is registered, where a setting or the host's models are not what is needed; under the `flask` command that ends
        it with a sentence.
        """
        try:
            self._register(app)
        except ConfigurationError as error:
            if click.get_current_context(silent=True) is None:
                raise
            raise Failure(error.code, str(error), error.advice) from None

    def _register(self, app: Flask) -> None:
        if EXTENSION_KEY in app.extensions:
            raise ConfigurationError("CRMSync is registered on this app already: keep one object, remove the other.")
        settings = load_settings(app.config, os.environ)
        host = resolve_host(app, settings, client=self._client, conversation=self._conversation, engine=self._engine)
        self._check_given()
        running = _start(app, settings, host, self._access or FlaskLoginAccess(host))
        self._qualify(running)
        web.register(app, running)
        app.cli.add_command(crm_commands)
        app.extensions[EXTENSION_KEY], app.extensions[RUNNING_KEY] = self, running
        self._apps.add(app)
        appcontext_pushed.connect(_keep_host_migrations_away, app)

    def release(self, app: Flask) -> None:
        """Stop listening to an app's models: for tests that make many apps; happens by itself when the app goes."""
        running_of(app).capture.remove()

    @property
    def sync(self) -> Sync:
        """The engine's context of the current app, or of the only one."""
        return self._running().sync

    @property
    def settings(self) -> Settings:
        """The settings of the current app, or of the only one."""
        return self._running().sync.settings

    @property
    def access(self) -> Access:
        """Who is asking, and what they may do."""
        return self._running().access

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria that the host gave in code."""
        return self._running().criteria

    @property
    def reviewer(self) -> Reviewer | None:
        """The second pair of eyes of the current app, None where none is configured."""
        return self._running().reviewer

    @property
    def queues(self) -> Queues:
        """What wakes the workers."""
        return self._running().queues

    def clients_merged(
        self, kept_id: Any, gone_id: Any, *, session: Session | scoped_session[Any] | None = None
    ) -> None:
        """Tell that two of the host's clients turned out to be one; what the CRMs know of both follows `kept_id`.

        To be called where the host merges them, before its commit: it is part of the transaction of `session`, by
        default of Flask-SQLAlchemy's; a host that has none, and gives none, has it done at once. Raises NotFound where
        the kept client is not there.
        """
        running = self._running()
        kept, gone = key_text(kept_id), key_text(gone_id)
        own = running.app.extensions["sqlalchemy"].session if running.sync.host.sessions is not None else None
        hosts = session or own
        if hosts is None:
            with running.sync.database.write() as database:
                merge_clients(running.sync, database, kept, gone)
            running.queues.wake()
            return
        within: Session = hosts() if isinstance(hosts, scoped_session) else hosts
        within.flush()
        database = within.connection(bind_arguments={"mapper": running.sync.host.client.mapper})
        merge_clients(running.sync, database, kept, gone)
        sa.event.listen(within, "after_commit", lambda _: running.queues.wake(), once=True)

    def erase_client(self, client_id: Any, *, account_id: Any = None, by: str = "") -> ErasureView:
        """Erase a client from every CRM and from our tables; the answer has a receipt for each CRM, filled as it goes.

        Call it outside a transaction of your own, and before you delete the client: so its account, e-mail and phone
        are known. `account_id` is needed for a client that is deleted already; `by` is the user's id, for the audit
        trail. Raises NotFound where nobody knows the client.
        """
        running, id = self._running(), key_text(client_id)
        account = key_text(account_id) if account_id is not None else account_of(running.sync, id)
        view = erase_client(running.sync, account, id, by=by)
        running.queues.wake()
        return view

    def _check_given(self) -> None:
        """Refuse what the pages and the workers could not use; they would find out one by one."""
        missing = misses(self._access) if self._access is not None else []
        if missing:
            raise ConfigurationError(f"What CRMSync(access=...) was given lacks {', '.join(missing)}: see Callables.")
        if self._reviewer is not None and (
            isinstance(self._reviewer, type) or not callable(getattr(self._reviewer, "review", None))
        ):
            raise ConfigurationError("CRMSync(reviewer=...) wants an object with a method review(case).")
        if strange := [one for one in self._criteria if not isinstance(one, Criterion)]:
            raise ConfigurationError(f"CRMSync(criteria=...) wants criteria, not {type(strange[0]).__name__}.")
        adapters()

    def _qualify(self, running: Running) -> None:
        """Give an app the criteria and the reviewer of this object."""
        running.criteria = self._criteria
        running.reviewer = self._reviewer or make_reviewer(running.settings, running.sync.clock)
        sets = frozenset(criterion.set_name for criterion in self._criteria if criterion.enabled)
        running.sync = replace(running.sync, code_sets=sets)

    def _running(self) -> Running:
        if has_app_context() and current_app.extensions.get(EXTENSION_KEY) is self:
            return running_of(current_app)
        if len(self._apps) != 1:
            raise RuntimeError("Which app? Call init_app first, or enter the app's context where there are several.")
        return running_of(next(iter(self._apps)))


def _start(app: Flask, settings: Settings, host: Host, access: Access) -> Running:
    clock = SystemClock()
    database = Database(host.engine)
    queues = Queues(settings, clock)
    scheduler = RQSchedulerPort(queues.quick_connection, clock, queues.job_seconds)
    capture = install_capture(host, _changes, queues.wake, clock=clock)
    sync = Sync(database, host, Vault(settings.encryption_keys), clock, settings)
    return Running(app, sync, access, queues, scheduler, capture)


def _keep_host_migrations_away(app: Flask, **_: Any) -> None:
    """Tell Flask-Migrate of our tables, so that `flask db migrate` does not offer to drop them.

    Done when a context is entered, not in `init_app`: the host may register Flask-Migrate after us.
    """
    migrate = app.extensions.get("migrate")
    if migrate is not None:
        migrate.configure_args["include_object"] = beside(migrate.configure_args.get("include_object"))
        appcontext_pushed.disconnect(_keep_host_migrations_away, app)
