"""Sync settings of a connection: what it does, what that means now, and catching up with what it missed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from ..sync.connections import ConnectionSettings, ConnectionView, find_connection
from ..sync.progress import cancel
from ..sync.reach import Reach, reach
from ..sync.rounds import next_round
from ..sync.settings import LONGEST, SHORTEST, catch_up_now, save_settings
from .bar import bar_context
from .connection_page import adapter_or_404, announce
from .door import door, this_account, this_sync
from .entrance import MANAGE, VIEW, back_to, page
from .notices import tell
from .texts import gettext as _
from .texts import ngettext
from .words import counted


@dataclass(frozen=True, slots=True)
class SettingsForm:
    """What the form shows: what was typed, or what is stored; `error` concerns the interval."""

    enabled: bool
    sync_contacts: bool
    sync_notes: bool
    interval: str
    start: str = "catch_up"
    error: str = ""


@page("/connections/<crm>/settings", needs=VIEW)
def sync_settings(crm: str) -> ResponseReturnValue:
    """Show what a connection does and what that means now."""
    known = _known(crm)
    stored = known.settings
    form = SettingsForm(stored.enabled, stored.sync_contacts, stored.sync_notes, str(stored.interval_minutes))
    return _shown(known, form)


@page("/connections/<crm>/settings", needs=MANAGE, methods=("POST",))
def save_sync_settings(crm: str) -> ResponseReturnValue:
    """Change what a connection does; what cannot be is said at the field."""
    known = _known(crm)
    typed = request.form
    interval = typed.get("interval", "").strip()
    form = SettingsForm(
        "enabled" in typed, "sync_contacts" in typed, "sync_notes" in typed, interval[:20], typed.get("start", "")
    )
    minutes = int(interval) if interval.isascii() and interval.isdigit() and len(interval) < 6 else 0
    if not SHORTEST <= minutes <= LONGEST:
        error = _("Type a whole number of minutes from %(least)s to %(most)s.", least=SHORTEST, most=counted(LONGEST))
        return _shown(known, replace(form, error=error)), 422
    wanted = ConnectionSettings(form.enabled, form.sync_contacts, form.sync_notes, minutes)
    catches_up = asks_to_catch_up(known) and form.start == "catch_up" and form.enabled and form.sync_contacts
    by = door().access.user_id()
    announce(save_settings(this_sync(), known.account_id, crm, wanted, by=by, catch_up=catches_up))
    door().queues.wake()
    tell(_("Saved. Clients that %(crm)s lacks are on their way.", crm=known.label) if catches_up else _("Saved."))
    return back_to("sync_settings", crm=crm)


@page("/connections/<crm>/catch-up", needs=MANAGE, methods=("POST",))
def catch_up(crm: str) -> ResponseReturnValue:
    """Owe the CRM the clients that it does not have yet."""
    known = _known(crm)
    if not known.settings.enabled or not known.settings.sync_contacts:
        tell(_("Nothing was done: the sync, or its contacts, are switched off."), "bad")
        return back_to("sync_settings", crm=crm)
    number = catch_up_now(this_sync(), known.account_id, crm, by=door().access.user_id())
    door().queues.wake()
    tell(ngettext("1 client is looked at.", "%(number)s clients are looked at.", number))
    return back_to("sync_settings", crm=crm)


@page("/connections/<crm>/progress", needs=VIEW)
def connection_progress(crm: str) -> ResponseReturnValue:
    """Answer the bar alone, for the page that refreshes itself."""
    return render_template("crm_sync/_progress.html", **bar_context(_known(crm)))


@page("/connections/<crm>/progress/cancel", needs=MANAGE, methods=("POST",))
def cancel_progress(crm: str) -> ResponseReturnValue:
    """Stop what is under way; what has been sent stays sent."""
    known = _known(crm)
    cancel(this_sync(), known.account_id, crm, by=door().access.user_id())
    door().queues.wake()
    tell(_("Stopped. What was sent already stays in %(crm)s.", crm=known.label))
    return back_to("connection_page")


def asks_to_catch_up(known: ConnectionView) -> bool:
    """Tell whether switching on leaves out what happened while it was off, so that the person must choose."""
    return not known.settings.enabled or not known.settings.sync_contacts


def meaning(known: ConnectionView, whom: Reach) -> dict[str, str]:
    """Return for each setting a sentence on what it means now."""
    linked = counted(whom.linked)
    if whom.reachable is None or whom.clients is None:
        contacts = _("%(linked)s clients are linked with a record now.", linked=linked)
    else:
        contacts = _(
            "%(reachable)s of your %(clients)s clients have an e-mail address or a phone number; %(linked)s are linked "
            "with a record now.",
            reachable=counted(whom.reachable),
            clients=counted(whom.clients),
            linked=linked,
        )
    return {"contacts": contacts}


def _known(crm: str) -> ConnectionView:
    adapter_or_404(crm)
    known = find_connection(this_sync(), this_account(), crm)
    return known if known.is_connected else abort(404)


def _shown(known: ConnectionView, form: SettingsForm) -> str:
    whom = reach(this_sync(), known.account_id, known.id)
    now = this_sync().clock.now()
    anchor = known.next_interval_at or now
    return render_template(
        "crm_sync/settings.html",
        form=form,
        whom=whom,
        means=meaning(known, whom),
        asks=asks_to_catch_up(known),
        next_round_at=next_round(anchor, known.settings.interval_minutes, now),
        note_after=door().settings.note_after_minutes,
        shortest=SHORTEST,
        longest=LONGEST,
        **bar_context(known),
    )
