"""Reading what arrived in the sandbox, from its own store over HTTPS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from .check import Contact, Note

HUBSPOT_NAMES = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "phone": "phone",
    "company": "company",
    "street": "address",
    "city": "city",
    "state": "state",
    "zip": "zip",
    "country": "country",
}
SECONDS = 60


class SandboxReader:
    """One CRM of the sandbox as its own pages see it."""

    def __init__(self, url: str, ca_file: Path, crm: str = "hubspot") -> None:
        self.base = f"{url}/_sandbox/api/{crm}"
        self.session = requests.Session()
        self.session.trust_env = False  # a bundle named in the environment would win over the sandbox's authority
        self.session.verify = str(ca_file)

    def __enter__(self) -> SandboxReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def contacts(self) -> list[Contact]:
        """Return every contact that is not archived."""
        return [contact_from(row) for row in self._rows("contacts") if not row.get("archived")]

    def notes(self) -> list[Note]:
        """Return every note that is not archived."""
        return [note_from(row) for row in self._rows("notes") if not row.get("archived")]

    def api_calls(self) -> int:
        """Return how many calls the CRM has answered."""
        return int(self._get("figures").json()["api_calls"])

    def _rows(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._get(path).content.split(b"\n") if line]

    def _get(self, path: str) -> requests.Response:
        answer = self.session.get(f"{self.base}/{path}", timeout=SECONDS)
        answer.raise_for_status()
        return answer


def contact_from(row: Mapping[str, Any]) -> Contact:
    """Return a contact under the helpdesk's names."""
    properties = row["properties"]
    return Contact(str(row["id"]), {ours: properties.get(theirs) or "" for ours, theirs in HUBSPOT_NAMES.items()})


def note_from(row: Mapping[str, Any]) -> Note:
    """Return a note and whose it is."""
    ids = tuple(str(contact_id) for contact_id in row["contacts"])
    return Note(str(row["id"]), ids, row["properties"].get("hs_note_body") or "")
