"""What a filter means: as SQL over the stored rows, or over plain dicts (metadata)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..clock import from_iso
from .errors import DataverseError, bad_query, no_property
from .expressions import Among, Bare, Both, Compare, Expression, Negated, TextTest
from .patterns import like
from .rows import Condition, Rows, holds, moment
from .tables import Column, Table

_SQL = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_NAMES = {"eq": "Equal", "ne": "NotEqual"}
_TEXTS = ("text", "memo")


class Conditions:
    """Turn expressions about one table into SQL."""

    def __init__(self, rows: Rows, table: Table) -> None:
        self._rows, self._table = rows, table

    def of(self, expression: Expression) -> Condition:
        """Return the condition. Raises DataverseError (400) for unknown columns and values that do not fit."""
        if isinstance(expression, Both):
            left, right = self.of(expression.left), self.of(expression.right)
            sql = f"({left.sql}) {expression.operator.upper()} ({right.sql})"
            return Condition(sql, left.params + right.params)
        if isinstance(expression, Negated):
            inner = self.of(expression.inner)
            return Condition(f"NOT coalesce({inner.sql}, 0)", inner.params)
        if isinstance(expression, Among):
            return holds(self._rows, self._table, self._column(expression.name).shown_as, expression.values)
        if isinstance(expression, TextTest):
            return self._text_test(expression)
        return self._compare(expression)

    def _column(self, name: str) -> Column:
        column = self._table.by_name.get(name)
        if column is None:
            raise no_property(name, self._table.name)
        return column

    def _compare(self, test: Compare) -> Condition:
        column = self._column(test.name)
        value = f"json_extract(body, '$.{column.shown_as}')"
        if test.value is None:
            return _about_nothing(test, value)
        wanted = _fitting(column, test)
        if test.operator in ("eq", "ne") and isinstance(wanted, str):
            found = holds(self._rows, self._table, column.shown_as, [wanted])
            return found if test.operator == "eq" else Condition(f"NOT ({found.sql})", found.params)
        if isinstance(wanted, str):
            return Condition(f"folded({value}) {_SQL[test.operator]} folded(?)", (wanted,))
        sql = f"{value} {_SQL[test.operator]} ?"
        return Condition(f"({sql} OR {value} IS NULL)" if test.operator == "ne" else sql, (wanted,))

    def _text_test(self, test: TextTest) -> Condition:
        column = self._column(test.name)
        if column.kind not in _TEXTS:
            raise bad_query(f"The function '{test.function}' takes texts, and '{test.name}' is none.")
        pattern = _around(test)
        return Condition(f"tsql_like(json_extract(body, '$.{column.shown_as}'), ?)", (pattern,))


def _about_nothing(test: Compare, value: str) -> Condition:
    if test.operator not in ("eq", "ne"):
        raise bad_query(f"'{test.operator}' cannot be asked of null.")
    return Condition(f"{value} IS {'NOT ' if test.operator == 'ne' else ''}NULL")


def _around(test: TextTest) -> str:
    """Return the pattern of a text function; wildcards within the text keep their meaning, as on the real server."""
    before = "" if test.function == "startswith" else "%"
    after = "" if test.function == "endswith" else "%"
    return f"{before}{test.text}{after}"


def _fitting(column: Column, test: Compare) -> Any:
    """Return a value as it is stored in the column. Raises DataverseError (400) for one of another type."""
    value = test.value
    if column.kind in _TEXTS and type(value) is str:
        return value
    if column.kind in ("guid", "lookup") and isinstance(value, str):
        return value.lower()
    if column.kind in ("moment", "day") and isinstance(value, Bare):
        return _moment(column, value)
    if column.kind == "flag" and isinstance(value, bool):
        return int(value)
    if column.kind in ("whole", "choice", "state") and type(value) in (int, float) and abs(value) < 2**53:
        return value
    raise _incompatible(column, test)


def _moment(column: Column, value: Bare) -> str:
    try:
        stored = moment(from_iso(value))
    except (ValueError, OverflowError):
        raise bad_query(f"'{value}' is no date.") from None
    return stored if column.kind == "moment" else stored[:10]


def _incompatible(column: Column, test: Compare) -> DataverseError:
    message = (
        f"A binary operator with incompatible types was detected. Found operand types '{EDM[column.kind]}' and "
        f"'{_edm_of(test.value)}' for operator kind '{_NAMES.get(test.operator, test.operator)}'."
    )
    return bad_query(message)


EDM = {
    "text": "Edm.String",
    "memo": "Edm.String",
    "whole": "Edm.Int32",
    "flag": "Edm.Boolean",
    "choice": "Edm.Int32",
    "state": "Edm.Int32",
    "moment": "Edm.DateTimeOffset",
    "day": "Edm.Date",
    "guid": "Edm.Guid",
    "lookup": "Edm.Guid",
}


def _edm_of(value: Any) -> str:
    if isinstance(value, bool):
        return "Edm.Boolean"
    if isinstance(value, int | float):
        return "Edm.Int32" if isinstance(value, int) else "Edm.Double"
    return "Edm.Guid" if isinstance(value, Bare) else "Edm.String"


def meets(expression: Expression, values: Mapping[str, Any]) -> bool:
    """Say whether a plain dict meets an expression: for what is no row of a table."""
    if isinstance(expression, Both):
        both = (meets(expression.left, values), meets(expression.right, values))
        return all(both) if expression.operator == "and" else any(both)
    if isinstance(expression, Negated):
        return not meets(expression.inner, values)
    if expression.name not in values:
        raise bad_query(f"Could not find a property named '{expression.name}'.")
    value = values[expression.name]
    if isinstance(expression, Compare):
        return bool((value == expression.value) == (expression.operator == "eq"))
    if isinstance(expression, Among):
        return value in expression.values
    return like(value, _around(expression))
