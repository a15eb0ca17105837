"""The sandbox CRM over HTTPS, as a person at its panel: what arrived, what is to go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

from tests.chaos.crms import KINDS, Portal


class CRM:
    """The panel's JSON about one CRM."""

    def __init__(self, name: str, url: str, ca_file: Path) -> None:
        self.name, self.kind, self.url, self.ca_file = name, KINDS[name], url, ca_file
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca_file)

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def contacts(self, portal: Portal) -> list[dict[str, Any]]:
        """Return every contact in the store."""
        return self._lines("contacts", portal)

    def notes(self, portal: Portal) -> list[dict[str, Any]]:
        """Return every note in the store, with the ids of its contacts."""
        return self._lines("notes", portal)

    def tags(self, portal: Portal) -> dict[str, set[str]]:
        """Return whose every contact ever was, by its id: each company that it had, where the CRM keeps a history."""
        if self.name != "hubspot":
            return {}
        path, query = "/crm/objects/2026-09/contacts", {"propertiesWithHistory": "company", "limit": "50"}
        had: dict[str, set[str]] = {}
        while True:
            page = self._call(portal, path, query)
            for row in page["results"]:
                had[row["id"]] = {each["value"] for each in row["propertiesWithHistory"].get("company", ())}
            if "paging" not in page:
                return had
            query["after"] = page["paging"]["next"]["after"]

    def open_portals(self) -> None:
        """Add each account's portal with its keys."""
        for portal in self.kind.portals.values():
            self._ask("POST", "portals", json=dict(portal.opened_by))
        if self.kind.switches:
            self._ask("PATCH", "switches", json=dict(self.kind.switches))

    def spoil(self, kind: str, **more: Any) -> None:
        """Let something go wrong with calls from now on."""
        self._ask("POST", "faults", json={"kind": kind, **more})

    def went_wrong(self) -> int:
        """Return how many calls have gone wrong since they were mended."""
        return sum(fault["fired"] for fault in self._ask("GET", "faults").json()["faults"])

    def mend(self) -> int:
        """Let everything go right again; return how many calls had gone wrong."""
        number = self.went_wrong()
        self._ask("DELETE", "faults")
        return number

    def _lines(self, path: str, portal: Portal) -> list[dict[str, Any]]:
        answer = self._ask("GET", path, params={"portal": portal.name})
        return [json.loads(line) for line in answer.content.split(b"\n") if line]

    def _call(self, portal: Portal, path: str, query: dict[str, str]) -> Any:
        headers = {"Authorization": f"Bearer {portal.keys[0]}"}
        answer = self._session.get(f"{self.url}{path}", params=query, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = self._session.request(method, f"{self.url}/_sandbox/api/{self.name}/{path}", timeout=30, **more)
        answer.raise_for_status()
        return answer
