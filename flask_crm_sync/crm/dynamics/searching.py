"""Searching a column for any of many values, in as few requests as Dynamics allows.

Most values go into the `In` function, whose list is a parameter of the address. What would end that list or a text in
it early (quotes, brackets, backslashes) is asked for by `eq`, whose quoting is documented: doubled, then encoded.
Source: Dataverse, "Filter rows" and "In function".
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from ...errors import CRMError
from .client import READING, ROOT, DynamicsClient, Outcome, Row
from .multipart import Request

LONGEST_ADDRESS = 24_000
"""Characters: an address may have 32,768, and 64 KB within a batch; proxies in between are stricter than both."""
_MOST_VALUES = 200
_AWKWARD = re.compile(r"""['"\\\[\]{}]""")


@dataclass(frozen=True, slots=True)
class Search:
    """One request for the active rows whose column has one of the values."""

    request: Request
    values: frozenset[str]


def searches(table: str, column: str, values: Collection[str], select: str) -> list[Search]:
    """Return the searches that together ask for every value; they ride along in a batch."""
    distinct = list(dict.fromkeys(value for value in values if value))
    awkward = [value for value in distinct if _AWKWARD.search(value)]
    usual = [value for value in distinct if not _AWKWARD.search(value)]
    alone = [Search(_equal(table, column, value, select), frozenset([value])) for value in awkward]
    return [
        *(Search(_any_of(table, column, group, select), frozenset(group)) for group in _groups(usual)),
        *alone,
    ]


def collected(
    client: DynamicsClient, asked: Sequence[Search], outcomes: Sequence[Outcome]
) -> tuple[list[Row], dict[str, CRMError]]:
    """Return the rows that searches found, following their pages, and by value the errors of those that failed."""
    rows: list[Row] = []
    failures: dict[str, CRMError] = {}
    for search, outcome in zip(asked, outcomes, strict=True):
        try:
            if isinstance(outcome, CRMError):
                raise outcome
            rows += client.rows(outcome)
        except CRMError as error:
            failures.update(dict.fromkeys(search.values, error))
    return rows, failures


def _groups(values: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    length = 0
    for value in values:
        size = len(_listed([value])) + 1
        if group and (len(group) >= _MOST_VALUES or length + size > LONGEST_ADDRESS):
            yield group
            group, length = [], 0
        group.append(value)
        length += size
    if group:
        yield group


def _any_of(table: str, column: str, values: Sequence[str], select: str) -> Request:
    condition = "Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2) and statecode eq 0"
    return _request(table, select, condition, f"&@p1={quote(repr(column))}&@p2={_listed(values)}")


def _equal(table: str, column: str, value: str, select: str) -> Request:
    doubled = value.replace("'", "''")
    return _request(table, select, f"{column} eq '{doubled}' and statecode eq 0", "")


def _request(table: str, select: str, condition: str, parameters: str) -> Request:
    asked = f"$select={select}&$filter={quote(condition, safe='@,()=')}{parameters}"
    return Request("GET", f"{ROOT}{table}?{asked}", headers=READING, rides=True)


def _listed(values: Sequence[str]) -> str:
    return quote(json.dumps(values, ensure_ascii=False, separators=(",", ":")), safe=",")
