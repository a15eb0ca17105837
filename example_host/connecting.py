"""Connecting the two accounts: one signs in at each CRM's consent page, the other has keys of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask

from .commands import DEFAULT_PASSWORD
from .consent import forms_in, sign_in
from .crew import DemoFailed

FIRST, SECOND = "1", "2"
ADMIN = "ada@example.com"
AUTOCHAT_CALLS_A_MINUTE = 60_000  # announced in its headers; at the usual 100 a check would take hours
SECONDS = 30

APPS = {
    "CRM_SYNC_HUBSPOT_CLIENT_ID": "sandbox-client-id",
    "CRM_SYNC_HUBSPOT_CLIENT_SECRET": "sandbox-client-secret",
    "CRM_SYNC_SALESFORCE_CLIENT_ID": "sandbox-client-id",
    "CRM_SYNC_SALESFORCE_CLIENT_SECRET": "sandbox-client-secret",
    "CRM_SYNC_DYNAMICS_CLIENT_ID": "11111111-2222-4333-8444-555555555555",
    "CRM_SYNC_DYNAMICS_CLIENT_SECRET": "sandbox-client-secret",
    "CRM_SYNC_AUTOCHAT_BASE_URL": "https://sandbox.supabase.co/functions/v1/crm-api/v1",
    "CRM_SYNC_AUTOCHAT_SEARCH": "email",
}
"""The operator's part: an app at each vendor. These are the sandbox's own, and open nothing else."""

SIGN_INS: Mapping[str, Mapping[str, str]] = {
    "salesforce": {},
    "hubspot": {},
    "dynamics": {"instance_url": "https://sandbox.crm.dynamics.com"},
}
"""What a person types in before they are sent to the CRM."""


@dataclass(frozen=True)
class Keys:
    """Service-to-service credentials: the way to connect and its lines, in the order in which they are asked for."""

    method: str
    lines: tuple[str, ...]


SECOND_PORTALS: Mapping[str, Mapping[str, Any]] = {
    "salesforce": {
        "portal_id": "00D5g000000Second",
        "name": "Fjord Outdoor",
        "instance": "https://second.my.salesforce.com",
        "client_id": "second-client-id",
        "client_secret": "second-client-secret",
    },
    "hubspot": {"portal_id": 7654321, "name": "Fjord Outdoor", "token": "pat-na1-second"},
    "dynamics": {"portal_id": "second"},
    "autochat": {"portal_id": "second", "token": "ac-second-key", "limit": AUTOCHAT_CALLS_A_MINUTE},
}
SECOND_KEYS: Mapping[str, Keys] = {
    "salesforce": Keys(
        "client_credentials", ("second-client-id", "second-client-secret", "https://second.my.salesforce.com")
    ),
    "hubspot": Keys("token", ("pat-na1-second",)),
    "dynamics": Keys(
        "client_credentials",
        (
            "https://second.crm.dynamics.com",
            "99999999-8888-4777-8666-555555555555",
            "11111111-2222-4333-8444-555555555555",
            "sandbox-client-secret",
        ),
    ),
    "autochat": Keys("api_key", ("ac-second-key",)),
}
FIRST_AUTOCHAT_KEY = "ac-sandbox-key"


def open_portals(url: str, ca_file: Path) -> dict[str, dict[str, str]]:
    """Open the second account's portals in the sandbox; return by account and CRM which portal is whose."""
    opened = {crm: _opened(url, ca_file, crm, portal) for crm, portal in SECOND_PORTALS.items()}
    _opened(url, ca_file, "autochat", {"portal_id": "sandbox", "limit": AUTOCHAT_CALLS_A_MINUTE})
    _asked("PATCH", f"{url}/_sandbox/api/autochat/switches", ca_file, {"search_by": "email"})
    return {FIRST: {}, SECOND: opened}


def _opened(url: str, ca_file: Path, crm: str, portal: Mapping[str, Any]) -> str:
    return str(_asked("POST", f"{url}/_sandbox/api/{crm}/portals", ca_file, portal)["portal_id"])


def _asked(method: str, address: str, ca_file: Path, body: Mapping[str, Any]) -> Any:
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(ca_file)
        answer = session.request(method, address, json=dict(body), timeout=SECONDS)
    if not answer.ok:
        raise DemoFailed(f"The sandbox answered {answer.status_code} at {urlsplit(address).path}: {answer.text[:500]}")
    return answer.json()


def connect_accounts(app: Flask, connect: Callable[..., None], *, public_url: str, ca_file: Path) -> None:
    """Connect both accounts to all CRMs; `connect(crm, account, method, lines)` is the operator's command."""
    with app.test_client() as browser:
        log_in(browser, ADMIN)
        for crm, typed in SIGN_INS.items():
            sign_in(browser, f"/crm/connections/{crm}/sign-in", typed, public_url=public_url, ca_file=ca_file)
    connect("autochat", FIRST, "api_key", (FIRST_AUTOCHAT_KEY,))
    for crm, keys in SECOND_KEYS.items():
        connect(crm, SECOND, keys.method, keys.lines)


def log_in(browser: Any, email: str) -> None:
    """Log in as one of the helpdesk's people. Raises DemoFailed where that does not work."""
    form = forms_in(browser.get("/login").get_data(as_text=True))[0]
    answer = browser.post("/login", data=form.pressed({"email": email, "password": password()}))
    if answer.status_code not in (302, 303):
        raise DemoFailed(f"{email} could not log in: {answer.status_code}")


def password() -> str:
    """Return the password of the example people."""
    return os.environ.get("HELPDESK_PASSWORD") or DEFAULT_PASSWORD
