"""Notification preferences: where somebody, or everybody of the account, is told what, and when.

Everybody has channels of their own. Those of the whole account are the managers'. A manager may pause and delete
another person's channel, of somebody who left, say; what is in it, nobody else may change.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from ..language import in_language
from ..models.channel import AT_ONCE, DAILY, HOURLY, SERVICE, WEBHOOK
from ..models.notice import EVENTS
from ..notifications import services
from ..notifications.channels import (
    Address,
    ChannelView,
    TooManyChannels,
    add_channel,
    change_channel,
    channels,
    delete_channel,
    find_channel,
    switch_channel,
)
from ..notifications.inbox import choose_events, wanted_events
from ..notifications.messages import send_test
from ..notifications.problems import CannotTell, Problem, explained
from ..notifications.webhook import ID, SIGNATURE, TIMESTAMP
from ..sync.refusals import NotFound
from .audited import event_name
from .channel_forms import ChannelForm, blank, clock_text, form_of, language_names, typed, zones
from .door import door, this_account, this_sync
from .entrance import VIEW, back_to, may_manage, page
from .languages import this_reader
from .notices import tell
from .texts import gettext as _


@page("/notifications/preferences", needs=VIEW)
def notification_preferences() -> ResponseReturnValue:
    """Show where people are told what."""
    seen = [one for one in channels(this_sync(), this_account()) if may_see(one)]
    return render_template(
        "crm_sync/notification_preferences.html",
        mine=[one for one in seen if one.user_id and one.user_id == _me()],
        shared=[one for one in seen if not one.user_id],
        others=[one for one in seen if one.user_id and one.user_id != _me()],
        on_pages=wanted_events(this_sync(), this_account(), _me()),
        services_installed=services.is_installed(),
        an_hour=door().settings.notify_an_hour,
        me=_me(),
        **_words(),
    )


@page("/notifications/preferences", needs=VIEW, methods=("POST",))
def save_notification_preferences() -> ResponseReturnValue:
    """Keep what somebody wants to see on the pages."""
    wanted = [event for event in EVENTS if event in request.form.getlist("events")]
    choose_events(this_sync(), this_account(), _me(), wanted)
    tell(_("Saved."))
    return back_to("notification_preferences")


@page("/notifications/channels/new", needs=VIEW)
def new_channel() -> ResponseReturnValue:
    """Show the form of a new channel."""
    shared = request.args.get("for") == "account"
    _allow_owner(shared)
    return _form(blank(_kind(request.args.get("kind", "")), shared))


@page("/notifications/channels", needs=VIEW, methods=("POST",))
def create_channel() -> ResponseReturnValue:
    """Make a channel; what is wrong with it is said at the field."""
    shared = request.form.get("for") == "account"
    _allow_owner(shared)
    form, address = typed(request.form, blank(_kind(request.form.get("kind", "")), shared))
    form = _with_address(form, address)
    if not form.errors:
        try:
            owner = "" if shared else _me()
            add_channel(this_sync(), this_account(), owner, form.kind, form.wishes, _signed(form, address), by=_me())
        except CannotTell as problem:
            form = _refused(form, problem)
        except TooManyChannels:
            form = replace(form, errors={"address": _("There are too many channels. Delete one first.")})
    if form.errors:
        return _form(form), 422
    tell(_("Added. Send a test to see whether it arrives."))
    return back_to("notification_preferences")


@page("/notifications/channels/<uuid:channel_id>", needs=VIEW)
def channel(channel_id: UUID) -> ResponseReturnValue:
    """Show the form of a channel."""
    known = _editable(channel_id)
    return _form(form_of(known), known)


@page("/notifications/channels/<uuid:channel_id>", needs=VIEW, methods=("POST",))
def save_channel(channel_id: UUID) -> ResponseReturnValue:
    """Change a channel; a field for address or secret that was left empty changes nothing."""
    known = _editable(channel_id)
    form, address = typed(request.form, form_of(known))
    if not form.errors:
        try:
            where = address if address.url or address.secret else None
            change_channel(this_sync(), known, form.wishes, where, by=_me())
        except CannotTell as problem:
            form = _refused(form, problem)
    if form.errors:
        return _form(form, known), 422
    tell(_("Saved."))
    return back_to("notification_preferences")


@page("/notifications/channels/<uuid:channel_id>/test", needs=VIEW, methods=("POST",))
def try_channel(channel_id: UUID) -> ResponseReturnValue:
    """Send a test, and say in plain words what came of it."""
    known = _editable(channel_id)
    try:
        send_test(this_sync(), known)
    except CannotTell as problem:
        why = _problem(problem.code)
        tell(_("The test did not arrive. %(says)s %(advice)s", says=why.says, advice=why.advice), "bad")
    else:
        tell(_("The test was taken by %(shown)s. Look whether it is there.", shown=known.shown))
    return back_to("notification_preferences")


@page("/notifications/channels/<uuid:channel_id>/switch", needs=VIEW, methods=("POST",))
def switch(channel_id: UUID) -> ResponseReturnValue:
    """Pause a channel, or go on."""
    known, on = _endable(channel_id), request.form.get("on") == "1"
    switch_channel(this_sync(), known, on, by=_me())
    door().queues.wake()
    tell(_("It is told again.") if on else _("Paused: nothing is sent there until you go on."))
    return back_to("notification_preferences")


@page("/notifications/channels/<uuid:channel_id>/delete", needs=VIEW, methods=("POST",))
def remove_channel(channel_id: UUID) -> ResponseReturnValue:
    """Delete a channel."""
    delete_channel(this_sync(), _endable(channel_id), by=_me())
    tell(_("Deleted, with its address."))
    return back_to("notification_preferences")


def may_see(known: ChannelView) -> bool:
    """Tell whether the user may see a channel: the account's, their own, and for managers everybody's."""
    return known.user_id in ("", _me()) or may_manage()


def may_edit(known: ChannelView) -> bool:
    """Tell whether the user may change what is in a channel."""
    return may_manage() if not known.user_id else known.user_id == _me()


def _known(channel_id: UUID) -> ChannelView:
    known = find_channel(this_sync(), this_account(), channel_id)
    if not may_see(known):
        raise NotFound
    return known


def _editable(channel_id: UUID) -> ChannelView:
    known = _known(channel_id)
    return known if may_edit(known) else abort(403)


def _endable(channel_id: UUID) -> ChannelView:
    known = _known(channel_id)
    return known if may_edit(known) or may_manage() else abort(403)


def _allow_owner(shared: bool) -> None:
    """Let managers make the account's channels, and whoever has a name their own."""
    if (shared and not may_manage()) or (not shared and not _me()):
        abort(403)


def _kind(text: str) -> str:
    return WEBHOOK if text == WEBHOOK else SERVICE


def _with_address(form: ChannelForm, address: Address) -> ChannelForm:
    if address.url:
        return form
    return replace(form, errors={"address": _("The address is missing."), **form.errors})


def _signed(form: ChannelForm, address: Address) -> Address:
    """Give a webhook without a secret a new one: nobody can check an unsigned message."""
    if form.kind == WEBHOOK and not address.secret:
        return Address(address.url, blank(WEBHOOK, form.shared).secret)
    return address


def _refused(form: ChannelForm, problem: CannotTell) -> ChannelForm:
    why = _problem(problem.code)
    return replace(form, errors={"address": f"{why.says} {why.advice}"})


def _form(form: ChannelForm, known: ChannelView | None = None) -> str:
    return render_template(
        "crm_sync/notification_channel.html",
        form=form,
        known=known,
        services_installed=services.is_installed(),
        language_names=language_names(),
        zones=sorted({*zones(), form.wishes.time_zone}),
        headers=(ID, TIMESTAMP, SIGNATURE),
        **_words(),
    )


def _words() -> dict[str, object]:
    return {
        "events": [(event, event_name(event)) for event in EVENTS],
        "event_word": event_name,
        "rhythms": {AT_ONCE: _("At once"), HOURLY: _("Once an hour"), DAILY: _("Once a day")},
        "explained_problem": _problem,
        "clock_text": clock_text,
        "manages": may_manage(),
    }


def _problem(code: str) -> Problem:
    with in_language(this_reader()):
        return explained(code)


def _me() -> str:
    return door().access.user_id()
