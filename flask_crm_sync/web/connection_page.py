"""CRM Connection: a card for each CRM, with its state in words, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps

from flask import abort, g, render_template, request
from flask.typing import ResponseReturnValue

from .. import signals
from ..credentials.flows import way_to_connect
from ..crm import registry
from ..crm.base import Adapter
from ..errors import CredentialsIncomplete, CRMSyncError, UnsupportedFeature
from ..models.connection import CONNECTED, NEEDS_ATTENTION
from ..sync import connections as sync_connections
from ..sync.agreement import agreements
from ..sync.comparing import Compared
from ..sync.connections import ConnectionView, connect_account, find_connection, own_words
from ..sync.diagnosis import diagnose
from ..sync.guesses import CONNECT, TEST, count_try
from ..sync.held_up import held_up
from ..sync.now import sync_now as bring_forward
from ..sync.refusals import OtherRemoteAccount
from ..sync.rounds import next_round
from ..sync.status import SHOWN_TO, ConnectionStatus, Pulse, status
from .addresses import callback_url
from .bar import Bar, bar_of
from .conflicts_page import waiting_by_crm
from .door import door, this_account, this_app, this_sync
from .entrance import MANAGE, VIEW, back_to, may_manage, page
from .forms import ConnectForm, Trouble, connect_forms
from .notices import tell
from .texts import gettext as _
from .texts import ngettext, said
from .words import explained


@dataclass(frozen=True, slots=True)
class Card:
    """One CRM on the page. `state` is one of not_connected, connected, disabled, paused, blocked, needs_attention."""

    crm: str
    label: str
    state: str
    status: ConnectionStatus | None
    forms: Sequence[ConnectForm]
    callback_url: str
    next_round_at: datetime | None = None
    run: Bar | None = None
    agreement: Compared | None = None
    conflicts: int = 0

    @property
    def connection(self) -> ConnectionView | None:
        """Return the connection that there is, if any."""
        return self.status.connection if self.status else None

    @property
    def has_webhooks(self) -> bool:
        """Tell whether the CRM can tell of changes by itself."""
        return registry.adapter_class(self.crm).webhooks is not None

    @property
    def way_word(self) -> str:
        """Return the way by which the account is connected, "" where the CRM knows none of that name (any more)."""
        method = self.connection.auth_method if self.connection else ""
        ways = registry.adapter_class(self.crm).auth_methods
        return next((said(way.label) for way in ways if way.name == method), "")

    @property
    def state_word(self) -> str:
        """Return the state in words."""
        return state_word(self.state, self.label)


def state_word(state: str, label: str) -> str:
    """Return a card's state in words, with the name of its CRM."""
    words = {
        "connected": _("Connected"),
        "disabled": _("Switched off"),
        "paused": _("Paused"),
        "blocked": _("Waiting for %(crm)s", crm=label),
        NEEDS_ATTENTION: _("Needs attention"),
    }
    return words.get(state, _("Not connected"))


@page("/", needs=VIEW)
def connection_page() -> ResponseReturnValue:
    """Show every CRM and how it stands."""
    return _page()


@page("/connections/<crm>/connect", needs=MANAGE, methods=("POST",))
def connect(crm: str) -> ResponseReturnValue:
    """Test what was typed in and store it; what is wrong is said at the form."""
    adapter_or_404(crm)
    count_try(this_sync(), CONNECT, this_account(), door().access.user_id())
    method, typed = request.form.get("method", ""), request.form.to_dict()
    try:
        connected = connect_account(
            this_sync(), this_account(), crm, method, typed, by=door().access.user_id(), replace="replace" in typed
        )
    except CRMSyncError as error:
        return form_again(crm, method, typed, error)
    return arrived(connected)


def arrived(connected: ConnectionView) -> ResponseReturnValue:
    """Say with what the account is connected now, and set the workers going."""
    announce(connected)
    door().queues.wake()
    tell(_("Connected to %(account)s.", account=connected.remote_label or connected.label))
    return back_to("connection_page")


def form_again(crm: str, method: str, typed: Mapping[str, str], error: CRMSyncError) -> ResponseReturnValue:
    """Show the page once more, with what went wrong at the form that it concerns."""
    forms = connect_forms(adapter_or_404(crm), door().settings, typed, _trouble(method, error))
    return _page({crm: forms}), 422


def adapter_or_404(crm: str) -> type[Adapter]:
    """Return the adapter of a name in an address."""
    adapter = registry.adapters().get(crm)
    return adapter if adapter is not None else abort(404)


def connected_or_404(crm: str) -> ConnectionView:
    """Return the account's connection to the CRM of a name in an address, while there is one."""
    adapter_or_404(crm)
    known = find_connection(this_sync(), this_account(), crm)
    return known if known.is_connected else abort(404)


def _while_connected(view: Callable[[str], ResponseReturnValue]) -> Callable[[str], ResponseReturnValue]:
    """Answer what is pressed twice, or on a page from before, with where the connection stands."""

    @wraps(view)
    def guarded(crm: str) -> ResponseReturnValue:
        known = find_connection(this_sync(), this_account(), crm)
        if known.is_connected:
            return view(crm)
        tell(_("%(crm)s is not connected (any more).", crm=known.label), "plain")
        return back_to("connection_page")

    return guarded


@page("/connections/<crm>/test", needs=MANAGE, methods=("POST",))
@_while_connected
def test(crm: str) -> ResponseReturnValue:
    """Ask the CRM whether the stored credentials are good."""
    known = find_connection(this_sync(), this_account(), crm)
    count_try(this_sync(), TEST, this_account(), door().access.user_id())
    try:
        tested = sync_connections.test_connection(this_sync(), known.id)
    except CRMSyncError as error:
        tell(_in_words(error, known.label), "bad")
    else:
        tell(_("The connection works: %(account)s answers.", account=tested.remote_label or tested.label))
        door().queues.wake()
    announce(find_connection(this_sync(), this_account(), crm))
    return back_to("connection_page")


@page("/connections/<crm>/diagnose", needs=MANAGE, methods=("POST",))
@_while_connected
def diagnosis(crm: str) -> ResponseReturnValue:
    """Look at the connection from all sides and say what was found."""
    found = diagnose(this_sync(), this_account(), crm)
    return render_template("crm_sync/diagnosis.html", diagnosis=found, connection=found.connection)


@page("/connections/<crm>/sync-now", needs=MANAGE, methods=("POST",))
@_while_connected
def sync_now(crm: str) -> ResponseReturnValue:
    """Bring forward whatever waits for its time."""
    known = find_connection(this_sync(), this_account(), crm)
    if stands_still(known):
        tell(why_waiting(known), "bad")
        return back_to("connection_page")
    due = bring_forward(this_sync(), known.account_id, known.crm)
    door().queues.wake()
    if due and (why := why_waiting(known)):
        tell(why, "plain")
    elif due:
        tell(ngettext("1 entry is on its way.", "%(number)s entries are on their way.", due))
    else:
        tell(_("Everything is up to date: nothing waits to be sent."))
    return back_to("connection_page")


@page("/connections/<crm>/pause", needs=MANAGE, methods=("POST",))
@_while_connected
def pause(crm: str) -> ResponseReturnValue:
    """Let the connection's work wait."""
    announce(sync_connections.pause(this_sync(), this_account(), crm, by=door().access.user_id()))
    tell(_("Paused. Nothing is lost: what happens meanwhile waits until you resume."))
    return back_to("connection_page")


@page("/connections/<crm>/resume", needs=MANAGE, methods=("POST",))
@_while_connected
def resume(crm: str) -> ResponseReturnValue:
    """Go on with what waited."""
    announce(sync_connections.resume(this_sync(), this_account(), crm, by=door().access.user_id()))
    door().queues.wake()
    tell(_("Resumed. What waited is on its way."))
    return back_to("connection_page")


@page("/connections/<crm>/disconnect", needs=MANAGE)
@_while_connected
def confirm_disconnect(crm: str) -> ResponseReturnValue:
    """Say what disconnecting does, and ask."""
    known = find_connection(this_sync(), this_account(), crm)
    return render_template("crm_sync/disconnect.html", connection=known, signs_in=_was_signed_in(known))


@page("/connections/<crm>/disconnect", needs=MANAGE, methods=("POST",))
@_while_connected
def disconnect(crm: str) -> ResponseReturnValue:
    """Forget the credentials."""
    gone = sync_connections.disconnect(this_sync(), this_account(), crm, by=door().access.user_id())
    announce(gone)
    tell(_("%(crm)s is disconnected and its key deleted. The log and the links to records stay.", crm=gone.label))
    if gone.state_message:
        tell(said(gone.state_message), "bad")
    return back_to("connection_page")


def _was_signed_in(known: ConnectionView) -> bool:
    """Tell whether a person allowed something in the CRM; of a way that is offered no longer nobody knows."""
    try:
        return bool(way_to_connect(adapter_or_404(known.crm), known.auth_method, door().settings).grant)
    except UnsupportedFeature:
        return False


def _page(forms: dict[str, Sequence[ConnectForm]] | None = None) -> str:
    stands = status(this_sync(), this_account(), count_to=SHOWN_TO, by_reason=False)
    waiting = waiting_by_crm()
    cards = [
        replace(_card(adapter, stands.of(name), (forms or {}).get(name), stands.pulse), conflicts=waiting.get(name, 0))
        for name, adapter in registry.adapters().items()
    ]
    compared = agreements(this_sync(), this_account())
    cards = [replace(one, agreement=compared.get(one.connection.id)) if one.connection else one for one in cards]
    g.crm_sync_signs_in = any(form.signs_in for card in cards for form in card.forms)
    return render_template("crm_sync/connection.html", cards=cards, pulse=stands.pulse, manages=may_manage())


def _card(
    adapter: type[Adapter], stands: ConnectionStatus | None, forms: Sequence[ConnectForm] | None, pulse: Pulse
) -> Card:
    known = stands.connection if stands else None
    rounds = None
    if known is not None and known.next_interval_at is not None:
        rounds = next_round(known.next_interval_at, known.settings.interval_minutes, pulse.now)
    state = state_of(known, pulse.now)
    forms = forms or connect_forms(adapter, door().settings)
    run = bar_of(known) if known is not None and known.is_connected else None
    return Card(adapter.name, adapter.label, state, stands, forms, callback_url(adapter.name), rounds, run)


def state_of(known: ConnectionView | None, now: datetime) -> str:
    """Return one of a card's states."""
    if known is None or not known.is_connected:
        return "not_connected"
    if known.state == NEEDS_ATTENTION:
        return NEEDS_ATTENTION
    if not known.settings.enabled:
        return "disabled"
    if known.paused:
        return "paused"
    return "blocked" if known.blocked_until is not None and known.blocked_until > now else "connected"


def stands_still(known: ConnectionView) -> bool:
    """Tell whether nothing goes out until a person does something about it."""
    return known.paused or known.state != CONNECTED or not known.settings.enabled


def why_waiting(known: ConnectionView) -> str:
    """Return in words why nothing goes out now, and what to do, "" where it does."""
    why = explained(held_up(known, this_sync().clock.now()))
    return f"{why.says} {why.advice}".strip()


def _trouble(method: str, error: CRMSyncError) -> Trouble:
    if isinstance(error, CredentialsIncomplete):
        return Trouble(method, "", field_errors=error.fields)
    moves_to = error.found if isinstance(error, OtherRemoteAccount) else ""
    problem = str(error) if isinstance(error, OtherRemoteAccount) else error.says
    return Trouble(method, said(problem), said(error.advice), own_words(error), moves_to=moves_to)


def _in_words(error: CRMSyncError, label: str) -> str:
    meaning = explained(error.code)
    words = own_words(error)
    theirs = _("%(crm)s says: %(words)s", crm=label, words=words) if words else ""
    return " ".join(part for part in (meaning.says, meaning.advice, theirs) if part)


def announce(changed: ConnectionView) -> None:
    """Tell the host's receivers that a connection changed."""
    signals.send(signals.connection_changed, this_app(), connection=changed)
