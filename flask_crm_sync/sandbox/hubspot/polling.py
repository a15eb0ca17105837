"""Searches by time of change alone, answered from an index: whoever polls a large portal makes no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .kinds import Kind
from .records import Record, Records, as_id
from .validation import as_ms

END_OF_TIME = 2**62


@dataclass(frozen=True)
class Window:
    """Records changed from ``low`` to ``high`` (inclusive), with ids above one, sorted by time or by id."""

    low: int
    high: int
    above: int
    by: str
    descending: bool

    def holds(self, record: Record) -> bool:
        """Say whether a record lies in it."""
        return self.low <= record.updated <= self.high and record.id > self.above

    def key(self, record: Record) -> tuple[int, int]:
        """Return what to sort by."""
        return (record.updated, record.id) if self.by == "updated" else (record.id, record.id)


def window_of(kind: Kind, groups: list[list[dict[str, Any]]], body: dict[str, Any]) -> Window | None:
    """Return the window that a search asks for, or None when it asks for more than that."""
    sorts = body.get("sorts")
    if body.get("query") or len(groups) > 1 or not isinstance(sorts, list) or len(sorts) != 1:
        return None
    order = sorts[0] if isinstance(sorts[0], dict) else {}
    by = {kind.modified_property: "updated", "hs_object_id": "id"}.get(str(order.get("propertyName")))
    if by is None or order.get("direction", "ASCENDING") not in ("ASCENDING", "DESCENDING"):
        return None
    low, high, above = 0, END_OF_TIME, 0
    for each in groups[0] if groups else ():
        bounds = _bounds(kind, each)
        if bounds is None:
            return None
        low, high, above = max(low, bounds[0]), min(high, bounds[1]), max(above, bounds[2])
    return Window(low, high, above, by, order.get("direction") == "DESCENDING")


def _bounds(kind: Kind, given: dict[str, Any]) -> tuple[int, int, int] | None:
    operator, name, value = given["operator"], given["propertyName"], str(given.get("value"))
    record_id = as_id(value)
    if name == "hs_object_id" and operator == "GT" and record_id is not None:
        return 0, END_OF_TIME, record_id
    at, end = as_ms(value), as_ms(str(given.get("highValue")))
    if name != kind.modified_property or at is None:
        return None
    spans = {"GT": (at + 1, END_OF_TIME), "GTE": (at, END_OF_TIME), "EQ": (at, at), "BETWEEN": (at, end)}
    low, high = spans.get(operator, (None, None))
    return None if low is None or high is None else (low, high, 0)


def within(records: Records, window: Window, horizon: int, fresh: list[Record], most: int) -> tuple[list[Record], int]:
    """Return the first records of a window and how many there are in all, as of a moment.

    ``fresh`` are the records that changed since that moment, as they were then.
    """
    settled, count = records.changed_within(
        (window.low, min(window.high, horizon)),
        window.above,
        f"{window.by} {'DESC' if window.descending else 'ASC'}",
        most,
    )
    also = [record for record in fresh if window.holds(record)]
    found = sorted([*settled, *also], key=window.key, reverse=window.descending)
    return found[:most], count + len(also)
