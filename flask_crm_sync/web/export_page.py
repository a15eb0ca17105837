"""The log as a CSV file, sent while it is read, so that its length does not matter."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue

from ..sync.connections import ConnectionView, connections, crm_label
from ..sync.export import export_log
from ..sync.held_up import reason_now
from ..sync.log import Entry
from .asked import log_filter
from .door import door, this_account, this_sync
from .entrance import MANAGE, page
from .texts import said
from .words import explained, kind_word, status_word

_BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel takes the file for one in an old code page."""
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(rf"^(?=[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])(?=[{_SIGNS}])")
"""Where a spreadsheet may take what follows for a formula (OWASP, CSV injection): at a cell's beginning, and behind
what some take for one. Where numbers have a comma, as in German, Excel cuts lines at semicolons, whatever is quoted."""
_AT_ONCE = 200

COLUMNS = (
    "number",
    "queued",
    "settled",
    "crm",
    "type",
    "client",
    "client_name",
    "status",
    "code",
    "reason",
    "message",
    "crm_message",
    "attempts",
    "record",
    "record_url",
)


@page("/log/export", needs=MANAGE, methods=("POST",))
def export() -> ResponseReturnValue:
    """Send the log, filtered as the page was."""
    sync = this_sync()
    entries = export_log(sync, this_account(), log_filter(request.form), by=door().access.user_id())
    name = f"sync-log-{sync.clock.now():%Y-%m-%d-%H%M}.csv"
    lines = csv_lines(entries, connections(sync, this_account()), sync.clock.now())
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def csv_lines(entries: Iterable[Entry], connected: Sequence[ConnectionView], now: datetime) -> Iterator[str]:
    """Yield the file in pieces of many lines."""
    yield _BYTE_ORDER_MARK + _lines([COLUMNS])
    waiting: list[tuple[str, ...]] = []
    for entry in entries:
        waiting.append(_cells(entry, reason_now(entry, connected, now)))
        if len(waiting) == _AT_ONCE:
            yield _lines(waiting)
            waiting.clear()
    if waiting:
        yield _lines(waiting)


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return _FORMULA.sub("'", cell)


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([[guarded(cell) for cell in row] for row in rows])
    return text.getvalue()


def _cells(entry: Entry, reason: str) -> tuple[str, ...]:
    return (
        str(entry.id),
        _instant(entry.created_at),
        _instant(entry.settled_at),
        crm_label(entry.crm),
        kind_word(entry.kind),
        entry.client_id,
        entry.client_name or "",
        status_word(entry.status),
        reason,
        explained(reason).says,
        said(entry.message),
        entry.crm_message,
        str(entry.attempts),
        entry.remote_id or "",
        entry.remote_url or "",
    )


def _instant(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")
