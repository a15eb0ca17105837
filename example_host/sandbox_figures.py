"""Reading what arrived in the sandbox, from its own store over HTTPS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from .check import Contact, Note
from .crms import CRMS

SECONDS = 60


class SandboxReader:
    """One CRM of the sandbox as its own pages see it; of its portals the named one, or the first."""

    def __init__(self, url: str, ca_file: Path, crm: str = "hubspot", portal: str = "") -> None:
        self.base, self.shown = f"{url}/_sandbox/api/{crm}", CRMS[crm]
        self.query = {"portal": portal} if portal else {}
        self.session = requests.Session()
        self.session.trust_env = False  # a bundle named in the environment would win over the sandbox's authority
        self.session.verify = str(ca_file)

    def __enter__(self) -> SandboxReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def contacts(self) -> list[Contact]:
        """Return every contact that is not archived."""
        return [self.shown.contact(row) for row in self._rows("contacts") if not row.get("archived")]

    def notes(self) -> list[Note]:
        """Return every note that is not archived."""
        return [self.shown.note(row) for row in self._rows("notes") if not row.get("archived")]

    def api_calls(self) -> int:
        """Return how many calls the CRM has answered."""
        return int(self._get("figures").json()["api_calls"])

    def edit(self, contact_id: str, values: Mapping[str, str]) -> None:
        """Change a contact as a person in the CRM would; `values` are by the helpdesk's names."""
        properties = {self.shown.names[name]: value for name, value in values.items()}
        address = f"{self.base}/contacts/{contact_id}"
        answer = self.session.patch(address, json={"properties": properties}, params=self.query, timeout=SECONDS)
        answer.raise_for_status()

    def _rows(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._get(path).content.split(b"\n") if line]

    def _get(self, path: str) -> requests.Response:
        answer = self.session.get(f"{self.base}/{path}", params=self.query, timeout=SECONDS)
        answer.raise_for_status()
        return answer
