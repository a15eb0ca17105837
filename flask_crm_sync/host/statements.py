"""What can be read from a bulk statement before it runs: whom it concerns, which columns it sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import ORMExecuteState

from .rules import Rule


def concerns(run: ORMExecuteState, rule: Rule) -> bool:
    """Tell whether a statement on one of the rule's tables touches the rule's rows, and anything that counts."""
    statement: Any = run.statement
    entity = run.bind_mapper if run.is_orm_statement else None
    if run.is_insert:  # a row in a base class's table alone is no client yet
        return entity.isa(rule.mapper) if entity else statement.table is rule.mapper.local_table
    if entity and not (entity.isa(rule.mapper) or rule.mapper.isa(entity)):
        return False
    return run.is_delete or _sets_watched(run, rule)


def entity_of(run: ORMExecuteState, rule: Rule) -> type[Any]:
    """Return the class to select with: the statement's own where it is a subclass of the rule's, else the rule's."""
    entity = run.bind_mapper if run.is_orm_statement else None
    return entity.class_ if entity and entity.isa(rule.mapper) else rule.model


def assigned(run: ORMExecuteState, rule: Rule) -> Iterator[Any]:
    """Yield the subject to which an UPDATE moves rows, where the statement names it as a plain value."""
    if run.is_update and not rule.is_subject:
        names = {rule.key, _column_key(rule, rule.key)}
        for column, value in _values(run):
            if getattr(column, "key", column) in names and isinstance(value, sa.BindParameter):
                yield value.value


def _sets_watched(run: ORMExecuteState, rule: Rule) -> bool:
    """A statement that sets what we do not know by name (a hybrid, a bound name) counts, to be on the safe side."""
    if rule.watched is None:
        return True
    names = {getattr(column, "key", column) for column, _ in _values(run)} | _parameter_names(run, rule)
    statement: Any = run.statement
    known = {*rule.mapper.columns.keys(), *statement.table.columns.keys()}
    watched = rule.watched | {_column_key(rule, name) for name in rule.watched}
    return not names <= known or not names.isdisjoint(watched)


def _values(run: ORMExecuteState) -> list[tuple[Any, Any]]:
    """The SET clause. SQLAlchemy has no public way to it; where its names change, every UPDATE will count."""
    statement = run.statement
    values = getattr(statement, "_values", None) or {}
    return [*values.items(), *(getattr(statement, "_ordered_values", None) or ())]


def _parameter_names(run: ORMExecuteState, rule: Rule) -> set[str]:
    """Names given beside the statement; in an update by a list of keys, the keys are no values to set."""
    given: Any = run.parameters or {}
    rows: Sequence[Mapping[str, Any]] = [given] if isinstance(given, Mapping) else given
    names = {name for row in rows for name in row}
    statement: Any = run.statement
    if statement.whereclause is None and not isinstance(given, Mapping):
        names -= {rule.mapper.get_property_by_column(column).key for column in rule.mapper.primary_key}
    return names


def _column_key(rule: Rule, name: str) -> str:
    return str(rule.mapper.columns[name].key)
