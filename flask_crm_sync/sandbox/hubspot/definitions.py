"""Property definitions of a portal: what a record may hold and which values name one record only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..clock import Clock
from .catalogue import standard_properties
from .definition import CHANGEABLE, CREATABLE, DEFAULTS, Definition, check_body, name_taken, property_not_found
from .dialect import Dialect
from .errors import validation
from .groups import Groups
from .kinds import KINDS, Kind
from .store import Store

MOST_UNIQUE = 10


class Definitions:
    """The properties of one portal and object type, kept in memory and in the store."""

    def __init__(self, store: Store, clock: Clock, dialect: Dialect, portal_id: int, kind: Kind) -> None:
        self._store, self._clock, self._dialect = store, clock, dialect
        self.portal_id, self.kind = portal_id, kind
        self.groups = Groups(store, portal_id, kind)
        self._unique: tuple[str, ...] | None = None
        self._all = {body["name"]: Definition({**DEFAULTS, **body}) for body in standard_properties(kind.name)}
        with store.reading() as db:
            key = (portal_id, kind.name)
            for row in db.execute("SELECT body FROM definition WHERE portal_id = ? AND kind = ?", key):
                kept = Definition(**json.loads(row["body"]))
                self._all[kept.name] = kept

    def get(self, name: str) -> Definition | None:
        """Return a property that can be used now, or None."""
        found = self._all.get(name)
        if found is None or found.archived_ms is not None:
            return None
        return found if found.visible_ms == 0 or found.visible_ms <= self._clock.now_ms() else None

    def listed(self, *, archived: bool = False) -> list[Definition]:
        """Return all usable properties, or all archived ones."""
        if archived:
            return [found for found in self._all.values() if found.archived_ms is not None]
        return [found for found in self._all.values() if self.get(found.name)]

    def archived(self, name: str) -> Definition | None:
        """Return a property that was put away, or None."""
        found = self._all.get(name)
        return found if found is not None and found.archived_ms is not None else None

    def unique_names(self) -> tuple[str, ...]:
        """Return the properties whose values name one record only."""
        if self._unique is None:
            usable = (found for found in self._all.values() if found.is_unique and found.archived_ms is None)
            self._unique = tuple(found.name for found in usable)
        return self._unique

    def create(self, body: Mapping[str, Any]) -> Definition:
        """Add a property; a name that was archived is brought back. Raises HubSpotError (400, 409)."""
        check_body(body)
        self.groups.check_used(body["groupName"])
        if body.get("hasUniqueValue"):
            self._check_unique()
        old = self._all.get(body["name"])
        if old is not None and old.archived_ms is None:
            raise name_taken(body["name"])
        made = self._made(body)
        return self._keep(made if old is None else _restored(old, made))

    def update(self, name: str, body: Mapping[str, Any]) -> Definition:
        """Change what may change; uniqueness stays as it was made, without a word. Raises HubSpotError (400, 404)."""
        old = self._own(name)
        changes = {key: body[key] for key in CHANGEABLE & body.keys()}
        return self._keep(replace(old, body={**old.body, **changes}, updated_ms=self._clock.now_ms()))

    def archive(self, name: str) -> None:
        """Put a property away. Raises HubSpotError (400, 404)."""
        self._keep(replace(self._own(name), archived_ms=self._clock.now_ms()))

    def _own(self, name: str) -> Definition:
        """Return a property that the portal made itself."""
        found = self.get(name)
        if found is None:
            raise property_not_found(name)
        if found.is_standard:
            raise validation(f"Property {name} is defined by HubSpot and is read-only")
        return found

    def _check_unique(self) -> None:
        if self.kind.name == "notes" and self._dialect.unique_note_properties == "refuse":
            raise validation("Unique properties are not supported for object type NOTE")
        own = [name for name in self.unique_names() if not self._all[name].is_standard]
        if len(own) >= MOST_UNIQUE:
            raise validation(f"There is a limit of {MOST_UNIQUE} unique properties per object type")

    def _made(self, body: Mapping[str, Any]) -> Definition:
        given = {key: body[key] for key in CREATABLE & body.keys() if body[key] is not None}
        if self.kind.name == "notes" and self._dialect.unique_note_properties == "ignore":
            given["hasUniqueValue"] = False
        now, delay = self._clock.now_ms(), self._dialect.property_visible_after_ms
        return Definition({**DEFAULTS, **given}, now, now, now + delay if delay else 0)

    def _keep(self, definition: Definition) -> Definition:
        body = json.dumps({**vars(definition), "body": dict(definition.body)})
        with self._store.writing() as db:
            row = (self.portal_id, self.kind.name, definition.name, body)
            db.execute("INSERT OR REPLACE INTO definition VALUES (?, ?, ?, ?)", row)
        self._all, self._unique = {**self._all, definition.name: definition}, None
        return definition


def _restored(old: Definition, made: Definition) -> Definition:
    """Bring a property back; what cannot be changed later is as it was first made."""
    kept = {name: old.body[name] for name in ("type", "hasUniqueValue")}
    return replace(made, body={**made.body, **kept}, created_ms=old.created_ms)


class DefinitionBook:
    """Hand out the definitions of each portal and object type, reading each only once."""

    def __init__(self, store: Store, clock: Clock, dialect: Dialect) -> None:
        self._store, self._clock, self._dialect = store, clock, dialect
        self._known: dict[tuple[int, str], Definitions] = {}

    def of(self, portal_id: int, kind: Kind) -> Definitions:
        """Return the definitions of one object type in one portal."""
        with self._store.lock:
            key = (portal_id, kind.name)
            if key not in self._known:
                self._known[key] = Definitions(self._store, self._clock, self._dialect, portal_id, kind)
            return self._known[key]

    def forget(self, portal_id: int) -> None:
        """Go back to what a fresh portal has."""
        with self._store.writing() as db:
            db.execute("DELETE FROM definition WHERE portal_id = ?", (portal_id,))
            db.execute("DELETE FROM property_group WHERE portal_id = ?", (portal_id,))
            for kind in KINDS:
                self._known.pop((portal_id, kind.name), None)
