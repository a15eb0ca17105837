"""Sync settings of a connection: what it does, what that means now, and catching up with what it missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ..models.criterion import DEFAULT_SET
from ..qualification.store import SetOfCriteria, sets_of
from ..sync.connections import ConnectionSettings, ConnectionView
from ..sync.progress import cancel
from ..sync.reach import Reach, reach
from ..sync.rounds import next_round
from ..sync.settings import LONGEST, SHORTEST, catch_up_now, save_settings
from .bar import bar_context
from .connection_page import announce, connected_or_404
from .criterion_page import criteria_in_code
from .door import door, this_sync
from .entrance import MANAGE, VIEW, back_to, page
from .notices import tell
from .texts import gettext as _
from .texts import ngettext
from .words import counted


@dataclass(frozen=True, slots=True)
class SettingsForm:
    """What the form shows: what was typed, or what is stored; `error` concerns the interval, `set_error` the set.

    `start` is chosen where the sync is switched on again, `all_start` where all clients are to be taken again.
    """

    enabled: bool
    sync_contacts: bool
    sync_notes: bool
    interval: str
    qualified_only: bool = False
    criteria_set: str = DEFAULT_SET
    start: str = "catch_up"
    all_start: str = "catch_up"
    error: str = ""
    set_error: str = ""

    @property
    def minutes(self) -> int:
        """Return the interval as a number, 0 where it is none."""
        plain = self.interval.isascii() and self.interval.isdigit() and len(self.interval) < 6
        return int(self.interval) if plain else 0


@page("/connections/<crm>/settings", needs=VIEW)
def sync_settings(crm: str) -> ResponseReturnValue:
    """Show what a connection does and what that means now."""
    known = connected_or_404(crm)
    stored = known.settings
    switches = (stored.enabled, stored.sync_contacts, stored.sync_notes)
    form = SettingsForm(*switches, str(stored.interval_minutes), stored.qualified_only, stored.criteria_set)
    return _shown(known, form)


@page("/connections/<crm>/settings", needs=MANAGE, methods=("POST",))
def save_sync_settings(crm: str) -> ResponseReturnValue:
    """Change what a connection does; what cannot be is said at the field."""
    known = connected_or_404(crm)
    form = _checked(_typed(known), [each.name for each in _sets(known)])
    if form.error or form.set_error:
        return _shown(known, form), 422
    switches = (form.enabled, form.sync_contacts, form.sync_notes)
    wanted = ConnectionSettings(*switches, form.minutes, form.qualified_only, form.criteria_set)
    catches_up = _catches_up(known, form)
    by = door().access.user_id()
    announce(save_settings(this_sync(), known.account_id, crm, wanted, by=by, catch_up=catches_up))
    door().queues.wake()
    tell(_("Saved. Clients that %(crm)s lacks are on their way.", crm=known.label) if catches_up else _("Saved."))
    return back_to("sync_settings", crm=crm)


def _typed(known: ConnectionView) -> SettingsForm:
    typed = request.form
    return SettingsForm(
        "enabled" in typed,
        "sync_contacts" in typed,
        "sync_notes" in typed,
        typed.get("interval", "").strip()[:20],
        "qualified_only" in typed,
        typed.get("criteria_set", known.settings.criteria_set),
        typed.get("start", ""),
        typed.get("all_start", ""),
    )


def _checked(form: SettingsForm, sets: Sequence[str]) -> SettingsForm:
    if not SHORTEST <= form.minutes <= LONGEST:
        most = counted(LONGEST)
        wrong = _("Type a whole number of minutes from %(least)s to %(most)s.", least=SHORTEST, most=most)
        form = replace(form, error=wrong)
    if form.criteria_set not in sets:
        form = replace(form, set_error=_("Choose one of these sets."))
    return form


def _catches_up(known: ConnectionView, form: SettingsForm) -> bool:
    """Tell whether clients are owed that the connection has passed over, as the person wishes it."""
    if not (form.enabled and form.sync_contacts):
        return False
    switched_on = asks_to_catch_up(known) and form.start == "catch_up"
    takes_all = known.settings.qualified_only and not form.qualified_only and form.all_start == "catch_up"
    return switched_on or takes_all


@page("/connections/<crm>/catch-up", needs=MANAGE, methods=("POST",))
def catch_up(crm: str) -> ResponseReturnValue:
    """Owe the CRM the clients that it does not have yet."""
    known = connected_or_404(crm)
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
    return render_template("crm_sync/_progress.html", **bar_context(connected_or_404(crm)))


@page("/connections/<crm>/progress/cancel", needs=MANAGE, methods=("POST",))
def cancel_progress(crm: str) -> ResponseReturnValue:
    """Stop what is under way; what has been sent stays sent."""
    known = connected_or_404(crm)
    cancel(this_sync(), known.account_id, crm, by=door().access.user_id())
    door().queues.wake()
    tell(_("Stopped. What was sent already stays in %(crm)s.", crm=known.label))
    return back_to("connection_page")


def asks_to_catch_up(known: ConnectionView) -> bool:
    """Tell whether switching on leaves out what happened while it was off, so that the person must choose."""
    return not known.settings.enabled or not known.settings.sync_contacts


def meaning(whom: Reach) -> dict[str, str]:
    """Return for each setting a sentence on what it means now."""
    return {"contacts": _contacts_now(whom), "qualified": _qualified_now(whom)}


def _contacts_now(whom: Reach) -> str:
    linked = ngettext(
        "1 client has a linked record now.",
        "%(counted)s clients have a linked record now.",
        whom.linked,
        counted=counted(whom.linked),
    )
    if whom.reachable is None or whom.clients is None:
        return linked
    reachable = ngettext(
        "1 of your %(clients)s clients has an e-mail address or a phone number.",
        "%(counted)s of your %(clients)s clients have an e-mail address or a phone number.",
        whom.reachable,
        counted=counted(whom.reachable),
        clients=counted(whom.clients),
    )
    return f"{reachable} {linked}"


def _qualified_now(whom: Reach) -> str:
    if whom.clients is None:
        return ngettext("1 client qualifies now.", "%(number)s clients qualify now.", whom.qualified)
    return ngettext(
        "1 of your %(clients)s clients qualifies now.",
        "%(counted)s of your %(clients)s clients qualify now.",
        whom.qualified,
        counted=counted(whom.qualified),
        clients=counted(whom.clients),
    )


def _sets(known: ConnectionView) -> list[SetOfCriteria]:
    """Return the sets to choose from: those with criteria, the default one, and the one that is chosen now."""
    found = sets_of(this_sync(), known.account_id, criteria_in_code())
    own = known.settings.criteria_set
    return found if any(each.name == own for each in found) else [*found, SetOfCriteria(own, 0, 0)]


def _shown(known: ConnectionView, form: SettingsForm) -> str:
    stored = known.settings
    set_name, qualified_only = stored.criteria_set, stored.qualified_only
    whom = reach(this_sync(), known.account_id, known.id, set_name=set_name, qualified_only=qualified_only)
    now = this_sync().clock.now()
    anchor = known.next_interval_at or now
    return render_template(
        "crm_sync/settings.html",
        form=form,
        whom=whom,
        means=meaning(whom),
        asks=asks_to_catch_up(known),
        sets=_sets(known),
        next_round_at=next_round(anchor, known.settings.interval_minutes, now),
        note_after=door().settings.note_after_minutes,
        shortest=SHORTEST,
        longest=LONGEST,
        **bar_context(known),
    )
