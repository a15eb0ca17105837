"""Bulk statements that the host runs through a session: UPDATE and DELETE ... WHERE, INSERT of one row or many.

No mapper event fires for them. Before an UPDATE or DELETE, the same WHERE selects the subjects concerned, where
possible straight into the changes (INSERT ... SELECT). An INSERT is asked to return its keys.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import CompileError, InvalidRequestError
from sqlalchemy.orm import ORMExecuteState

from ..models.change import CREATED, DELETED, UPDATED
from .bound import chunks
from .ledger import KEY_LENGTH, Ledger
from .returned import run_for_keys
from .rules import Rule
from .statements import assigned, concerns, entity_of
from .values import key_text

log = logging.getLogger(__name__)

_CHUNK = 500
_COLUMNS = ("subject_type", "subject_id", "account_id", "kind", "created_at")

Found = Iterable[Sequence[Any]]
"""Rows of a subject's key and its account."""


class Bulk:
    """Writes the changes of bulk statements."""

    def __init__(self, rules: Iterable[Rule], changes: sa.Table) -> None:
        self._changes = changes
        self._by_table: dict[Any, list[Rule]] = {}
        for rule in rules:
            for table in rule.mapper.tables:
                self._by_table.setdefault(table, []).append(rule)

    def rules_for(self, run: ORMExecuteState) -> list[Rule]:
        """Return the rules that a statement concerns, found by its table: Core statements have no mapper."""
        statement: Any = run.statement
        candidates = self._by_table.get(statement.table, ()) if statement.is_dml else ()
        return [rule for rule in candidates if concerns(run, rule)]

    def capture(
        self, run: ORMExecuteState, connection: sa.Connection, rules: list[Rule], now: datetime
    ) -> tuple[bool, sa.Result[Any] | None]:
        """Write a statement's changes; return whether there were any, and its result where it has been run for that.

        A statement that we cannot read is left to the scan; it runs as if nobody listened.
        """
        try:
            if run.is_insert:
                return self._insert(run, connection, rules, now)
            _flush_first(run)
            wrote = [self._before(run, connection, rule, now) for rule in rules]
            return any(wrote), None
        except (CompileError, InvalidRequestError):
            log.warning("A bulk statement on %s is left to the scan", rules[0].model.__name__, exc_info=True)
            return False, None

    def _insert(
        self, run: ORMExecuteState, connection: sa.Connection, rules: list[Rule], now: datetime
    ) -> tuple[bool, sa.Result[Any] | None]:
        ran = run_for_keys(
            run, [(rule.mapper, name) for rule in rules for name in (rule.key, rule.account or rule.key)]
        )
        if ran is None:
            return False, None
        rows, result = ran
        wrote = False
        for place, rule in enumerate(rules):
            found = ((row[2 * place], row[2 * place + 1] if rule.account else None) for row in rows)
            wrote |= self._write(connection, rule, CREATED, found, now)
        return wrote, result

    def _before(self, run: ORMExecuteState, connection: sa.Connection, rule: Rule, now: datetime) -> bool:
        happened = UPDATED if run.is_update else DELETED
        wrote = False
        for query in _concerned(run, rule):
            texts = None if run.parameters else _as_texts(query)
            if texts is not None:
                wrote |= self._select_into(connection, rule, happened, query.with_only_columns(*texts), now)
            else:
                wrote |= self._write(connection, rule, happened, _fetched(connection, query, run), now)
        moved_to = [(key, None) for key in assigned(run, rule)]
        return self._write(connection, rule, happened, moved_to, now) or wrote

    def _select_into(
        self, connection: sa.Connection, rule: Rule, happened: str, texts: sa.Select[Any], now: datetime
    ) -> bool:
        key, account = texts.selected_columns
        created_at = sa.literal(now, self._changes.c.created_at.type)
        row = (sa.literal(rule.subject), key, account, sa.literal(rule.kind(happened)), created_at)
        rows = texts.with_only_columns(*row)
        insert = self._changes.insert().from_select(_COLUMNS, rows).execution_options(preserve_rowcount=True)
        return connection.execute(insert).rowcount != 0  # before SQLAlchemy 2.0.28 the count may be unknown, -1

    def _write(self, connection: sa.Connection, rule: Rule, happened: str, found: Found, now: datetime) -> bool:
        ledger = Ledger()
        for key, account in found:
            if key is not None:
                account_id = None if account is None else key_text(account)
                ledger.see(rule.subject, key_text(key), rule.kind(happened), account_id)
        rows = ledger.take(now)
        for some in chunks(rows, _CHUNK):
            connection.execute(self._changes.insert().inline(), some)
        return bool(rows)


def _flush_first(run: ORMExecuteState) -> None:
    """Do early what the statement would do anyway: its WHERE must see the session's pending work here too."""
    flushing = getattr(run.session, "_flushing", False)  # a statement run by a listener of the flush itself
    if run.session.autoflush and run.execution_options.get("autoflush", True) and not flushing:
        run.session.flush()


def _concerned(run: ORMExecuteState, rule: Rule) -> Iterator[sa.Select[Any]]:
    """Yield queries for the keys and accounts of the subjects that an UPDATE or DELETE is about to touch."""
    statement: Any = run.statement
    model = entity_of(run, rule)
    key = getattr(model, rule.key)
    query = sa.select(key, getattr(model, rule.account) if rule.account else sa.null())
    if not rule.is_subject:
        query = query.where(key.is_not(None)).distinct()
    if statement.whereclause is not None:
        yield query.where(statement.whereclause)
    elif isinstance(run.parameters, Sequence):  # an ORM update by a list of keys
        for rows in chunks(run.parameters, _CHUNK):
            yield query.where(_one_of(rule, model, rows))
    else:
        yield query


def _one_of(rule: Rule, model: type[Any], rows: Iterable[Mapping[str, Any]]) -> sa.ColumnElement[bool]:
    names = [rule.mapper.get_property_by_column(column).key for column in rule.mapper.primary_key]
    if len(names) == 1:
        found: sa.ColumnElement[bool] = getattr(model, names[0]).in_([row[names[0]] for row in rows])
        return found
    return sa.or_(*(sa.and_(*(getattr(model, name) == row[name] for name in names)) for row in rows))


def _fetched(connection: sa.Connection, query: sa.Select[Any], run: ORMExecuteState) -> Found:
    """Run the query once for each set of parameters that the statement's own WHERE waits for."""
    statement: Any = run.statement
    if statement.whereclause is None or not run.parameters:
        return connection.execute(query).all()
    several = run.parameters if isinstance(run.parameters, Sequence) else [run.parameters]
    return [row for parameters in several for row in connection.execute(query, parameters)]


def _as_texts(query: sa.Select[Any]) -> list[sa.ColumnElement[Any]] | None:
    """Return key and account as the database itself writes them, None where that may differ from Python's text."""
    texts = [_as_text(column) for column in query.selected_columns]
    known = [text for text in texts if text is not None]
    return known if len(known) == len(texts) else None


def _as_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
    if isinstance(column, sa.Null):
        return column
    if isinstance(column.type, sa.Integer):
        return sa.cast(column, sa.String())
    is_short = isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum)
    return column if is_short and (getattr(column.type, "length", None) or KEY_LENGTH + 1) <= KEY_LENGTH else None
