"""Workspaces, and the API keys that open them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .store import Store

READ_CLIENTS = "clients:read"
WRITE_CLIENTS = "clients:write"
ALL_SCOPES = (READ_CLIENTS, WRITE_CLIENTS)

DEFAULT_WORKSPACE = "sandbox"
DEFAULT_KEY = "ac-sandbox-key"
DEMO_PER_MINUTE = 100_000
"""What a workspace announces unless told otherwise, so that demos and tests end in minutes; 100 is documented."""


@dataclass(frozen=True)
class Workspace:
    """One customer of AutoChat. ``per_minute`` is how many calls each of its keys may make."""

    name: str
    label: str
    per_minute: int


@dataclass(frozen=True)
class Key:
    """An API key: bearer, with scopes and perhaps an end."""

    text: str
    workspace: str
    scopes: frozenset[str]
    expires_ms: int | None = None
    revoked: bool = False

    def is_good(self, now_ms: int) -> bool:
        """Say whether it still opens anything."""
        return not self.revoked and (self.expires_ms is None or self.expires_ms > now_ms)


class Access:
    """Look up, add and withdraw workspaces and keys; look-ups are answered from memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspaces = {row["name"]: Workspace(**row) for row in store.db.execute("SELECT * FROM workspace")}
        self._keys: dict[str, Key] = {}
        for row in store.db.execute("SELECT * FROM api_key"):
            scopes = frozenset(json.loads(row["scopes"]))
            key = Key(row["text"], row["workspace"], scopes, row["expires_ms"], bool(row["revoked"]))
            self._keys[key.text] = key
        if DEFAULT_WORKSPACE not in self._workspaces:
            self.restore()

    def restore(self) -> None:
        """Bring the first workspace and its key back as they were at the beginning."""
        self.add_workspace(DEFAULT_WORKSPACE, label="Sandbox workspace", per_minute=DEMO_PER_MINUTE)
        self.add_key(DEFAULT_KEY, DEFAULT_WORKSPACE)

    def workspaces(self) -> list[Workspace]:
        """Return all workspaces by name."""
        return [self._workspaces[name] for name in sorted(self._workspaces)]

    def workspace(self, name: str) -> Workspace | None:
        """Return a workspace, or None."""
        return self._workspaces.get(name)

    def key(self, text: str) -> Key | None:
        """Return a key, whatever its state, or None."""
        return self._keys.get(text)

    def add_workspace(self, name: str, *, label: str = "", per_minute: int | None = None) -> Workspace:
        """Add a workspace, or change what is named of it."""
        old = self._workspaces.get(name, Workspace(name, f"Workspace {name}", DEMO_PER_MINUTE))
        made = Workspace(name, label or old.label, old.per_minute if per_minute is None else per_minute)
        with self._store.writing() as db:
            row = (made.name, made.label, made.per_minute)
            db.execute("INSERT OR REPLACE INTO workspace VALUES (?, ?, ?)", row)
        self._workspaces[name] = made
        return made

    def add_key(
        self, text: str, workspace: str, scopes: Iterable[str] = ALL_SCOPES, *, expires_ms: int | None = None
    ) -> Key:
        """Add a key, or replace the one of the same text."""
        return self._keep(Key(text, workspace, frozenset(scopes), expires_ms))

    def revoke(self, text: str) -> None:
        """Make a key worthless."""
        if text in self._keys:
            self._keep(replace(self._keys[text], revoked=True))

    def expire(self, text: str, at_ms: int) -> None:
        """Let a key end at a moment."""
        if text in self._keys:
            self._keep(replace(self._keys[text], expires_ms=at_ms))

    def _keep(self, key: Key) -> Key:
        row = (key.text, key.workspace, json.dumps(sorted(key.scopes)), key.expires_ms, key.revoked)
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO api_key VALUES (?, ?, ?, ?, ?)", row)
        self._keys[key.text] = key
        return key
