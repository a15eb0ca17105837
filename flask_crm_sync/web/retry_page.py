"""Retry all with one cause: begun here, done by the workers, watched and stopped on a page of its own.

A few hundred are done at once, so that the answer says all of it. Once all of them wait again, their sending has a bar
of its own on the connection's card.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..sync.causes import Cause
from ..sync.connections import connections
from ..sync.refusals import ChoiceNotPossible
from ..sync.retry_runs import Retrying, begin_retrying, find_retrying, go_on, stop_retrying
from .asked import short
from .bar import Bar
from .connection_page import why_waiting
from .door import door, this_account, this_sync
from .entrance import MANAGE, VIEW, back_to, bounded, may_manage, page
from .notices import tell
from .texts import gettext as _
from .texts import ngettext
from .texts import said as sentence


@page("/log/retry-all", needs=MANAGE, methods=("POST",))
def retry_all() -> ResponseReturnValue:
    """Begin to try all entries with a cause again; what is not done at once goes on without this page."""
    cause = Cause(short(request.form, "reason", 64), short(request.form, "crm"))
    try:
        run = begin_retrying(this_sync(), this_account(), cause, by=door().access.user_id())
    except ChoiceNotPossible as error:
        tell(f"{sentence(str(error))} {sentence(error.advice)}", "bad")
        return back_to("log")
    run = go_on(this_sync(), run)
    door().queues.wake()
    if not run.is_over:
        return back_to("retrying", retry_id=run.id)
    tell(said(run))
    for held in _held_up(run):
        tell(held, "plain")
    return back_to("log")


@page("/log/retries/<int:retry_id>", needs=VIEW)
def retrying(retry_id: int) -> ResponseReturnValue:
    """Show how far a retry of many has come."""
    run = find_retrying(this_sync(), this_account(), bounded(retry_id))
    bar = Bar(run.progress(this_sync().clock.now()))
    return render_template("crm_sync/retrying.html", retrying=run, run=bar, said=said(run), manages=may_manage())


@page("/log/retries/<int:retry_id>/stop", needs=MANAGE, methods=("POST",))
def stop_retry(retry_id: int) -> ResponseReturnValue:
    """End a retry of many where it is."""
    run = stop_retrying(this_sync(), this_account(), bounded(retry_id), by=door().access.user_id())
    door().queues.wake()
    tell(said(run))
    if run.cancelled and run.done:
        tell(_("The others stay as they are."))
    return back_to("log", status="failed", reason=run.cause.reason, crm=run.cause.crm)


def _held_up(run: Retrying) -> Iterator[str]:
    """Yield why what is tried again waits all the same, for each connection that does not work now."""
    for one in connections(this_sync(), this_account(), run.cause.crm or None) if run.done else ():
        if one.is_connected and (why := why_waiting(one)):
            yield f"{one.label}: {why}"


def said(run: Retrying) -> str:
    """Return in words how far it has come."""
    if run.is_over and not run.done:
        return _("Nothing was left to try again.")
    if run.is_over:
        return ngettext("1 entry is tried again now.", "%(number)s entries are tried again now.", run.done)
    return ngettext("1 entry so far.", "%(number)s entries so far.", run.done)
