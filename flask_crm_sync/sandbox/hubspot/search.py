"""Search: filters, operators and limits over an index that lags behind the records."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from .batches import Answer, known_names
from .definitions import Definitions
from .desk import Desk
from .errors import validation
from .kinds import Kind
from .polling import window_of, within
from .records import Record, as_id
from .validation import as_ms

LONGEST_BODY = 3_000
MOST_RESULTS = 10_000
LARGEST_PAGE = 200
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
QUERIED = {
    "contacts": ("email", "firstname", "lastname", "phone", "company", "hs_additional_emails"),
    "notes": ("hs_note_body",),
}
Filter = dict[str, Any]


def search(desk: Desk, kind: Kind, body: dict[str, Any], length: int) -> Answer:
    """Answer a search. Raises HubSpotError (400) for anything over a limit or unreadable."""
    if length > LONGEST_BODY:
        raise validation(f"The request body exceeds the limit of {LONGEST_BODY} characters")
    groups, limit, after = _groups(body), _limit(body), _after(body)
    if after + limit > MOST_RESULTS:
        raise validation(f"Search results are limited to {MOST_RESULTS}; paging past them is not possible")
    definitions = desk.definitions(kind)
    for each in (each for group in groups for each in group):
        _check(definitions, each)
    found, total = _found(desk, kind, body, groups, after + limit)
    names = known_names(desk, kind, body.get("properties"))
    answer: dict[str, Any] = {"total": total, "results": [each.shown(names) for each in found[after : after + limit]]}
    if after + limit < total:
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return 200, answer


def _found(
    desk: Desk, kind: Kind, body: dict[str, Any], groups: list[list[Filter]], most: int
) -> tuple[list[Record], int]:
    """Return what the index holds of a search, in order, as far as it is shown, and how much there is in all."""
    records, definitions = desk.records(kind), desk.definitions(kind)
    horizon = desk.clock.now_ms() - desk.dialect.search_lag_ms
    window = window_of(kind, groups, body)
    candidates = records.modified_since(horizon + 1 if window else _lower_bound(kind, groups))
    indexed = [seen for seen in (_as_indexed(each, horizon) for each in candidates) if seen is not None]
    if window is not None:
        return within(records, window, horizon, indexed, most)
    found = [each for each in indexed if _matches(definitions, each, groups, str(body.get("query") or ""))]
    _sort(definitions, found, body.get("sorts"))
    return found, len(found)


def _groups(body: dict[str, Any]) -> list[list[Filter]]:
    """Return the filter groups; a bare ``filters`` list counts as one group."""
    groups = body.get("filterGroups") or ([{"filters": body["filters"]}] if body.get("filters") else [])
    try:
        filters = [list(group["filters"]) for group in groups]
    except (KeyError, TypeError):
        raise validation("Some required fields were not set: [filters]") from None
    if not all(isinstance(each, dict) for group in filters for each in group):
        raise validation("A filter is an object")
    sizes = [len(group) for group in filters]
    if len(sizes) > MOST_GROUPS or max(sizes, default=0) > MOST_FILTERS or sum(sizes) > MOST_IN_ALL:
        raise validation(
            f"Too many filters: at most {MOST_GROUPS} groups of {MOST_FILTERS} filters, {MOST_IN_ALL} in all"
        )
    return filters


def _limit(body: dict[str, Any]) -> int:
    limit = body.get("limit", 10)
    if not isinstance(limit, int) or not 0 < limit <= LARGEST_PAGE:
        raise validation(f"limit must be between 1 and {LARGEST_PAGE}")
    return limit


def _after(body: dict[str, Any]) -> int:
    after = as_id(str(body.get("after") or "0"))
    if after is None:
        raise validation("after must be an integer")
    return after


def _check(definitions: Definitions, given: Filter) -> None:
    operator, name = given.get("operator"), given.get("propertyName")
    if definitions.get(str(name)) is None:
        raise validation(f"There was a problem with the request: property {name} does not exist")
    if operator not in _OPERATORS:
        raise validation(f"Invalid operator {operator}")
    wanted = {
        "BETWEEN": ("value", "highValue"),
        "IN": ("values",),
        "NOT_IN": ("values",),
        "HAS_PROPERTY": (),
        "NOT_HAS_PROPERTY": (),
    }.get(operator, ("value",))
    missing = [member for member in wanted if given.get(member) is None]
    if missing:
        raise validation(f"operator {operator} requires {', '.join(missing)}")


def _lower_bound(kind: Kind, groups: list[list[Filter]]) -> int:
    """Return a moment before which no match can have changed, so that polling reads few records."""

    def of_group(group: list[Filter]) -> int:
        bounds = [
            as_ms(str(each.get("value"))) or 0
            for each in group
            if each.get("propertyName") == kind.modified_property and each["operator"] in ("GT", "GTE", "BETWEEN")
        ]
        return max(bounds, default=0)

    return min((of_group(group) for group in groups), default=0)


def _as_indexed(record: Record, horizon: int) -> Record | None:
    """Return the record as it was at a moment, or None when it did not exist yet."""
    if record.updated <= horizon:
        return record
    if record.created > horizon:
        return None
    moments = [record.created]
    for name, revisions in record.history.items():
        past = next((each for each in revisions if each.at_ms <= horizon), None)
        record.properties[name] = past.value if past else ""
        moments.append(past.at_ms if past else 0)
    record.updated = max(moments)
    return record


def _matches(definitions: Definitions, record: Record, groups: list[list[Filter]], query: str) -> bool:
    if query and not _queried(record, query.lower()):
        return False
    return not groups or any(all(_holds(definitions, record, each) for each in group) for group in groups)


def _queried(record: Record, query: str) -> bool:
    texts = [(record.value(name) or "").lower() for name in QUERIED[record.kind.name]]
    return all(any(word in text for text in texts) for word in query.split())


def _holds(definitions: Definitions, record: Record, given: Filter) -> bool:
    definition = definitions.get(given["propertyName"])
    value_type = definition.type if definition else "string"
    mine = _comparable(value_type, record.value(given["propertyName"]))
    return _OPERATORS[given["operator"]](mine, given, value_type)


def _comparable(value_type: str, value: Any) -> Any:
    """Return a value as it is compared: moments and numbers as numbers, texts without case, choices as they are."""
    if value is None or value == "":
        return None
    if value_type in ("date", "datetime"):
        return as_ms(str(value))
    if value_type == "number":
        return float(value) if re.fullmatch(r"-?\d+(\.\d+)?", str(value)) else None
    return str(value) if value_type == "enumeration" else str(value).lower()


def _among(mine: Any, given: Filter, value_type: str) -> bool:
    """IN on texts compares with the values as given, which therefore must be lower case."""
    if value_type in ("string", "phone_number"):
        return mine in given["values"]
    return mine in [_comparable(value_type, each) for each in given["values"]]


def _holds_token(mine: Any, given: Filter, value_type: str) -> bool:
    if mine is None:
        return False
    wanted = str(given["value"]).lower()
    tokens = [mine, *re.split(r"[\s@.,;<>/]+", str(mine))]
    return any(fnmatchcase(token, wanted) for token in tokens)


def _compare(test: Callable[[Any, Any], bool]) -> Callable[[Any, Filter, str], bool]:
    def holds(mine: Any, given: Filter, value_type: str) -> bool:
        theirs = _comparable(value_type, given["value"])
        return mine is not None and theirs is not None and test(mine, theirs)

    return holds


def _between(mine: Any, given: Filter, value_type: str) -> bool:
    low, high = _comparable(value_type, given["value"]), _comparable(value_type, given["highValue"])
    return None not in (mine, low, high) and bool(low <= mine <= high)


_OPERATORS: dict[str, Callable[[Any, Filter, str], bool]] = {
    "EQ": _compare(lambda mine, theirs: bool(mine == theirs)),
    "NEQ": lambda mine, given, kind: bool(mine != _comparable(kind, given["value"])),
    "LT": _compare(lambda mine, theirs: bool(mine < theirs)),
    "LTE": _compare(lambda mine, theirs: bool(mine <= theirs)),
    "GT": _compare(lambda mine, theirs: bool(mine > theirs)),
    "GTE": _compare(lambda mine, theirs: bool(mine >= theirs)),
    "BETWEEN": _between,
    "IN": _among,
    "NOT_IN": lambda mine, given, kind: not _among(mine, given, kind),
    "HAS_PROPERTY": lambda mine, given, kind: mine is not None,
    "NOT_HAS_PROPERTY": lambda mine, given, kind: mine is None,
    "CONTAINS_TOKEN": _holds_token,
    "NOT_CONTAINS_TOKEN": lambda mine, given, kind: not _holds_token(mine, given, kind),
}


def _sort(definitions: Definitions, found: list[Record], sorts: Any) -> None:
    """Sort in place: by one property, else oldest first."""
    if not sorts:
        found.sort(key=lambda record: record.id)
        return
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise validation("Only one sort is supported")
    name, descending = _sort_of(sorts[0])
    definition = definitions.get(name)
    if definition is None:
        raise validation(f"There was a problem with the request: property {name} does not exist")
    found.sort(key=lambda record: _sort_key(definition.type, record, name), reverse=descending)


def _sort_of(given: Any) -> tuple[str, bool]:
    if isinstance(given, str):
        return given.lstrip("-"), given.startswith("-")
    if isinstance(given, dict) and given.get("direction", "ASCENDING") in ("ASCENDING", "DESCENDING"):
        return str(given.get("propertyName")), given.get("direction") == "DESCENDING"
    raise validation("A sort is a property name, or {propertyName, direction}")


def _sort_key(value_type: str, record: Record, name: str) -> tuple[bool, Any, int]:
    value = _comparable(value_type, record.value(name))
    return (value is not None, value if value is not None else 0, record.id)
