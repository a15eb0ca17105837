"""Sync Log: what was sent, what waits, what failed and why; newest first, refreshing itself."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..sync.connections import connections
from ..sync.log import STATUSES, LogFilter, LogPage, log_page
from .door import this_account, this_sync
from .entrance import NAME, VIEW, page

_LARGEST_NUMBER = 2**63 - 1


@page("/log", needs=VIEW)
def log() -> ResponseReturnValue:
    """Show a page of the log."""
    wanted, shown = _asked_for()
    is_first = shown.newer is None and "before" not in request.args and "after" not in request.args
    return render_template(
        "crm_sync/log.html",
        live=is_first and request.args.get("live") != "0",
        is_first=is_first,
        statuses=STATUSES,
        **_shown(wanted, shown),
    )


@page("/log/rows", needs=VIEW)
def log_rows() -> ResponseReturnValue:
    """Answer the list alone, for the page that refreshes itself."""
    return render_template("crm_sync/_rows.html", is_first=True, **_shown(*_asked_for()))


def _asked_for() -> tuple[LogFilter, LogPage]:
    status = request.args.get("status", "")
    wanted = LogFilter(status if status in STATUSES else "", _short("crm"), _short("kind"))
    return wanted, log_page(this_sync(), this_account(), wanted, before=_number("before"), after=_number("after"))


def _shown(wanted: LogFilter, shown: LogPage) -> dict[str, Any]:
    return {
        "wanted": wanted,
        "shown": shown,
        "now": this_sync().clock.now(),
        "address": lambda endpoint, **changes: _address(wanted, endpoint, **changes),
        "has_connection": any(one.is_connected for one in connections(this_sync(), this_account())),
    }


def _address(wanted: LogFilter, endpoint: str, **changes: Any) -> str:
    """Return the address of the log as it is filtered now, with changes."""
    kept: dict[str, Any] = {"status": wanted.status, "crm": wanted.crm, "kind": wanted.kind} | changes
    return url_for(f"{NAME}.{endpoint}", **{name: value for name, value in kept.items() if value not in ("", None)})


def _number(name: str) -> int | None:
    """Return a page mark of the address; one that no page ever had is as good as none."""
    text = request.args.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return min(int(text), _LARGEST_NUMBER) if is_number else None


def _short(name: str) -> str:
    value = request.args.get(name, "")
    return value if value.isprintable() and len(value) <= 32 else ""
