"""Change tracking: everything once, then what changed and what was deleted since a token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .desk import Desk
from .errors import bad_query, expired_version, not_tracked
from .exchange import Call, Reply
from .queries import Cookie, asked_annotations, checked_options, linked, next_link, opened, page_size, read_cookie
from .rows import Condition
from .shown import printed, read_select
from .tables import Table

FORBIDDEN = ("$filter", "$orderby", "$expand", "$top")
_TOKEN = re.compile(r"([0-9]{1,15})!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)")
_PLACE = re.compile(r"([0-9]{1,15})/([0-9]{1,15})/([0-9]{1,15})")
_DATE = "%m/%d/%Y %H:%M:%S"
DAY = 86_400


@dataclass(frozen=True)
class Stretch:
    """The versions that one pass tells of, and how far it has come. ``since`` 0 is the first pass."""

    since: int
    upto: int
    told: int

    @property
    def place(self) -> str:
        """The stretch as a paging cookie carries it."""
        return f"{self.since}/{self.upto}/{self.told}"


def is_tracking(call: Call) -> bool:
    """Say whether a call asks for changes, or for everything with a token for later."""
    return "$deltatoken" in call.options or "odata.track-changes" in call.preferences or _is_page(call)


def read_changes(desk: Desk, table: Table, call: Call) -> Reply:
    """Answer one page of a pass over the changes. Raises DataverseError."""
    options = checked_options(call)
    names = read_select(table, options.get("$select"))
    _check(desk, table, options)
    cookie = read_cookie(options)
    stretch = _stretch(desk, options, cookie)
    size = page_size(desk, call)
    entries = _entries(desk, table, stretch, names, asked_annotations(call), size + 1)
    body = opened(desk, table, options, "/$delta" if stretch.since else "")
    body["value"] = [entry for _, entry in entries[:size]]
    kept = {name: value for name, value in options.items() if name not in ("$skiptoken", "$deltatoken")}
    if len(entries) > size:
        place = Stretch(stretch.since, stretch.upto, entries[size - 1][0]).place
        body["@odata.nextLink"] = next_link(desk, table, kept, Cookie(cookie.page + 1, place), tracking=True)
    else:
        body["@odata.deltaLink"] = linked(desk, table, {**kept, "$deltatoken": _token(desk, stretch.upto)})
    return Reply(200, body, {"Preference-Applied": "odata.track-changes"})


def _is_page(call: Call) -> bool:
    return 'istracking="True"' in call.options.get("$skiptoken", "")


def _check(desk: Desk, table: Table, options: dict[str, str]) -> None:
    if not desk.dialect.change_tracking or table.read_only:
        raise not_tracked(table.name)
    wrong = [name for name in FORBIDDEN if name in options]
    if wrong:
        raise bad_query(f"The query option {wrong[0]} is not supported with change tracking.")


def _stretch(desk: Desk, options: dict[str, str], cookie: Cookie) -> Stretch:
    if cookie.place:
        return _read_place(cookie.place)
    since = _since(desk, options["$deltatoken"]) if "$deltatoken" in options else 0
    return Stretch(since, desk.store.version, since)


def _read_place(text: str) -> Stretch:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise bad_query("Malformed XML in the Paging Cookie")
    return Stretch(*(int(number) for number in match.groups()))


def _since(desk: Desk, token: str) -> int:
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise bad_query("The delta token is not valid.")
    if desk.clock.now() - _moment(match[2]) > desk.dialect.delta_token_days * DAY:
        raise expired_version()
    return int(match[1])


def _moment(text: str) -> float:
    try:
        return datetime.strptime(text, _DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise bad_query("The delta token is not valid.") from None


def _token(desk: Desk, version: int) -> str:
    return f"{version}!{datetime.fromtimestamp(desk.clock.now(), UTC).strftime(_DATE)}"


def _entries(
    desk: Desk, table: Table, stretch: Stretch, names: tuple[str, ...], asked: str, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """Return rows and deletions of a stretch with their versions, oldest change first."""
    condition = Condition("version > ? AND version <= ?", (stretch.told, stretch.upto))
    rows = desk.rows.select(table, condition, order="version", limit=limit)
    found = [(row.version, printed(desk, row, names, asked)) for row in rows]
    if stretch.since:
        found += [
            (gone["version"], _deleted(desk, table, gone["id"]))
            for gone in desk.rows.removed_since(table, stretch.told)
            if gone["version"] <= stretch.upto
        ]
    return sorted(found, key=lambda entry: entry[0])[:limit]


def _deleted(desk: Desk, table: Table, row_id: str) -> dict[str, Any]:
    context = f"{desk.base_url}/$metadata#{table.set_name}/$deletedEntity"
    return {"@odata.context": context, "id": row_id, "reason": "deleted"}
