"""Backfill of a connection: what it would cost, how far it is, and its switches. The work goes on without the page."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..sync.backfill import Estimate, begin_backfill, estimate, pause_backfill, resume_backfill
from ..sync.connections import ConnectionView
from ..sync.mapping.store import find_mapping
from ..sync.progress import CATCH_UP
from .bar import bar_context
from .connection_page import connected_or_404, why_waiting
from .door import door, this_sync
from .entrance import MANAGE, VIEW, back_to, page
from .notices import tell
from .texts import gettext as _
from .texts import ngettext
from .words import amount, counted


@page("/connections/<crm>/backfill", needs=VIEW)
def backfill(crm: str) -> ResponseReturnValue:
    """Show what a backfill would cost, or how far the one that is under way has come."""
    known = connected_or_404(crm)
    shown = bar_context(known, rests=True)
    run = shown["run"]
    is_under_way = run is not None and run.progress.what == CATCH_UP and run.moves
    return render_template(
        "crm_sync/backfill.html",
        cost=cost_words(estimate(this_sync(), known.account_id, crm), known),
        is_filtered=bool(find_mapping(this_sync(), known.account_id, crm).filter),
        may_begin=known.settings.enabled and known.settings.sync_contacts and not is_under_way,
        is_off=not (known.settings.enabled and known.settings.sync_contacts),
        rests=is_under_way and run.progress.paused,
        takes_notes=known.settings.sync_notes,
        waiting=why_waiting(known),
        **shown,
    )


@page("/connections/<crm>/backfill", needs=MANAGE, methods=("POST",))
def begin(crm: str) -> ResponseReturnValue:
    """Begin a backfill, with the notes of past conversations where that is asked for."""
    known = connected_or_404(crm)
    if not known.settings.enabled or not known.settings.sync_contacts:
        tell(_("Nothing was done: the sync, or its contacts, are switched off."), "bad")
        return back_to("backfill", crm=crm)
    notes, by = "notes" in request.form, door().access.user_id()
    number = begin_backfill(this_sync(), known.account_id, crm, notes=notes, by=by)
    door().queues.wake()
    tell(ngettext("1 client is looked at.", "%(number)s clients are looked at.", number))
    return back_to("backfill", crm=crm)


@page("/connections/<crm>/backfill/pause", needs=MANAGE, methods=("POST",))
def rest_backfill(crm: str) -> ResponseReturnValue:
    """Let the backfill rest."""
    known = connected_or_404(crm)
    if pause_backfill(this_sync(), known.account_id, crm, by=door().access.user_id()):
        tell(_("The backfill rests. New leads and updates go on."))
    else:
        tell(_("Nothing was paused: no backfill is under way."), "plain")
    return back_to("backfill", crm=crm)


@page("/connections/<crm>/backfill/resume", needs=MANAGE, methods=("POST",))
def go_on_with_backfill(crm: str) -> ResponseReturnValue:
    """Go on with a backfill that rests."""
    known = connected_or_404(crm)
    if resume_backfill(this_sync(), known.account_id, crm, by=door().access.user_id()):
        door().queues.wake()
        tell(_("The backfill goes on where it was."))
    else:
        tell(_("No backfill rests: there is nothing to resume."), "plain")
    return back_to("backfill", crm=crm)


def cost_words(cost: Estimate, known: ConnectionView) -> str:
    """Return in words what a backfill would cost."""
    if not cost.clients:
        return _("Every client who can be in %(crm)s is there already.", crm=known.label)
    told = {"crm": known.label, "clients": counted(cost.clients), "calls": counted(cost.calls)}
    if cost.is_bounded:
        return _("%(clients)s clients are not in %(crm)s yet: %(calls)s calls or more.", **told)
    told["time"] = amount(cost.seconds)
    return _("%(clients)s clients are not in %(crm)s yet: about %(calls)s calls, %(time)s at the fastest.", **told)
