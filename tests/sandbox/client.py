"""A bare HTTP client for the sandbox: no idea of HubSpot but the paths."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

import requests

from flask_crm_sync.sandbox import Sandbox

TOKEN = "pat-na1-sandbox"
FAMILIES = ("2026-03", "2026-09", "v3")
KEY = "autochat_client_key"
STAMP = "1700000000000"


class Client:
    """Call one sandbox in one path family with one token."""

    def __init__(self, sandbox: Sandbox, family: str = "2026-09", token: str | None = TOKEN) -> None:
        self.sandbox, self.family = sandbox, family
        self.session = requests.Session()
        self.session.trust_env = False  # a developer's own CA bundle would win over ours
        self.session.verify = str(sandbox.ca_file)
        if token is not None:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call a path as it stands."""
        options.setdefault("timeout", 10)
        return self.session.request(method, self.sandbox.url + path, **options)

    def objects(self, method: str, rest: str, **options: Any) -> requests.Response:
        """Call below ``objects``: ``contacts/batch/read``."""
        base = "/crm/v3/objects" if self.family == "v3" else f"/crm/objects/{self.family}"
        return self.call(method, f"{base}/{rest}", **options)

    def record_links(self, method: str, rest: str, **options: Any) -> requests.Response:
        """Call the associations of one record."""
        base = "/crm/v4/objects" if self.family == "v3" else f"/crm/objects/{self.family}"
        return self.call(method, f"{base}/{rest}", **options)

    def links(self, method: str, rest: str, **options: Any) -> requests.Response:
        """Call the associations in batches."""
        base = "/crm/v4/associations" if self.family == "v3" else f"/crm/associations/{self.family}"
        return self.call(method, f"{base}/{rest}", **options)

    def properties(self, method: str, rest: str, **options: Any) -> requests.Response:
        """Call below ``properties``."""
        base = "/crm/v3/properties" if self.family == "v3" else f"/crm/properties/{self.family}"
        return self.call(method, f"{base}/{rest}", **options)

    def batch(self, kind: str, what: str, inputs: Iterable[dict[str, Any]], **more: Any) -> requests.Response:
        """Call a batch."""
        return self.objects("POST", f"{kind}/batch/{what}", json={"inputs": list(inputs), **more})

    def search(self, kind: str = "contacts", **body: Any) -> requests.Response:
        """Search."""
        return self.objects("POST", f"{kind}/search", json=body)

    def contact(self, **properties: str) -> str:
        """Create a contact and return its id."""
        answer = self.objects("POST", "contacts", json={"properties": properties})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def note(self, *contact_ids: str, body: str = "Hello", stamp: str = STAMP) -> str:
        """Create a note of contacts and return its id."""
        associations = [note_of(each) for each in contact_ids]
        properties = {"hs_timestamp": stamp, "hs_note_body": body}
        answer = self.objects("POST", "notes", json={"properties": properties, "associations": associations})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def read(self, contact_id: str, *properties: str) -> dict[str, Any]:
        """Return a contact."""
        answer = self.objects("GET", f"contacts/{contact_id}", params={"properties": ",".join(properties)})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def make_key(self, kind: str = "contacts", name: str = KEY, *, unique: bool = True) -> requests.Response:
        """Create our own property, in a group that every portal has."""
        group = "contactinformation" if kind == "contacts" else "notesinformation"
        body = {"groupName": group, "name": name, "label": name, "type": "string", "fieldType": "text"}
        return self.properties("POST", kind, json={**body, "hasUniqueValue": unique})

    def close(self) -> None:
        """Close all connections."""
        self.session.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def note_of(contact_id: str, type_id: int = 202) -> dict[str, Any]:
    """Return the association of a note with a contact."""
    return {
        "to": {"id": contact_id},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}],
    }


def row(trace: str | None = None, **properties: str) -> dict[str, Any]:
    """Return an input of ``batch/create``."""
    return {"properties": properties, **({"objectWriteTraceId": trace} if trace else {})}


def upsert(key: str, trace: str | None = None, *, by: str = KEY, **properties: str) -> dict[str, Any]:
    """Return an input of ``batch/upsert``."""
    return {"id": key, "idProperty": by, **row(trace, **{by: key, **properties})}
