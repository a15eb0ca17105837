"""Reading many rows: filter, order, count, and pages that lead to each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .conditions import Conditions
from .desk import Desk
from .errors import bad_query, no_property
from .exchange import Call, Reply
from .expressions import read_filter
from .rows import EVERYTHING, Condition
from .shown import printed, read_select
from .tables import Table

KNOWN = {"$select", "$filter", "$orderby", "$top", "$count", "$skiptoken", "$deltatoken"}
LONGEST_QUERY = 32_768
_COOKIE = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="(?:True|False)" />')


@dataclass(frozen=True)
class Cookie:
    """Where a page starts: its number, and what came before."""

    page: int
    place: str

    def written(self, *, tracking: bool) -> str:
        """Return it as ``$skiptoken`` carries it."""
        return f'<cookie pagenumber="{self.page}" pagingcookie="{self.place}" istracking="{tracking}" />'


FIRST = Cookie(1, "")


def read_many(desk: Desk, table: Table, call: Call) -> Reply:
    """Answer a query for rows of a table. Raises DataverseError."""
    options = checked_options(call)
    names = read_select(table, options.get("$select"))
    condition = read_condition(desk, table, options)
    order, cookie = _order(table, options.get("$orderby")), read_cookie(options)
    top, size = _top(options), page_size(desk, call)
    start = _start(cookie, keyed=order == "id")
    rows = desk.rows.select(
        table, _both(condition, start), order=order, limit=min(top or size, size) + 1, offset=_offset(cookie, order)
    )
    shown = rows[: min(top or size, size)]
    body = opened(desk, table, options)
    if options.get("$count") == "true":
        body["@odata.count"] = min(desk.rows.count(table, condition), 5000)
    body["value"] = [printed(desk, row, names, asked_annotations(call)) for row in shown]
    if len(rows) > len(shown) and top is None:
        done = cookie.page * size if order != "id" else shown[-1].id
        body["@odata.nextLink"] = next_link(desk, table, options, Cookie(cookie.page + 1, str(done)))
    return Reply(200, body)


def checked_options(call: Call) -> dict[str, str]:
    """Return the query's members. Raises DataverseError (400) for those that are not supported."""
    if len(call.query) > LONGEST_QUERY:
        raise bad_query("The URI is too long.")
    options = call.options
    if "$skip" in options:
        raise bad_query("Skip Clause is not supported in CRM")
    unknown = [name for name in options if name.startswith("$") and name not in KNOWN]
    if unknown:
        raise bad_query(f"The query parameter '{unknown[0]}' is not supported.")
    return options


def read_condition(desk: Desk, table: Table, options: dict[str, str]) -> Condition:
    """Return what ``$filter`` asks for."""
    if not options.get("$filter"):
        return EVERYTHING
    aliases = {name: value for name, value in options.items() if name.startswith("@")}
    return Conditions(desk.rows, table).of(read_filter(options["$filter"], aliases))


def opened(desk: Desk, table: Table, options: dict[str, str], tail: str = "") -> dict[str, Any]:
    """Return the beginning of an answer with several rows."""
    chosen = f"({options['$select']})" if options.get("$select") else ""
    return {"@odata.context": f"{desk.base_url}/$metadata#{table.set_name}{chosen}{tail}"}


def asked_annotations(call: Call) -> str:
    """Return which annotations a call asks for."""
    return call.preferences.get("odata.include-annotations", "")


def page_size(desk: Desk, call: Call) -> int:
    """Return how many rows a page has. Raises DataverseError (400) for a size that is none."""
    text = call.preferences.get("odata.maxpagesize", str(desk.dialect.page_size))
    if not re.fullmatch("[0-9]{1,15}", text) or int(text) == 0:
        raise bad_query("The odata.maxpagesize preference must be a positive number.")
    return max(1, min(int(text), desk.dialect.page_size))


def read_cookie(options: dict[str, str]) -> Cookie:
    """Return where the page starts. Raises DataverseError (400) for a token that we never wrote."""
    text = options.get("$skiptoken")
    if text is None:
        return FIRST
    match = _COOKIE.fullmatch(text)
    if match is None:
        raise bad_query("Malformed XML in the Paging Cookie")
    return Cookie(int(match[1]), match[2])


def next_link(desk: Desk, table: Table, options: dict[str, str], cookie: Cookie, *, tracking: bool = False) -> str:
    """Return the absolute address of the next page."""
    return linked(desk, table, {**options, "$skiptoken": cookie.written(tracking=tracking)})


def linked(desk: Desk, table: Table, options: dict[str, str]) -> str:
    """Return the absolute address of a query."""
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
    return f"{desk.base_url}/{table.set_name}?{query}"


def _order(table: Table, text: str | None) -> str:
    if not text:
        return "id"
    return ", ".join([*(_direction(table, part) for part in text.split(",")), "id"])


def _direction(table: Table, text: str) -> str:
    name, _, direction = text.strip().partition(" ")
    column = table.by_name.get(name)
    if column is None:
        raise no_property(name, table.name)
    if direction.strip() not in ("", "asc", "desc"):
        raise bad_query(f"Syntax error at position {len(name)} in '{text}'.")
    value = f"json_extract(body, '$.{column.shown_as}')"
    sorting = f"folded({value})" if column.kind in ("text", "memo") else value
    return f"{sorting} {direction.strip()}".strip()


def _top(options: dict[str, str]) -> int | None:
    text = options.get("$top")
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,15}", text) or int(text) == 0:
        raise bad_query(f"Invalid value '{text}' for $top query option found.")
    return int(text)


def _start(cookie: Cookie, *, keyed: bool) -> Condition:
    return Condition("id > ?", (cookie.place,)) if keyed and cookie.place else EVERYTHING


def _offset(cookie: Cookie, order: str) -> int:
    return int(cookie.place) if order != "id" and re.fullmatch("[0-9]{1,15}", cookie.place) else 0


def _both(left: Condition, right: Condition) -> Condition:
    return Condition(f"({left.sql}) AND ({right.sql})", left.params + right.params)
