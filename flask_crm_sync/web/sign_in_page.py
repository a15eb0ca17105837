"""Signing in to a CRM: the way there, the way back, and the question whether to move to another account."""

from __future__ import annotations

import secrets

from flask import make_response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from ..credentials.oauth import Granted, Person, begin, come_back, keep_for_move, take_for_move
from ..credentials.refusals import SignInRefused
from ..errors import CRMSyncError
from ..sync.connections import crm_label, own_words, store_credentials
from ..sync.refusals import OtherRemoteAccount
from .addresses import callback_url
from .connection_page import adapter_or_404, arrived, form_again
from .door import door, this_account, this_sync
from .entrance import MANAGE, back_to, page
from .notices import tell
from .texts import gettext as _

_BROWSER = "_crm_sync_browser"


@page("/connections/<crm>/sign-in", needs=MANAGE, methods=("POST",))
def sign_in(crm: str) -> ResponseReturnValue:
    """Send the browser to the CRM; what is wrong before that is said at the form."""
    adapter_or_404(crm)
    method, typed = request.form.get("method", ""), request.form.to_dict()
    try:
        address = begin(this_sync(), _person(), crm, method, typed, redirect_uri=callback_url(crm))
    except CRMSyncError as error:
        return form_again(crm, method, typed, error)
    return redirect(address, 303)


@page("/connections/<crm>/callback", needs=MANAGE)
def sign_in_callback(crm: str) -> ResponseReturnValue:
    """Take in who comes back from the CRM. Whatever the address says, the way on is one of our own pages."""
    adapter_or_404(crm)
    try:
        granted = come_back(this_sync(), _person(), crm, request.args.to_dict())
        return _connected(granted)
    except CRMSyncError as error:
        return _failed(crm, error)


@page("/connections/<crm>/move", needs=MANAGE, methods=("POST",))
def move(crm: str) -> ResponseReturnValue:
    """Move to the other account that the person signed in to, or stay."""
    adapter_or_404(crm)
    try:
        granted = take_for_move(this_sync(), _person(), crm, request.form.get("ticket", ""))
        if "move" not in request.form:
            tell(_("Nothing was changed: the connection stays as it was."), "plain")
            return back_to("connection_page")
        return arrived(store_credentials(this_sync(), this_account(), granted, by=_user(), replace=True))
    except CRMSyncError as error:
        return _failed(crm, error)


def _connected(granted: Granted) -> ResponseReturnValue:
    try:
        return arrived(store_credentials(this_sync(), this_account(), granted, by=_user()))
    except OtherRemoteAccount as other:
        ticket = keep_for_move(this_sync(), _person(), granted)
        label = crm_label(granted.crm)
        return render_template("crm_sync/move.html", crm=granted.crm, label=label, other=other, ticket=ticket)


def _failed(crm: str, error: CRMSyncError) -> ResponseReturnValue:
    """Say what went wrong; the address holds a code, so the page sends no referrer anywhere."""
    label, words = crm_label(crm), error.crm_message if isinstance(error, SignInRefused) else own_words(error)
    shown = render_template("crm_sync/sign_in_failed.html", error=error, label=label, words=words)
    response = make_response(shown, 422)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _person() -> Person:
    """Return who signs in, with the secret that ties the trip to this browser's session."""
    if _BROWSER not in session:
        session[_BROWSER] = secrets.token_urlsafe(24)
    return Person(this_account(), _user(), session[_BROWSER])


def _user() -> str:
    return door().access.user_id()
