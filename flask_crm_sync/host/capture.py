"""Capture: what happens to the host's clients and conversations becomes changes, in the host's own transaction.

Mapper events note what a flush does; when it is done, one INSERT writes all of it through the flush's own connection,
so that changes live and die with the host's transaction, savepoints included. Nothing here speaks to a network: the
wake after the commit is a function that the caller gives.

Unseen by any event, and found by the scan: `bulk_save_objects`, `bulk_insert_mappings`, raw SQL, statements run on a
connection rather than a session, and what the database does by itself (ON DELETE CASCADE, triggers).
"""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import InstanceState, Mapper, ORMExecuteState, Session, SessionTransaction

from ..clock import Clock, SystemClock
from ..models.change import CLIENT, CREATED, DELETED, UPDATED
from .bulk import Bulk
from .ledger import APPLYING, Applying, Ledger
from .reading import Host
from .rules import Rule, rules_of
from .values import key_text

log = logging.getLogger(__name__)

_Listening = list[tuple[Any, str, Any]]
_deaf: deque[_Listening] = deque()
"""Listeners of captures that were forgotten, until another one begins.

The collector may come in the middle of any event, and SQLAlchemy cannot go on with one whose listeners change under it.
"""

RECHECK_SECONDS = 15.0
"""How long missing tables are taken for missing before the database is asked again."""


def install_capture(
    host: Host, changes: sa.Table, wake: Callable[[], object], *, clock: Clock | None = None
) -> Capture:
    """Start to capture the host's changes into the table `changes`; return the capture, which the caller must keep.

    `wake` is called after each outermost commit that made changes visible; what it raises is logged. Until the table
    is there, nothing is captured and one warning says so. The capture ends with `.remove()`, or with the last
    reference to it: apps that come and go, as in a test suite, leave nothing behind but deaf listeners, which go when
    the next one comes.
    """
    capture = Capture(host, changes, wake, clock or SystemClock())
    capture.listen()
    return capture


class Capture:
    """The listeners of one host. Sessions of other engines, and other apps with the same models, pass them by."""

    def __init__(self, host: Host, changes: sa.Table, wake: Callable[[], object], clock: Clock) -> None:
        self._engine, self._rules = host.engine, rules_of(host)
        self._wake, self._clock = wake, clock
        self._tables = _Tables(changes.name, clock)
        self._insert = changes.insert().inline()  # nobody asks for the new rows' ids
        self._bulk = Bulk(self._rules, changes)
        self._end: weakref.finalize[[Any], Capture] | None = None

    def listen(self) -> None:
        """Register the listeners; they hold this capture weakly."""
        listening: _Listening = []
        while _deaf:
            _stop_listening(_deaf.popleft())

        def on(target: Any, name: str, method: Callable[..., Any], *given: Any, **how: Any) -> None:
            listener = _weakly(self, method, *given)
            event.listen(target, name, listener, **how)
            listening.append((target, name, listener))

        for rule in self._rules:
            on(rule.model, "after_insert", Capture._inserted, rule, raw=True, propagate=True)
            on(rule.model, "before_update", Capture._updating, rule, raw=True, propagate=True)
            on(rule.model, "after_update", Capture._updated, rule, raw=True, propagate=True)
            on(rule.model, "before_delete", Capture._deleted, rule, raw=True, propagate=True)
        on(Session, "after_flush", Capture._flushed)
        on(Session, "do_orm_execute", Capture._executed)
        on(Session, "after_commit", Capture._committed)
        on(Session, "after_soft_rollback", Capture._rolled_back)
        self._end = weakref.finalize(self, _deaf.append, listening)
        self._end.atexit = False

    def remove(self) -> None:
        """End the capture; not to be called from a listener of SQLAlchemy's."""
        if self._end is not None and (ended := self._end.detach()) is not None:
            _, _, (listening,), _ = ended
            _stop_listening(listening)

    def _inserted(self, rule: Rule, _: Mapper[Any], connection: sa.Connection, state: InstanceState[Any]) -> None:
        if self._is_ours(connection.engine):
            self._see(rule, connection, state, CREATED)

    def _updating(self, rule: Rule, _: Mapper[Any], connection: sa.Connection, state: InstanceState[Any]) -> None:
        """Before rather than after: the database still knows which subject the row is about to leave."""
        if self._is_ours(connection.engine):
            former = rule.former_key(connection, state)
            if former is not None:
                self._note(connection, state, rule.subject, former, rule.kind(DELETED), None)

    def _updated(self, rule: Rule, _: Mapper[Any], connection: sa.Connection, state: InstanceState[Any]) -> None:
        if self._is_ours(connection.engine) and rule.is_edited(state):
            self._see(rule, connection, state, UPDATED)

    def _deleted(self, rule: Rule, _: Mapper[Any], connection: sa.Connection, state: InstanceState[Any]) -> None:
        """Before rather than after: a key that is not loaded can still be asked for."""
        if self._is_ours(connection.engine):
            self._see(rule, connection, state, DELETED)

    def _see(self, rule: Rule, connection: sa.Connection, state: InstanceState[Any], happened: str) -> None:
        key = rule.subject_key(connection, state)
        if key is not None:
            kind, origin = rule.kind(happened), _origin(rule, state, key_text(key), happened)
            self._note(connection, state, rule.subject, key, kind, rule.account_of(state), origin)

    def _note(
        self,
        connection: sa.Connection,
        state: InstanceState[Any],
        subject: str,
        key: Any,
        kind: str,
        account: str | None,
        origin: UUID | None = None,
    ) -> None:
        """Note a change by events; `origin` is the connection that all of it came home from."""
        session = state.session
        if session is not None:
            ledger = self._ledger(session)
            ledger.connection = connection
            ledger.see(subject, key_text(key), kind, account, origin)

    def _flushed(self, session: Session, _: Any) -> None:
        ledger: Ledger | None = session.info.get(self)
        if ledger is None or not ledger.seen or ledger.connection is None:
            return
        rows = ledger.take(self._clock.now())
        if self._tables.are_there(ledger.connection):
            ledger.connection.execute(self._insert, rows)
            ledger.wrote(session, ledger.connection)

    def _executed(self, run: ORMExecuteState) -> sa.Result[Any] | None:
        """Capture a bulk statement; what is returned, if anything, is the statement's result."""
        if run.is_select:
            return None
        rules = self._bulk.rules_for(run)
        if not rules or not self._is_ours(run.session.get_bind(**run.bind_arguments).engine):
            return None
        connection = run.session.connection(bind_arguments=run.bind_arguments)
        if not self._tables.are_there(connection):
            return None
        wrote, result = self._bulk.capture(run, connection, rules, self._clock.now())
        if wrote:
            self._ledger(run.session).wrote(run.session, connection)
        return result

    def _committed(self, session: Session) -> None:
        """Fires for released savepoints too, whose changes nobody else can see yet."""
        ledger: Ledger | None = session.info.get(self)
        if ledger is None or session.in_nested_transaction():
            return
        if ledger.committed(session.get_transaction()):
            try:
                self._wake()
            except Exception:
                log.exception("The wake after a commit failed; the bell finds the changes")

    def _rolled_back(self, session: Session, transaction: SessionTransaction) -> None:
        ledger: Ledger | None = session.info.get(self)
        if ledger is not None:
            ledger.rolled_back(transaction)

    def _ledger(self, session: Session) -> Ledger:
        ledger: Ledger | None = session.info.get(self)
        if ledger is None:
            ledger = session.info[self] = Ledger()
        return ledger

    def _is_ours(self, engine: sa.Engine) -> bool:
        """An engine with other execution options shares its pool with the one that it was made from."""
        return engine is self._engine or engine.pool is self._engine.pool


def _origin(rule: Rule, state: InstanceState[Any], key: str, happened: str) -> UUID | None:
    """Recognise a write of our own by what it sets; where the host's code changes more, it is a change as any other."""
    applying: Applying | None = state.session.info.get(APPLYING) if state.session is not None else None
    if applying is None or not rule.is_subject or rule.subject != CLIENT or happened == DELETED:
        return None
    if happened == UPDATED and applying.client_id != key:
        return None
    told = set(state.manager if rule.watched is None else rule.watched)
    if happened == CREATED:
        told.discard(rule.key)  # it has one of its own, whoever made it
    return applying.origin if applying.explains(state, told) else None


class _Tables:
    """Whether our tables are there. Once seen, they are taken for granted: from then on a missing one is an error."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name, self._clock = name, clock
        self._seen = self._warned = False
        self._ask_again = 0.0

    def are_there(self, connection: sa.Connection) -> bool:
        """Tell it, asking the database through the host's own transaction, and only now and then."""
        if self._seen:
            return True
        if self._warned and self._clock.monotonic() < self._ask_again:
            return False
        self._seen = sa.inspect(connection).has_table(self._name)
        self._tell()
        return self._seen

    def _tell(self) -> None:
        if self._seen and self._warned:
            log.warning("The tables of CRMSync are there now: changes are captured again")
        elif not self._seen:
            if not self._warned:
                log.warning("CRMSync HAS NO TABLES YET and captures nothing. Run `flask crm upgrade`.")
            self._warned, self._ask_again = True, self._clock.monotonic() + RECHECK_SECONDS


def _weakly(capture: Capture, method: Callable[..., Any], *given: Any) -> Callable[..., Any]:
    """SQLAlchemy keeps its listeners for ever: they must not keep an app alive."""
    found = weakref.ref(capture)

    def listener(*args: Any) -> Any:
        alive = found()
        return None if alive is None else method(alive, *given, *args)

    return listener


def _stop_listening(listening: _Listening) -> None:
    for target, name, listener in listening:
        event.remove(target, name, listener)
