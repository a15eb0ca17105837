"""Sync Log: what was sent, what waits, what failed and why; newest first, refreshing itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..crm import registry
from ..sync.causes import Cause, count_failed
from ..sync.choices import may_be_retried
from ..sync.connections import ConnectionView, connections
from ..sync.held_up import entry_held_up
from ..sync.log import KINDS, NEWEST_CLIENTS, STATUSES, LogFilter, LogPage, log_page
from ..sync.retry_runs import Retrying, open_runs
from .asked import day_problem, log_address, log_filter, number
from .door import this_account, this_sync
from .entrance import VIEW, may_manage, page
from .outcome_words import brief_outcome


@page("/log", needs=VIEW)
def log() -> ResponseReturnValue:
    """Show a page of the log."""
    wanted, shown = _asked_for()
    is_first = shown.newer is None and "before" not in request.args and "after" not in request.args
    context, retries = _shown(wanted, shown), open_runs(this_sync(), this_account())
    return render_template(
        "crm_sync/log.html",
        live=is_first and request.args.get("live") != "0" and not wanted.client,  # a search asks the host's own table
        is_first=is_first,
        statuses=STATUSES,
        kinds=KINDS,
        crms=_crms(context["connected"], wanted),
        manages=may_manage(),
        retries=retries,
        typed={name: request.args.get(name, "") for name in ("since", "until")},
        day_problem=day_problem(request.args),
        same_cause=0 if _is_under_way(wanted, retries) else _same_cause(wanted),
        **context,
    )


@page("/log/rows", needs=VIEW)
def log_rows() -> ResponseReturnValue:
    """Answer the list alone, for the page that refreshes itself."""
    return render_template("crm_sync/_rows.html", is_first=True, **_shown(*_asked_for()))


def _asked_for() -> tuple[LogFilter, LogPage]:
    wanted = log_filter(request.args)
    before, after = number(request.args, "before"), number(request.args, "after")
    return wanted, log_page(this_sync(), this_account(), wanted, before=before, after=after)


def _shown(wanted: LogFilter, shown: LogPage) -> dict[str, Any]:
    connected, now = connections(this_sync(), this_account()), this_sync().clock.now()
    return {
        "wanted": wanted,
        "shown": shown,
        "newest_clients": NEWEST_CLIENTS,
        "brief_outcome": brief_outcome,
        "now": now,
        "held_up": lambda entry: entry_held_up(entry, connected, now),
        "address": partial(log_address, wanted),
        "connected": connected,
        "has_connection": any(one.is_connected for one in connected),
    }


def _crms(connected: list[ConnectionView], wanted: LogFilter) -> list[str]:
    """Return the CRMs to choose from: those that the account ever had, and the one that is chosen."""
    names = {one.crm for one in connected} or set(registry.adapters())
    return sorted(names | ({wanted.crm} if wanted.crm else set()))


def _is_under_way(wanted: LogFilter, retries: Sequence[Retrying]) -> bool:
    return any(each.cause == Cause(wanted.reason, wanted.crm) for each in retries)


def _same_cause(wanted: LogFilter) -> int:
    """Return how many entries a retry of all with the chosen cause would take, 0 where there is no such thing."""
    is_all_of_it = wanted.reason and not (wanted.client or wanted.kind or wanted.has_days)
    if not is_all_of_it or not may_manage() or not may_be_retried(wanted.reason):
        return 0
    return count_failed(this_sync(), this_account(), Cause(wanted.reason, wanted.crm))
