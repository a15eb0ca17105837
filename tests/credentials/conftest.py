"""A helpdesk whose CRM is the HubSpot sandbox, and a person with a browser who signs in there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from flask_crm_sync.config import Settings
from flask_crm_sync.models import Connection
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import find_connection
from tests.web.helpdesk import Helpdesk, open_helpdesk
from tests.web.test_page_access import token_of

PUBLIC_URL = "https://127.0.0.1:5000"
SIGN_IN = "/crm/connections/hubspot/sign-in"
CALLBACK = "/crm/connections/hubspot/callback"

_portals = itertools.count(7_000_000)


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), keep=False) as running:
        yield running


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """Return the sandbox without faults, habits and calls of the test before."""
    running_sandbox.calls.clear()
    yield running_sandbox
    running_sandbox.faults.clear()
    running_sandbox.hubspot.dialect.reset()


@pytest.fixture
def portal(sandbox: Sandbox) -> int:
    """Return the number of a portal of the test's own."""
    number = next(_portals)
    sandbox.hubspot.add_portal(number)
    return number


@pytest.fixture
def other_portal(sandbox: Sandbox) -> int:
    number = next(_portals)
    sandbox.hubspot.add_portal(number)
    return number


@pytest.fixture
def settings(sandbox: Sandbox) -> Settings:
    return settings_for(sandbox)


def settings_for(sandbox: Sandbox, **changes: Any) -> Settings:
    """Return settings of an installation whose HubSpot app is the sandbox's."""
    given: dict[str, Any] = {
        "encryption_keys": (b"k" * 32,),
        "sandbox_url": sandbox.url,
        "sandbox_ca": str(sandbox.ca_file),
        "public_url": PUBLIC_URL,
        "hubspot_client_id": "sandbox-client-id",
        "hubspot_client_secret": "sandbox-client-secret",
        "call_timeout": 10.0,
    }
    return Settings(**{**given, **changes})


@pytest.fixture
def desk(tmp_path: Path, settings: Settings) -> Helpdesk:
    return open_helpdesk(tmp_path, settings=settings, real_crm=True)


@dataclass
class Traveller:
    """A person in a browser: at the helpdesk and at the CRM's consent page."""

    browser: FlaskClient
    sandbox: Sandbox

    def leaves(self, **typed: str) -> str:
        """Press the sign-in button; return the address at the CRM."""
        answer = self.browser.post(SIGN_IN, data={"csrf_token": token_of(self.browser), "method": "oauth", **typed})
        assert answer.status_code == 303, answer.text
        return str(answer.location)

    def decides(self, address: str, portal: int, decision: str = "grant") -> str:
        """Answer the consent page; return where the CRM sends the browser."""
        parts = urlsplit(address)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with requests.Session() as there:
            there.trust_env, there.verify = False, str(self.sandbox.ca_file)
            page = there.get(address, timeout=10)
            assert page.status_code == 200, page.text
            form = {**asked, "portal_id": str(portal), "decision": decision}
            answer = there.post(f"{parts.scheme}://{parts.netloc}{parts.path}", data=form, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def returns(self, address: str) -> Any:
        """Follow the CRM's redirect back to the helpdesk."""
        return self.browser.get(address.removeprefix(PUBLIC_URL))

    def signs_in(self, portal: int) -> Any:
        """Go there, agree, and come back; return the helpdesk's answer."""
        return self.returns(self.decides(self.leaves(), portal))


@pytest.fixture
def traveller(desk: Helpdesk, sandbox: Sandbox) -> Traveller:
    return Traveller(desk.browser("manager"), sandbox)


def stored(desk: Helpdesk, account_id: str = "1") -> dict[str, str]:
    """Return the credentials of an account's HubSpot connection, opened."""
    view = find_connection(desk.sync, account_id, "hubspot")
    return desk.sync.open_credentials(view.id, desk.stored(view.id).credentials)


TOKEN_CALL = "POST /oauth/2026-09/token"


@dataclass
class SignedIn:
    """A connection that was made by signing in, and the hands that spoil its tokens."""

    desk: Helpdesk
    sandbox: Sandbox
    portal: int
    id: Any

    def renewals(self) -> int:
        """Return how often the sandbox's token endpoint was asked since the sign-in."""
        return self.sandbox.calls.counts("hubspot").get(TOKEN_CALL, 0)

    def credentials(self) -> dict[str, str]:
        return stored(self.desk)

    def rewrite(self, **changes: str) -> None:
        """Change the stored credentials, as they are told apart from a renewal: nothing else moves."""
        sealed = self.desk.sync.seal_credentials(self.id, {**self.credentials(), **changes})
        self.desk.change(Connection, credentials=sealed)

    def row(self) -> Any:
        return self.desk.stored(self.id)

    def ends_soon(self, seconds: float = 60.0) -> None:
        self.rewrite(expires_at=str(int(self.desk.sync.clock.now().timestamp() + seconds)))


@pytest.fixture
def signed_in(desk: Helpdesk, traveller: Traveller, sandbox: Sandbox, portal: int) -> SignedIn:
    assert traveller.signs_in(portal).status_code == 303
    sandbox.calls.clear()
    return SignedIn(desk, sandbox, portal, find_connection(desk.sync, "1", "hubspot").id)
