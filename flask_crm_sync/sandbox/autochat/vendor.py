"""The AutoChat sandbox as a whole: its parts, its words for faults, and a person's hands in the CRM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Request, Response

from ..calls import CallLog
from ..clock import Clock
from ..faults import FaultBook
from . import errors, view, writes
from .access import ALL_SCOPES, DEFAULT_WORKSPACE, Access, Workspace
from .api import inspection_blueprint
from .clients import Activities, Clients
from .dialect import Dialect
from .fields import client_fields
from .gate import Office, bearer, refused
from .limits import Limits
from .pages import pages_blueprint
from .refusals import POLICIES, refusal
from .routes import BASE, api_blueprint
from .store import Store
from .webhooks import Sender


class AutoChat:
    """One AutoChat server with several workspaces; also the way in for tests that look at the store directly."""

    name = "autochat"
    label = "AutoChat CRM"
    policies: tuple[str, ...] = POLICIES

    def __init__(self, path: Path | None, clock: Clock, calls: CallLog, faults: FaultBook) -> None:
        self.calls, self.faults, self.clock = calls, faults, clock
        self.store, self.dialect = Store(path), Dialect()
        self.access, self.limits = Access(self.store), Limits(clock)
        self.sender = Sender(self.store, clock, self.dialect, faults)
        self.office = Office(self.store, clock, self.dialect, self.access, self.limits, self.sender)

    # What the shared parts ask for (see ``SandboxCRM``).

    def blueprints(self) -> Iterable[Blueprint]:
        """Return the vendor's routes and our own."""
        return (api_blueprint(self.office), inspection_blueprint(self), pages_blueprint(self))

    def owns(self, path: str) -> bool:
        """Say whether a path belongs to AutoChat's interface."""
        return path.startswith(BASE)

    def identify(self, request: Request) -> str | None:
        """Say which workspace a call is for, by its key alone."""
        key = self.access.key(bearer(request))
        return key.workspace if key else None

    def refusal(self, kind: str, params: Mapping[str, Any], request: Request) -> Response:
        """Answer the way AutoChat does for a fault of this kind."""
        workspace = self.access.workspace(self.identify(request) or "")
        return refused(refusal(self.office, kind, params, workspace))

    def http_error(self, status: int, message: str) -> Response:
        """Answer a call that no route takes."""
        if status == 404:
            return refused(errors.not_found("Resource"))
        return refused(errors.not_allowed() if status == 405 else errors.AutoChatError(status, "BAD_REQUEST", message))

    def spoil_token(self, kind: str, request: Request) -> None:
        """Revoke or expire the key that a call carries."""
        if kind == "revoke_token":
            self.access.revoke(bearer(request))
        else:
            self.access.expire(bearer(request), self.clock.now_ms() - 1000)

    def overview(self) -> Mapping[str, int]:
        """Return a few numbers over all workspaces."""
        names = [workspace.name for workspace in self.access.workspaces()]
        with self.store.reading():
            return {
                "workspaces": len(names),
                "clients": sum(Clients(self.store, name).count() for name in names),
                "activities": sum(Activities(self.store, name).count() for name in names),
            }

    def start_afresh(self, portal_id: str | None = None) -> None:
        """Empty one workspace or all; faults, calls and switches start afresh, and the first key opens again."""
        self.reset(portal_id)
        self.access.restore()
        self.faults.clear(self.name)
        self.calls.clear(self.name)
        self.dialect.reset()

    def close(self) -> None:
        """Stop delivering and close the store."""
        self.sender.close()
        self.store.close()

    # A workspace and the person sitting in front of it.

    def workspace(self, name: str = DEFAULT_WORKSPACE) -> Workspace:
        """Return a workspace. Raises LookupError for one that does not exist."""
        found = self.access.workspace(name)
        if found is None:
            raise LookupError(f"no such workspace: {name}")
        return found

    def add_workspace(
        self,
        name: str,
        key: str | None = None,
        scopes: Iterable[str] = ALL_SCOPES,
        *,
        label: str = "",
        per_minute: int | None = None,
        expires_ms: int | None = None,
    ) -> Workspace:
        """Add or change a workspace, and give it a key if one is named. Raises ValueError for a limit below 1."""
        if per_minute is not None and per_minute < 1:
            raise ValueError("the limit is at least 1 call a minute")
        workspace = self.access.add_workspace(name, label=label, per_minute=per_minute)
        if key is not None:
            self.access.add_key(key, name, scopes, expires_ms=expires_ms)
        return workspace

    def contacts(self, workspace: str = DEFAULT_WORKSPACE) -> list[dict[str, Any]]:
        """Return all clients of a workspace, deleted ones included."""
        return view.clients(self.store, self.workspace(workspace).name)

    def notes(self, workspace: str = DEFAULT_WORKSPACE) -> list[dict[str, Any]]:
        """Return all activities of a workspace, with the id of their client."""
        return view.activities(self.store, self.workspace(workspace).name)

    def figures(self, workspace: str = DEFAULT_WORKSPACE) -> dict[str, Any]:
        """Return ``{"records", "notes", "api_calls", "calls": {"METHOD template": n}}``."""
        return view.figures(self.store, self.workspace(workspace).name, self.calls)

    def add_contact(self, properties: Mapping[str, str], workspace: str = DEFAULT_WORKSPACE) -> str:
        """Let a person create a client; return its id. Raises AutoChatError as the API would."""
        fields = client_fields(properties, self.dialect)
        return writes.create(self.office, self.workspace(workspace).name, fields, by_person=True).id

    def edit_contact(self, client_id: str, properties: Mapping[str, str], workspace: str = DEFAULT_WORKSPACE) -> None:
        """Let a person edit a client. Raises AutoChatError as the API would."""
        fields = client_fields(properties, self.dialect)
        writes.change(self.office, self.workspace(workspace).name, client_id, fields, by_person=True)

    def delete_contact(self, client_id: str, workspace: str = DEFAULT_WORKSPACE) -> None:
        """Let a person delete a client."""
        writes.delete(self.office, self.workspace(workspace).name, client_id)

    def reset(self, workspace: str | None = None) -> None:
        """Empty one workspace or all of them: clients, activities, webhooks, limits; keys stay."""
        with self.store.writing() as db:
            for table in ("client", "activity", "webhook"):
                db.execute(f"DELETE FROM {table} WHERE ? IN ('', workspace)", (workspace or "",))
        self.limits.reset()
        self.sender.forget()
