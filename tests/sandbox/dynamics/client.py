"""A bare HTTP client for the Dynamics sandbox: no idea of the protocol but the paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import requests

from flask_crm_sync.sandbox import Sandbox

TOKEN = "dv-sandbox-token"
API = "/api/data/v9.2/"
TENANT = "99999999-8888-4777-8666-555555555555"
APP = "11111111-2222-4333-8444-555555555555"
SECRET = "sandbox-client-secret"
INSTANCE = "https://sandbox.crm.dynamics.com"
BOUNDARY = "batch_test"


class Client:
    """Call one sandbox with one token."""

    def __init__(self, sandbox: Sandbox, token: str | None = TOKEN) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False  # a developer's own CA bundle would win over ours
        self.session.verify = str(sandbox.ca_file)
        if token is not None:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call a path as it stands."""
        options.setdefault("timeout", 10)
        url = path if path.startswith("https://") else self.sandbox.url + path
        return self.session.request(method, url, **options)

    def data(self, method: str, rest: str, body: Any = None, **headers: str) -> requests.Response:
        """Call the Web API; header names are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call(method, API + rest, headers=sent, **({} if body is None else {"json": body}))

    def contact(self, **columns: Any) -> str:
        """Create a contact and return its id."""
        answer = self.data("POST", "contacts", columns)
        assert answer.status_code == 204, answer.text
        return answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    def note(self, contact_id: str, text: str = "Hello") -> str:
        """Create a note of a contact and return its id."""
        body = {"subject": "Web chat", "notetext": text, "objectid_contact@odata.bind": f"/contacts({contact_id})"}
        answer = self.data("POST", "annotations", body)
        assert answer.status_code == 204, answer.text
        return answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    def read(self, contact_id: str, *columns: str) -> dict[str, Any]:
        """Return a contact."""
        chosen = f"?$select={','.join(columns)}" if columns else ""
        answer = self.data("GET", f"contacts({contact_id}){chosen}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def find(self, condition: str, table: str = "contacts", **more: str) -> requests.Response:
        """Query a table with a filter, percent-encoded."""
        return self.call("GET", API + table, params={"$filter": condition, **more})

    def found(self, condition: str, **more: str) -> list[str]:
        """Return the last names of the contacts that meet a filter, sorted."""
        answer = self.find(condition, **more)
        assert answer.status_code == 200, answer.text
        return sorted(str(row["lastname"]) for row in answer.json()["value"])

    def batch(self, parts: Iterable[bytes], prefer: str = "") -> requests.Response:
        """Post parts as a batch."""
        return self.raw_batch(in_batch(parts), prefer)

    def raw_batch(self, body: bytes, prefer: str = "") -> requests.Response:
        """Post bytes as a batch."""
        headers = {"Content-Type": f'multipart/mixed; boundary="{BOUNDARY}"'}
        if prefer:
            headers["Prefer"] = prefer
        return self.call("POST", f"{API}$batch", data=body, headers=headers)

    def token(self, form: Mapping[str, str], tenant: str = TENANT) -> requests.Response:
        """Ask the sign-in service for a token."""
        return self.call("POST", f"/{tenant}/oauth2/v2.0/token", data=dict(form))

    def api(self, method: str, rest: str, body: Any = None) -> requests.Response:
        """Call the sandbox's own API."""
        return self.call(method, f"/_sandbox/api/dynamics/{rest}", **({} if body is None else {"json": body}))

    def close(self) -> None:
        """Close all connections."""
        self.session.close()


def part(method: str, target: str, body: str = "", content_id: str = "", **headers: str) -> bytes:
    """Return one operation as a batch writes it down."""
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    outer += [f"Content-ID: {content_id}"] if content_id else []
    inner = [f"{method} {target} HTTP/1.1"]
    inner += ["Content-Type: application/json; type=entry"] if body else []
    inner += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*outer, "", *inner, "", body]).encode()


def in_batch(parts: Iterable[bytes], boundary: str = BOUNDARY) -> bytes:
    """Return parts between boundaries."""
    opening = f"--{boundary}".encode()
    return b"".join(opening + b"\r\n" + each + b"\r\n" for each in parts) + opening + b"--\r\n"


def change_set(parts: Iterable[bytes], boundary: str = "changeset_test") -> bytes:
    """Return operations that succeed or fail together."""
    return f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode() + in_batch(parts, boundary)


def credentials(**other: str) -> dict[str, str]:
    """Return the form that asks for an app's own token."""
    form = {
        "grant_type": "client_credentials",
        "client_id": APP,
        "client_secret": SECRET,
        "scope": f"{INSTANCE}/.default",
    }
    return {**form, **other}
