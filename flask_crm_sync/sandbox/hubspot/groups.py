"""Property groups of a portal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .catalogue import GROUPS
from .definition import NAME
from .errors import HubSpotError, validation
from .kinds import Kind
from .store import Store

Group = dict[str, Any]


class Groups:
    """The property groups of one portal and object type."""

    def __init__(self, store: Store, portal_id: int, kind: Kind) -> None:
        self._store, self._key = store, (portal_id, kind.name)
        self._all = {name: _group(name, label) for name, label in GROUPS[kind.name]}
        with store.reading() as db:
            for row in db.execute("SELECT body FROM property_group WHERE portal_id = ? AND kind = ?", self._key):
                kept = json.loads(row["body"])
                self._all[kept["name"]] = kept

    def listed(self) -> list[Group]:
        """Return all groups in use."""
        return [group for group in self._all.values() if not group["archived"]]

    def get(self, name: str) -> Group:
        """Return one group. Raises HubSpotError (404)."""
        found = self._all.get(name)
        if found is None or found["archived"]:
            raise HubSpotError(404, "OBJECT_NOT_FOUND", f"Property group {name} does not exist")
        return found

    def check_used(self, name: str) -> None:
        """Refuse the name of a group that is not in use, where one is needed. Raises HubSpotError (400)."""
        if not any(group["name"] == name for group in self.listed()):
            raise validation(f"Property group {name} does not exist")

    def create(self, body: Mapping[str, Any]) -> Group:
        """Add a group. Raises HubSpotError (400, 409)."""
        name, label = body.get("name"), body.get("label")
        if not isinstance(name, str) or not isinstance(label, str) or not NAME.fullmatch(name):
            raise validation("Some required fields were not set: [name, label]")
        if any(group["name"] == name for group in self.listed()):
            message = f"A property group named '{name}' already exists."
            raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", message, sub_category="Properties.GROUP_WITH_NAME_EXISTS")
        return self._keep(_group(name, label, body.get("displayOrder", -1)))

    def update(self, name: str, body: Mapping[str, Any]) -> Group:
        """Change a group's label or order. Raises HubSpotError (404)."""
        changes: Group = {key: body[key] for key in ("label", "displayOrder") if key in body}
        return self._keep({**self.get(name), **changes})

    def archive(self, name: str) -> None:
        """Put a group away. Raises HubSpotError (404)."""
        self._keep({**self.get(name), "archived": True})

    def _keep(self, group: Group) -> Group:
        with self._store.writing() as db:
            row = (*self._key, group["name"], json.dumps(group))
            db.execute("INSERT OR REPLACE INTO property_group VALUES (?, ?, ?, ?)", row)
        self._all = {**self._all, group["name"]: group}
        return group


def _group(name: str, label: str, order: int = -1) -> Group:
    return {"name": name, "label": label, "displayOrder": order, "archived": False}
