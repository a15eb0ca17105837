"""Every way to connect that the registry offers, through each CRM's own consent page or token endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from example_host.consent import agreed
from flask_crm_sync.credentials.tokens import fresh
from flask_crm_sync.crm.registry import adapters
from flask_crm_sync.errors import Unreachable
from flask_crm_sync.models import Connection
from flask_crm_sync.models.connection import CONNECTED
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import disconnect, find_connection, test_connection
from flask_crm_sync.sync.diagnosis import diagnose
from tests.web.helpdesk import OURS, Helpdesk, open_helpdesk
from tests.web.test_page_access import token_of

from .conftest import PUBLIC_URL, settings_for

ENTRA = "11111111-2222-4333-8444-555555555555"
TENANT = "99999999-8888-4777-8666-555555555555"
APP = {"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret"}


@dataclass(frozen=True)
class Way:
    """What a person types in for one way to connect."""

    crm: str
    method: str
    typed: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    """An address that is not the CRM's."""


SIGN_INS = (
    Way("hubspot", "oauth"),
    Way("salesforce", "oauth", {}, {"login_host": "login.salesforce.com.evil.example.com"}),
    Way(
        "dynamics",
        "oauth",
        {"instance_url": "https://sandbox.crm.dynamics.com"},
        {"instance_url": "https://evil.example.com"},
    ),
)
CLIENTS = (
    Way(
        "salesforce",
        "client_credentials",
        {**APP, "instance_url": "https://sandbox.my.salesforce.com"},
        {"instance_url": "https://evil.example.com"},
    ),
    Way(
        "dynamics",
        "client_credentials",
        {**APP, "client_id": ENTRA, "tenant_id": TENANT, "instance_url": "https://sandbox.crm.dynamics.com"},
        {"instance_url": "https://sandbox.crm.dynamics.com.evil.example.com"},
    ),
)
KEYS = (
    Way("hubspot", "token", {"token": "pat-na1-sandbox"}),
    Way(
        "autochat",
        "api_key",
        {"api_key": "ac-sandbox-key", "base_url": "https://sandbox.supabase.co/functions/v1/crm-api/v1"},
        {"base_url": "https://evil.example.com/v1"},
    ),
)


def named(way: Way) -> str:
    return f"{way.crm}-{way.method}"


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox) -> Helpdesk:
    """Return a helpdesk whose operator has an app with each CRM."""
    sandbox.hubspot.start_afresh()
    sandbox.hubspot.add_portal(1234567, "pat-na1-sandbox")
    apps = {
        "salesforce_client_id": "sandbox-client-id",
        "salesforce_client_secret": "sandbox-client-secret",
        "dynamics_client_id": ENTRA,
        "dynamics_client_secret": "sandbox-client-secret",
    }
    return open_helpdesk(tmp_path, settings=settings_for(sandbox, **apps), real_crm=True)


def sign_in(desk: Helpdesk, sandbox: Sandbox, way: Way) -> None:
    browser = desk.browser("manager")
    data = {"csrf_token": token_of(browser), "method": way.method, **way.typed}
    left = browser.post(f"/crm/connections/{way.crm}/sign-in", data=data)
    assert left.status_code == 303, left.text
    back = agreed(left.location, PUBLIC_URL, Path(str(sandbox.ca_file)))
    arrived = browser.get(back.removeprefix(PUBLIC_URL))
    assert (arrived.status_code, arrived.location) == (303, "/crm/"), arrived.text


def type_in(desk: Helpdesk, way: Way, **changes: str) -> int:
    browser = desk.browser("manager")
    data = {"csrf_token": token_of(browser), "method": way.method, **way.typed, **changes}
    route = "sign-in" if way in SIGN_INS else "connect"
    return browser.post(f"/crm/connections/{way.crm}/{route}", data=data).status_code


def stored(desk: Helpdesk, crm: str) -> dict[str, str]:
    view = find_connection(desk.sync, OURS, crm)
    return desk.sync.open_credentials(view.id, desk.stored(view.id).credentials)


def connect(desk: Helpdesk, sandbox: Sandbox, way: Way) -> None:
    if way in SIGN_INS:
        sign_in(desk, sandbox, way)
    else:
        assert type_in(desk, way) == 303


def test_no_way_to_connect_is_forgotten_here(desk: Helpdesk) -> None:
    offered = {(name, way.name) for name, kind in adapters().items() for way in kind.ways(desk.sync.settings)}
    ours = {"hubspot", "salesforce", "dynamics", "autochat"}
    assert {one for one in offered if one[0] in ours} == {(way.crm, way.method) for way in (*SIGN_INS, *CLIENTS, *KEYS)}


@pytest.mark.parametrize("way", [*SIGN_INS, *CLIENTS, *KEYS], ids=named)
def test_it_connects_tests_diagnoses_and_leaves(desk: Helpdesk, sandbox: Sandbox, way: Way) -> None:
    connect(desk, sandbox, way)
    view = find_connection(desk.sync, OURS, way.crm)
    assert (view.state, view.auth_method) == (CONNECTED, way.method)
    assert view.remote_account_id
    assert test_connection(desk.sync, view.id).state == CONNECTED
    levels = {finding.about: finding for finding in diagnose(desk.sync, OURS, way.crm).findings}
    assert [about for about, finding in levels.items() if finding.level == "problem"] == ["Processes"], levels
    assert disconnect(desk.sync, OURS, way.crm).state_message == ""


@pytest.mark.parametrize("way", [*SIGN_INS, *CLIENTS], ids=named)
def test_a_refused_token_is_renewed_and_works(desk: Helpdesk, sandbox: Sandbox, way: Way) -> None:
    connect(desk, sandbox, way)
    before = stored(desk, way.crm)
    view = find_connection(desk.sync, OURS, way.crm)
    after = fresh(desk.sync, view.id, before["access_token"])
    assert after["access_token"] != before["access_token"]
    assert after == stored(desk, way.crm)
    assert set(after) == set(before)
    assert test_connection(desk.sync, view.id).state == CONNECTED


def test_org_that_was_moved_is_spoken_to_at_its_new_address(desk: Helpdesk, sandbox: Sandbox) -> None:
    connect(desk, sandbox, SIGN_INS[1])
    view = find_connection(desk.sync, OURS, "salesforce")
    former = {"access_token": "of-the-former-address", "instance_url": "https://former.my.salesforce.com"}
    sealed = desk.sync.seal_credentials(view.id, {**stored(desk, "salesforce"), **former})
    desk.change(Connection, credentials=sealed)
    warm = desk.sync.warm.get(desk.sync, desk.stored(view.id)._mapping)
    with pytest.raises(Unreachable):
        warm.adapter.test()
    assert stored(desk, "salesforce")["instance_url"] != former["instance_url"]
    again = desk.sync.warm.get(desk.sync, desk.stored(view.id)._mapping)
    assert again.adapter is not warm.adapter
    assert again.adapter.test().remote_account_id == view.remote_account_id
    again.adapter.http.close()


@pytest.mark.parametrize("way", [way for way in (*SIGN_INS, *CLIENTS, *KEYS) if way.wrong], ids=named)
def test_an_address_that_is_not_the_crms_is_refused_at_its_field(desk: Helpdesk, sandbox: Sandbox, way: Way) -> None:
    sandbox.calls.clear()
    assert type_in(desk, way, **way.wrong) == 422
    assert sandbox.calls.total == 0


@pytest.mark.parametrize("way", CLIENTS, ids=named)
def test_a_wrong_secret_is_the_persons_to_correct(desk: Helpdesk, way: Way) -> None:
    assert type_in(desk, way, client_secret="not-the-secret") == 422


@pytest.mark.parametrize("way", SIGN_INS, ids=named)
def test_a_sign_in_sends_the_challenge_and_the_callback(desk: Helpdesk, way: Way) -> None:
    browser = desk.browser("manager")
    data = {"csrf_token": token_of(browser), "method": way.method, **way.typed}
    location = browser.post(f"/crm/connections/{way.crm}/sign-in", data=data).location
    assert "code_challenge_method=S256" in location
    assert f"connections%2F{way.crm}%2Fcallback" in location
