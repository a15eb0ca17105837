"""Signing in: the way to the CRM and back, and every way in which it can go wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import SignIn
from flask_crm_sync.models.connection import CONNECTED
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import connections, find_connection
from tests.web.helpdesk import OURS, Helpdesk, open_helpdesk
from tests.web.test_crm_pages import plain, read

from .conftest import CALLBACK, PUBLIC_URL, Traveller, settings_for, stored


def trips(desk: Helpdesk) -> int:
    with desk.sync.database.read() as database:
        return database.execute(sa.select(sa.func.count()).select_from(SignIn)).scalar_one()


def code_of(page: str) -> str:
    return page.split('data-code="')[1].split('"')[0]


def test_signing_in_connects_and_ends_on_our_own_page(desk: Helpdesk, traveller: Traveller, portal: int) -> None:
    answer = traveller.signs_in(portal)
    assert (answer.status_code, answer.location) == (303, "/crm/")
    assert f"Connected to Portal {portal}." in read(traveller.browser, "/crm/")
    view = find_connection(desk.sync, OURS, "hubspot")
    assert (view.state, view.auth_method, view.remote_account_id) == (CONNECTED, "oauth", str(portal))
    assert set(stored(desk)) == {"access_token", "refresh_token", "expires_at"}
    assert trips(desk) == 0
    assert desk.wakes.count == 1


def test_the_way_there_carries_state_and_challenge_and_the_configured_callback(traveller: Traveller) -> None:
    query = parse_qs(urlsplit(traveller.leaves()).query)
    assert query["redirect_uri"] == [PUBLIC_URL + CALLBACK]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    assert len(query["state"][0]) >= 43
    assert "crm.objects.contacts.write" in query["scope"][0]
    assert "crm.schemas.contacts.write" in query["optional_scope"][0]


def test_a_callback_is_good_once(desk: Helpdesk, traveller: Traveller, portal: int) -> None:
    back = traveller.decides(traveller.leaves(), portal)
    assert traveller.returns(back).status_code == 303
    again = traveller.returns(back)
    assert (again.status_code, code_of(again.text)) == (422, "sign_in_unknown")
    assert find_connection(desk.sync, OURS, "hubspot").state == CONNECTED


@pytest.mark.parametrize(
    "query", ["", "?code=abc", "?code=abc&state=forged", "?state=", "?code=a&state=%00%F0", "?error=access_denied"]
)
def test_a_forged_callback_is_a_clear_page(desk: Helpdesk, traveller: Traveller, query: str) -> None:
    traveller.leaves()
    answer = traveller.browser.get(CALLBACK + query)
    assert (answer.status_code, code_of(answer.text)) == (422, "sign_in_unknown")
    assert "was not begun here" in plain(answer.text)
    assert connections(desk.sync, OURS) == []


def test_a_callback_of_another_crm_is_none(traveller: Traveller, portal: int) -> None:
    back = traveller.decides(traveller.leaves(), portal)
    assert traveller.returns(back.replace("/hubspot/", "/nonsense/")).status_code == 404


def test_saying_no_is_understood(desk: Helpdesk, traveller: Traveller, portal: int) -> None:
    answer = traveller.returns(traveller.decides(traveller.leaves(), portal, "deny"))
    assert (answer.status_code, code_of(answer.text)) == (422, "sign_in_denied")
    assert connections(desk.sync, OURS) == []
    assert trips(desk) == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("error=access-denied", "sign_in_denied"),
        ("error=invalid_scope&error_description=<b>No</b>+such+scope", "sign_in_refused"),
        ("code=", "sign_in_incomplete"),
        ("", "sign_in_incomplete"),
        ("code=" + "x" * 5000, "sign_in_incomplete"),
    ],
)
def test_what_the_crm_may_say_instead_of_a_code(traveller: Traveller, query: str, code: str) -> None:
    state = parse_qs(urlsplit(traveller.leaves()).query)["state"][0]
    answer = traveller.browser.get(f"{CALLBACK}?state={state}&{query}")
    assert (answer.status_code, code_of(answer.text)) == (422, code)
    assert "<b>No</b>" not in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_wrong_code_is_told_in_the_crms_own_words(traveller: Traveller) -> None:
    state = parse_qs(urlsplit(traveller.leaves()).query)["state"][0]
    answer = traveller.browser.get(f"{CALLBACK}?state={state}&code=never-given")
    assert (answer.status_code, code_of(answer.text)) == (422, "sign_in_ended")
    assert "HubSpot says: missing or unknown auth code" in plain(answer.text)


def test_the_verifier_is_checked(traveller: Traveller, portal: int) -> None:
    """A code that was asked for with another challenge, as an injected one is, buys nothing."""
    injected = traveller.decides(traveller.leaves(), portal)
    own = parse_qs(urlsplit(traveller.leaves()).query)["state"][0]
    code = parse_qs(urlsplit(injected).query)["code"][0]
    answer = traveller.browser.get(f"{CALLBACK}?state={own}&code={code}")
    assert (answer.status_code, code_of(answer.text)) == (422, "sign_in_ended")


def test_a_sign_in_is_bound_to_its_browser(desk: Helpdesk, traveller: Traveller, portal: int) -> None:
    back = traveller.decides(traveller.leaves(), portal)
    answer = desk.browser("manager").get(back.removeprefix(PUBLIC_URL))
    assert code_of(answer.text) == "sign_in_elsewhere"
    assert connections(desk.sync) == []


def test_a_sign_in_is_bound_to_its_person_and_account(desk: Helpdesk, traveller: Traveller, portal: int) -> None:
    back = traveller.decides(traveller.leaves(), portal)
    traveller.browser.get("/login-as/3")
    assert code_of(traveller.returns(back).text) == "sign_in_elsewhere"
    assert connections(desk.sync) == []


def test_a_sign_in_that_takes_too_long_is_over(desk: Helpdesk, traveller: Traveller, portal: int) -> None:
    back = traveller.decides(traveller.leaves(), portal)
    with desk.sync.database.write() as database:
        database.execute(sa.update(SignIn).values(expires_at=desk.sync.clock.now() - timedelta(seconds=1)))
    assert code_of(traveller.returns(back).text) == "sign_in_expired"


def test_old_trips_are_forgotten_when_another_begins(desk: Helpdesk, traveller: Traveller) -> None:
    traveller.leaves()
    with desk.sync.database.write() as database:
        database.execute(sa.update(SignIn).values(expires_at=desk.sync.clock.now() - timedelta(seconds=1)))
    traveller.leaves()
    assert trips(desk) == 1


@pytest.mark.parametrize("extra", ["next=https://evil.example.com", "redirect_uri=https://evil.example.com", "url=//x"])
def test_nothing_in_the_request_steers_where_it_ends(traveller: Traveller, portal: int, extra: str) -> None:
    back = traveller.decides(traveller.leaves(redirect_uri="https://evil.example.com"), portal)
    assert back.startswith(PUBLIC_URL)
    assert traveller.returns(f"{back}&{extra}").location == "/crm/"


def test_a_viewer_cannot_sign_in(desk: Helpdesk) -> None:
    assert desk.browser("viewer").get(CALLBACK).status_code == 403


def test_without_an_app_managers_are_told_what_is_missing(tmp_path: Path, sandbox: Sandbox) -> None:
    settings = settings_for(sandbox, hubspot_client_secret="", public_url="")
    desk = open_helpdesk(tmp_path, settings=settings, real_crm=True)
    page = read(desk.browser("manager"), "/crm/")
    assert "sets CRM_SYNC_HUBSPOT_CLIENT_SECRET, CRM_SYNC_PUBLIC_URL" in page
    assert "Sign in with HubSpot" not in [part.strip() for part in page.split("button")]
    assert "CRM_SYNC_HUBSPOT" not in read(desk.browser("viewer"), "/crm/")


def test_the_callback_url_is_shown_to_copy(desk: Helpdesk) -> None:
    assert PUBLIC_URL + CALLBACK in read(desk.browser("manager"), "/crm/")


def test_signing_in_to_another_portal_asks_and_moves(
    desk: Helpdesk, traveller: Traveller, portal: int, other_portal: int
) -> None:
    traveller.signs_in(portal)
    before = stored(desk)
    answer = traveller.signs_in(other_portal)
    assert answer.status_code == 200
    assert f"You are linked with Portal {portal}, and you have just signed in to Portal {other_portal}." in plain(
        answer.text
    )
    assert stored(desk) == before
    moved = choose(traveller, answer.text, move="yes")
    assert moved.status_code == 303
    assert find_connection(desk.sync, OURS, "hubspot").remote_account_id == str(other_portal)
    assert trips(desk) == 0


def test_staying_keeps_everything_and_forgets_the_new_tokens(
    desk: Helpdesk, traveller: Traveller, portal: int, other_portal: int
) -> None:
    traveller.signs_in(portal)
    before = stored(desk)
    answer = traveller.signs_in(other_portal)
    assert choose(traveller, answer.text).status_code == 303
    assert stored(desk) == before
    assert trips(desk) == 0
    assert choose(traveller, answer.text, move="yes").status_code == 422


def choose(traveller: Traveller, page: str, **choice: str) -> object:
    ticket = page.split('name="ticket" value="')[1].split('"')[0]
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token, "ticket": ticket, **choice}
    return traveller.browser.post("/crm/connections/hubspot/move", data=data)
