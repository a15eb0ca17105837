"""A bare HTTP client for the Salesforce sandbox: no idea of Salesforce but the paths."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from flask_crm_sync.sandbox import Sandbox
from flask_crm_sync.sandbox.salesforce.orgs import DEFAULT_ORG

ORG, OTHER_ORG = DEFAULT_ORG, "00D5g0000OTHERS"
TOKEN, OTHER_TOKEN = "salesforce-session", "another-session"
KEY = "CRM_Sync_Id__c"
APP = {"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret"}
BACK = "https://127.0.0.1:9/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class SalesforceClient:
    """Call one sandbox with one session."""

    def __init__(self, sandbox: Sandbox, token: str | None = TOKEN) -> None:
        self.sandbox = sandbox
        self.salesforce = sandbox.salesforce
        self.session = requests.Session()
        self.session.trust_env = False  # a developer's own CA bundle would win over ours
        self.session.verify = str(sandbox.ca_file)
        if token is not None:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def at(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call a path of the sandbox."""
        return self.session.request(method, self.sandbox.url + path, timeout=10, **options)

    def call(self, method: str, path: str, *, version: str = "60.0", **options: Any) -> requests.Response:
        """Call a path below the version."""
        return self.at(method, f"/services/data/v{version}{path}", **options)

    def own(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the sandbox's own JSON."""
        return self.at(method, f"/_sandbox/api/salesforce/{path}", **options)

    def create(self, kind: str = "Lead", **fields: Any) -> str:
        """Create a record and return its id; what is required gets a value."""
        required = {"Lead": {"LastName": "Novak", "Company": "Northwind"}, "Contact": {"LastName": "Novak"}, "Task": {}}
        answer = self.call("POST", f"/sobjects/{kind}", json={**required[kind], **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def read(self, kind: str, record_id: str, *fields: str) -> dict[str, Any]:
        """Return a record."""
        answer = self.call("GET", f"/sobjects/{kind}/{record_id}", params={"fields": ",".join(fields)})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def many(self, method: str, rest: str, *rows: dict[str, Any], kind: str = "Lead", **more: Any) -> Any:
        """Write rows of one type through the collections and return what is told of each."""
        records = [{"attributes": {"type": kind}, **row} for row in rows]
        answer = self.call(method, f"/composite/sobjects{rest}", json={"records": records, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, text: str, *, everything: bool = False, **headers: str) -> dict[str, Any]:
        """Return the first page of a query."""
        path = "/queryAll" if everything else "/query"
        answer = self.call("GET", path, params={"q": text}, headers=headers)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def ids(self, text: str, *, everything: bool = False) -> list[str]:
        """Return the ids that a query finds."""
        return [row["Id"] for row in self.query(text, everything=everything)["records"]]

    def error(self, method: str, path: str, **options: Any) -> tuple[int, str, str]:
        """Return status, code and message of a refused call."""
        answer = self.call(method, path, **options)
        [shown] = answer.json()
        return answer.status_code, shown["errorCode"], shown["message"]

    def switch(self, **switches: Any) -> None:
        """Set switches."""
        self.salesforce.dialect.change(switches)

    def settle(self, **settings: Any) -> None:
        """Change the org's settings."""
        self.salesforce.add_portal(settings=settings)

    def token(self, **form: str) -> requests.Response:
        """Ask the token endpoint, as the sandbox's own app."""
        return self.at("POST", "/services/oauth2/token", data={**APP, **form})

    def authorize(self, **changes: str) -> dict[str, str]:
        """Let a person allow the app; return what the redirect carries."""
        asked = {
            "response_type": "code",
            "client_id": APP["client_id"],
            "redirect_uri": BACK,
            "scope": "api refresh_token",
            "state": "s1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        form = {**asked, "portal_id": ORG, "decision": "grant", **changes}
        answer = self.at("POST", "/services/oauth2/authorize", data=form, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def traded(self, **changes: str) -> dict[str, Any]:
        """Trade a fresh code for tokens."""
        code = self.authorize(**changes)["code"]
        answer = self.token(grant_type="authorization_code", code=code, redirect_uri=BACK, code_verifier=VERIFIER)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def refresh(self, refresh_token: str) -> requests.Response:
        """Refresh a token."""
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)


@pytest.fixture
def client_for(sandbox: Sandbox) -> Iterator[Callable[..., SalesforceClient]]:
    """Make clients by session."""
    made: list[SalesforceClient] = []

    def make(token: str | None = TOKEN) -> SalesforceClient:
        made.append(SalesforceClient(sandbox, token))
        return made[-1]

    yield make
    for each in made:
        each.session.close()


@pytest.fixture
def client(client_for: Callable[..., SalesforceClient], sandbox: Sandbox) -> SalesforceClient:
    """A client of the first org."""
    sandbox.salesforce.add_portal(token=TOKEN)
    return client_for()


@pytest.fixture
def other(client_for: Callable[..., SalesforceClient], sandbox: Sandbox) -> SalesforceClient:
    """A client of a second org."""
    sandbox.salesforce.add_portal(OTHER_ORG, OTHER_TOKEN, name="Other org")
    return client_for(OTHER_TOKEN)
