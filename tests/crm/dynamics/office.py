"""An environment of the sandbox, an adapter beside it, and the hands of a person in it."""

from __future__ import annotations

import json
import ssl
import urllib.parse
import urllib.request
from dataclasses import replace
from typing import Any

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.sandbox.server import Sandbox

_TYPED = {
    "instance_url": "https://sandbox.crm.dynamics.com",
    "tenant_id": "99999999-8888-4777-8666-555555555555",
    "client_id": "11111111-2222-4333-8444-555555555555",
    "client_secret": "sandbox-client-secret",
}


class Office:
    """The environment of a test, and the hands of a person in it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.settings = Settings(
            encryption_keys=(b"k" * 32,),
            sandbox_url=sandbox.url,
            sandbox_ca=str(sandbox.ca_file),
            phone_region="US",
        )
        self._tls = ssl.create_default_context(cafile=str(sandbox.ca_file))
        self.made: list[DynamicsAdapter] = []

    def credentials(self) -> dict[str, str]:
        """Sign in as an app, by the grant that the adapter tells."""
        typed = DynamicsAdapter.checked("client_credentials", _TYPED, self.settings)
        flow = DynamicsAdapter.flow("client_credentials", typed, self.settings)
        form = {"grant_type": flow.grant, "client_id": flow.client_id, "client_secret": flow.client_secret}
        path = urllib.parse.urlsplit(flow.token_url).path
        body = urllib.parse.urlencode({**form, "scope": flow.scope}).encode()
        with urllib.request.urlopen(self.sandbox.url + path, body, context=self._tls) as answer:
            return {**typed, "access_token": json.load(answer)["access_token"]}

    def adapter(self, **settings: Any) -> DynamicsAdapter:
        """Return an adapter with the traits that the test call told."""
        credentials, told = self.credentials(), replace(self.settings, **settings)
        for traits in ({}, None):
            known = self.made[-1].test().traits if traits is None else traits
            made = connect("dynamics", credentials, told, known, meter=None, clock=SystemClock())
            assert isinstance(made, DynamicsAdapter)
            self.made.append(made)
        return self.made[-1]

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the sandbox's own API."""
        request = urllib.request.Request(
            f"{self.sandbox.url}/_sandbox/api/dynamics/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, context=self._tls) as answer:
            text = answer.read().decode()
        if "ndjson" in answer.headers.get("Content-Type", ""):
            return [json.loads(line) for line in text.split("\n") if line]
        return json.loads(text) if text else None

    def company(self, name: str) -> str:
        return str(self.api("POST", "accounts", {"name": name})["id"])

    def contact(self, **columns: str) -> str:
        return str(self.api("POST", "contacts", {"properties": columns})["id"])

    def edit(self, contact: str, **columns: Any) -> None:
        self.api("PATCH", f"contacts/{contact}", {"properties": columns})
