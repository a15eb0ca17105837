"""Disconnecting: what was granted is withdrawn where the CRM offers that, and our own copy goes whatever it says."""

from __future__ import annotations

import pytest

from flask_crm_sync.credentials.oauth import Granted
from flask_crm_sync.crm.hubspot import HubSpotAdapter
from flask_crm_sync.models.connection import CONNECTED, DISCONNECTED
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import disconnect, find_connection, store_credentials
from tests.web.helpdesk import OURS, THEIRS, Helpdesk
from tests.web.test_crm_pages import read, told

from .conftest import SignedIn, Traveller

DISCONNECT = "/crm/connections/hubspot/disconnect"
UNINSTALL = "DELETE /appinstalls/2026-09/external-install"


def test_disconnecting_uninstalls_the_app_and_deletes_the_tokens(signed_in: SignedIn, traveller: Traveller) -> None:
    before = signed_in.credentials()
    assert "is withdrawn in HubSpot" in read(traveller.browser, DISCONNECT)
    assert "HubSpot is disconnected" in told(traveller.browser, DISCONNECT)
    assert signed_in.row().credentials == ""
    access = signed_in.sandbox.hubspot.access
    for name in ("access_token", "refresh_token"):
        token = access.token(before[name])
        assert token is not None
        assert token.revoked


def test_an_ended_token_is_renewed_to_leave_with(signed_in: SignedIn) -> None:
    signed_in.ends_soon(1)
    assert disconnect(signed_in.desk.sync, OURS, "hubspot").state_message == ""
    assert signed_in.sandbox.calls.counts("hubspot").get(UNINSTALL) == 1


def test_a_crm_that_does_not_answer_holds_nobody_back(signed_in: SignedIn, traveller: Traveller) -> None:
    signed_in.sandbox.faults.add("hubspot", "server_error", path="/appinstalls/")
    page = told(traveller.browser, DISCONNECT)
    assert "Remove the app there by hand." in page
    view = find_connection(signed_in.desk.sync, OURS, "hubspot")
    assert (view.state, view.has_credentials) == (DISCONNECTED, False)


def test_who_signs_in_anew_while_the_crm_is_being_told_stays_connected(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = signed_in.desk.sync
    again = Granted("hubspot", "oauth", signed_in.credentials())
    monkeypatch.setattr(HubSpotAdapter, "revoke", lambda *_: store_credentials(sync, OURS, again))
    view = disconnect(sync, OURS, "hubspot")
    assert (view.state, view.has_credentials) == (CONNECTED, True)


def test_a_sign_in_that_has_ended_needs_no_leave(signed_in: SignedIn) -> None:
    signed_in.sandbox.hubspot.access.revoke_app(signed_in.portal, "sandbox-client-id")
    assert disconnect(signed_in.desk.sync, OURS, "hubspot").state_message == ""


def test_leaving_does_not_take_the_app_from_another_account(
    desk: Helpdesk, signed_in: SignedIn, sandbox: Sandbox
) -> None:
    other = Traveller(desk.browser("foreign manager"), sandbox)
    assert other.signs_in(signed_in.portal).status_code == 303
    assert "stays installed" in disconnect(desk.sync, OURS, "hubspot").state_message
    assert sandbox.calls.counts("hubspot").get(UNINSTALL) is None
    assert find_connection(desk.sync, THEIRS, "hubspot").state == CONNECTED
    assert disconnect(desk.sync, THEIRS, "hubspot").state_message == ""
    assert sandbox.calls.counts("hubspot").get(UNINSTALL) == 1


def test_signing_in_again_resumes(signed_in: SignedIn, traveller: Traveller) -> None:
    disconnect(signed_in.desk.sync, OURS, "hubspot")
    assert traveller.signs_in(signed_in.portal).status_code == 303
    view = find_connection(signed_in.desk.sync, OURS, "hubspot")
    assert (view.id, view.state) == (signed_in.id, CONNECTED)
    assert signed_in.row().sign_in == 3


def test_accounts_that_signed_in_to_one_portal_share_its_budget(
    desk: Helpdesk, signed_in: SignedIn, sandbox: Sandbox
) -> None:
    Traveller(desk.browser("foreign manager"), sandbox).signs_in(signed_in.portal)
    theirs = desk.stored(find_connection(desk.sync, THEIRS, "hubspot").id)
    first = desk.sync.warm.get(desk.sync, signed_in.row()._mapping)
    assert desk.sync.warm.get(desk.sync, theirs._mapping).token == first.token
    signed_in.ends_soon(5)
    desk.sync.warm.kept.clear()
    assert desk.sync.warm.get(desk.sync, signed_in.row()._mapping).token == first.token
    assert signed_in.renewals() >= 1
    for warm in desk.sync.warm.kept.values():
        warm.adapter.http.close()


def test_a_warm_adapter_outlives_a_renewal(desk: Helpdesk, signed_in: SignedIn) -> None:
    adapter = desk.sync.warm.get(desk.sync, signed_in.row()._mapping).adapter
    signed_in.sandbox.hubspot.access.expire(signed_in.credentials()["access_token"], 0)
    adapter.test()
    assert desk.sync.warm.get(desk.sync, signed_in.row()._mapping).adapter is adapter
    adapter.http.close()
