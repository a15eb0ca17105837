"""Which time of writing a query's conditions leave, so that whoever polls does not read a whole org each time."""

from __future__ import annotations

from datetime import datetime

from .soql import Comparison, Condition, Ordering, Statement

STAMPS = ("systemmodstamp", "lastmodifieddate")
ALWAYS = (0, 2**62)


def span_of(condition: Condition | None) -> tuple[int, int]:
    """Return the span of milliseconds outside of which nothing can pass; all of time where that is not known."""
    if condition is None:
        return ALWAYS
    if isinstance(condition, Comparison):
        return _of_comparison(condition)
    if condition.word == "NOT":
        return ALWAYS
    spans = [span_of(part) for part in condition.parts]
    lows, highs = [low for low, _high in spans], [high for _low, high in spans]
    return (max(lows), min(highs)) if condition.word == "AND" else (min(lows), max(highs))


def order_of(statement: Statement) -> bool | None:
    """Say whether a query sorts by time and id descending (or ascending), None for another order."""
    if [ordering.field.lower() for ordering in statement.order] != ["systemmodstamp", "id"]:
        return None
    ways = {_way(ordering) for ordering in statement.order}
    return ways.pop() if len(ways) == 1 else None


def _way(ordering: Ordering) -> bool:
    return ordering.descending


def _of_comparison(condition: Comparison) -> tuple[int, int]:
    literal = condition.literals[0]
    if condition.field.lower() not in STAMPS or literal.kind != "datetime" or len(condition.literals) > 1:
        return ALWAYS
    at = round(datetime.fromisoformat(literal.value).timestamp() * 1000)
    spans = {">": (at + 1, ALWAYS[1]), ">=": (at, ALWAYS[1]), "=": (at, at), "<=": (0, at), "<": (0, at - 1)}
    return spans.get(condition.operator, ALWAYS)
