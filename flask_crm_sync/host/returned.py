"""Runs a host's INSERT so that the new rows' keys are known, and hands the host the result that it expects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ResourceClosedError
from sqlalchemy.orm import Mapper, ORMExecuteState

Rows = Sequence[Sequence[Any]]
Wanted = Sequence[tuple[Mapper[Any], str]]
"""Mapped attributes of the new rows."""


class InsertedRows:
    """The result of an INSERT that the host did not ask to return anything: counts and keys, no rows."""

    returns_rows, is_insert, closed = False, True, True

    def __init__(self, keys: Rows) -> None:
        self.rowcount = len(keys)
        self.inserted_primary_key_rows = [tuple(key) for key in keys]

    @property
    def inserted_primary_key(self) -> tuple[Any, ...] | None:
        """Return the key of a single new row."""
        return self.inserted_primary_key_rows[0] if self.rowcount == 1 else None

    def close(self) -> None:
        """Do nothing: there are no rows left to fetch."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ResourceClosedError("This result object does not return rows. It has been closed automatically.")


def run_for_keys(run: ORMExecuteState, wanted: Wanted) -> tuple[Rows, Any] | None:
    """Run the INSERT; return the wanted attributes of each new row, and the result for the host.

    None, and nothing has run, where the database cannot return them or the host's own wishes exclude it.
    """
    if _is_plain(run):
        result: Any = run.invoke_statement()
        return _from_primary_key(run, wanted, result.inserted_primary_key), result
    columns = [_column(run, mapper, name) for mapper, name in wanted]
    if not _can_return(run) or any(column is None for column in columns):
        return None
    return _run_returning(run, columns, [_column(run, wanted[0][0], name) for name in _key_names(wanted[0][0])])


def _run_returning(run: ORMExecuteState, columns: list[Any], keys: list[Any]) -> tuple[Rows, Any]:
    """Ask for our columns behind the host's own, and cut them off again."""
    statement: Any = run.statement
    ours = [column.label(f"crm_sync_{place}") for place, column in enumerate([*columns, *keys])]
    ordered = {"sort_by_parameter_order": True} if getattr(statement, "_sort_by_parameter_order", False) else {}
    frozen = run.invoke_statement(statement=statement.returning(*ours, **ordered)).freeze()
    asked = len(frozen().keys()) - len(ours)
    rows = [row[asked:] for row in frozen().all()]
    result = frozen().columns(*range(asked)) if asked else InsertedRows([row[len(columns) :] for row in rows])
    return rows, result


def _is_plain(run: ORMExecuteState) -> bool:
    """One row and nothing returned: SQLAlchemy tells its primary key by itself, on every database."""
    statement: Any = run.statement
    special = ("_multi_values", "select", "_post_values_clause", "_prefixes", "_returning", "_inline")
    by_parameters = bool(run.parameters) and (run.is_orm_statement or run.is_executemany)
    return not by_parameters and not any(_is_set(getattr(statement, name, None)) for name in special)


def _is_set(value: Any) -> bool:
    return value is not None and value is not False and value != ()


def _from_primary_key(run: ORMExecuteState, wanted: Wanted, key: Any) -> Rows:
    """The new row as far as its primary key and the values of the statement say it."""
    statement: Any = run.statement
    parameters: Any = run.parameters or {}
    given = {getattr(column, "key", column): value for column, value in (statement._values or {}).items()}
    row = []
    for mapper, name in wanted:
        known = dict(zip(_key_names(mapper), key or (), strict=False))
        bound = given.get(mapper.columns[name].key, given.get(name))
        plain = bound.value if isinstance(bound, sa.BindParameter) else parameters.get(name)
        row.append(known.get(name, plain))
    return [row]


def _key_names(mapper: Mapper[Any]) -> list[str]:
    return [mapper.get_property_by_column(column).key for column in mapper.primary_key]


def _can_return(run: ORMExecuteState) -> bool:
    dialect: Any = run.session.get_bind(**run.bind_arguments).dialect
    if getattr(run.statement, "_return_defaults", False):
        return False
    return bool(dialect.insert_executemany_returning if run.is_executemany else dialect.insert_returning)


def _column(run: ORMExecuteState, mapper: Mapper[Any], name: str) -> Any:
    """A mapped attribute for an ORM statement, the table's own column for a Core one."""
    if run.is_orm_statement:
        return getattr(mapper.class_, name)
    statement: Any = run.statement
    column = mapper.columns[name]
    return column if column.table is statement.table else None
