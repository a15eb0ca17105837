"""The HubSpot sandbox as a whole: its parts, its words for faults, and a person's hands in the CRM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Request, Response

from ..calls import CallLog
from ..clock import Clock
from ..faults import FaultBook
from . import errors, view
from .access import ALL_SCOPES, DEFAULT_PORTAL, Access, Portal
from .api import inspection_blueprint
from .definitions import DefinitionBook
from .desk import Desk
from .dialect import Dialect
from .gate import Office, bearer, refused
from .grants import Grants
from .kinds import CONTACTS, NOTES
from .limits import TIERS, Limits
from .listeners import Listeners
from .merge import erase, merge
from .oauth import oauth_blueprint
from .pages import pages_blueprint
from .records import Record, Source
from .refusals import POLICIES, refusal
from .routes import api_blueprint
from .sender import Sender
from .store import Store
from .writes import archive, change, create, find, restore

PREFIXES = ("/crm/", "/oauth/", "/account-info/", "/appinstalls/", "/webhooks/")
PERSON = Source("CRM_UI", "userId:1")


class HubSpot:
    """One HubSpot server with several portals; also the way in for tests that look at the store directly."""

    name = "hubspot"
    label = "HubSpot"
    policies: tuple[str, ...] = POLICIES

    def __init__(self, path: Path | None, clock: Clock, calls: CallLog, faults: FaultBook) -> None:
        store, dialect = Store(path), Dialect()
        self.calls, self.faults, self.dialect, self.clock = calls, faults, dialect, clock
        self.store = store
        self.access = Access(store)
        self.book = DefinitionBook(store, clock, dialect)
        self.limits = Limits(clock)
        self.grants = Grants(store, clock, dialect, self.access)
        self.listeners = Listeners(store, self.access)
        self.sender = Sender(store, clock, self.listeners, faults)
        self.office = Office(store, clock, dialect, self.book, self.access, self.limits)

    # What the shared parts ask for (see ``SandboxCRM``).

    def blueprints(self) -> Iterable[Blueprint]:
        """Return the vendor's routes and our own."""
        return (
            api_blueprint(self.office),
            oauth_blueprint(self.office, self.grants),
            inspection_blueprint(self),
            pages_blueprint(self),
        )

    def owns(self, path: str) -> bool:
        """Say whether a path belongs to HubSpot's interface."""
        return path.startswith(PREFIXES)

    def identify(self, request: Request) -> str | None:
        """Say which portal a call is for, by its token alone."""
        token = self.access.token(bearer(request))
        return str(token.portal_id) if token else None

    def refusal(self, kind: str, params: Mapping[str, Any], request: Request) -> Response:
        """Answer the way HubSpot does for a fault of this kind."""
        portal = self.access.portal(int(self.identify(request) or 0))
        return refused(refusal(self.office, kind, params, portal))

    def http_error(self, status: int, message: str) -> Response:
        """Answer a call that no route takes."""
        return refused(errors.HubSpotError(status, "OBJECT_NOT_FOUND" if status == 404 else "BAD_REQUEST", message))

    def spoil_token(self, kind: str, request: Request) -> None:
        """Revoke or expire the token that a call carries."""
        if kind == "revoke_token":
            self.access.revoke(bearer(request))
        else:
            self.access.expire(bearer(request), self.clock.now_ms() - 1000)

    def overview(self) -> Mapping[str, int]:
        """Return a few numbers over all portals."""
        desks = [self.desk(portal.portal_id) for portal in self.access.portals()]
        with self.store.reading():
            return {
                "portals": len(desks),
                "contacts": sum(desk.records(CONTACTS).count() for desk in desks),
                "notes": sum(desk.records(NOTES).count() for desk in desks),
            }

    def close(self) -> None:
        """Stop delivering and close the store."""
        self.sender.close()
        self.store.close()

    # A portal and the person sitting in front of it.

    def desk(self, portal_id: int = DEFAULT_PORTAL, source: Source = PERSON) -> Desk:
        """Return a desk at a portal. Raises LookupError for one that does not exist."""
        portal = self.access.portal(portal_id)
        if portal is None:
            raise LookupError(f"no such portal: {portal_id}")
        return self.office.desk(portal, source)

    def add_portal(
        self,
        portal_id: int,
        token: str | None = None,
        scopes: Iterable[str] = ALL_SCOPES,
        tier: str = "demo",
        *,
        name: str = "",
        time_zone: str = "US/Eastern",
    ) -> Portal:
        """Add or change a portal, and give it a static token if one is named. Raises ValueError for a wrong tier."""
        if tier not in TIERS:
            raise ValueError(f"tier is one of {', '.join(TIERS)}, not {tier!r}")
        portal = self.access.add_portal(portal_id, name=name, tier=tier, time_zone=time_zone)
        if token is not None:
            self.access.add_token(token, portal_id, scopes)
        return portal

    def contacts(self, portal_id: int = DEFAULT_PORTAL) -> list[dict[str, Any]]:
        """Return all contacts of a portal, archived ones included."""
        return list(view.everything(self.desk(portal_id), CONTACTS))

    def notes(self, portal_id: int = DEFAULT_PORTAL) -> list[dict[str, Any]]:
        """Return all notes of a portal, archived ones included, with the ids of their contacts."""
        return list(view.everything(self.desk(portal_id), NOTES))

    def figures(self, portal_id: int = DEFAULT_PORTAL) -> dict[str, Any]:
        """Return ``{"records", "notes", "api_calls", "calls": {"METHOD template": n}}``."""
        return view.figures(self.desk(portal_id), self.calls)

    def add_contact(self, properties: Mapping[str, str], portal_id: int = DEFAULT_PORTAL) -> str:
        """Let a person create a contact; return its id. Raises HubSpotError as the API would."""
        desk = self.desk(portal_id)
        with self.store.writing():
            return str(create(desk, CONTACTS, dict(properties)).id)

    def edit_contact(self, contact_id: str, properties: Mapping[str, str], portal_id: int = DEFAULT_PORTAL) -> None:
        """Let a person edit a contact. Raises HubSpotError as the API would."""
        desk = self.desk(portal_id)
        with self.store.writing():
            change(desk, self._contact(desk, contact_id), dict(properties))

    def delete_contact(self, contact_id: str, portal_id: int = DEFAULT_PORTAL) -> None:
        """Let a person delete a contact (it stays in the recycle bin)."""
        desk = self.desk(portal_id)
        with self.store.writing():
            archive(desk, self._contact(desk, contact_id))

    def restore_contact(self, contact_id: str, portal_id: int = DEFAULT_PORTAL) -> None:
        """Let a person take a contact out of the recycle bin. Raises HubSpotError when its address is taken."""
        desk = self.desk(portal_id)
        with self.store.writing():
            record = desk.records(CONTACTS).archived(contact_id)
            if record is None:
                raise errors.object_not_found()
            restore(desk, record)

    def erase_contact(self, contact_id: str, portal_id: int = DEFAULT_PORTAL) -> None:
        """Let a person delete a contact for good."""
        with self.store.writing():
            erase(self.desk(portal_id), contact_id, None)

    def merge_contacts(self, primary_id: str, other_id: str, portal_id: int = DEFAULT_PORTAL) -> str:
        """Let a person merge two contacts; return the survivor's id."""
        with self.store.writing():
            return str(merge(self.desk(portal_id), primary_id, other_id).id)

    def reset(self, portal_id: int | None = None) -> None:
        """Empty one portal or all of them: records, own properties, limits; tokens stay."""
        with self.store.writing() as db:
            for portal in self.access.portals():
                if portal_id in (None, portal.portal_id):
                    own = "SELECT id FROM record WHERE portal_id = ?"
                    key = (portal.portal_id,)
                    db.execute(f"DELETE FROM association WHERE from_id IN ({own})", key)
                    db.execute(f"DELETE FROM merged WHERE record_id IN ({own})", key)
                    for table in ("record", "unique_value", "blocked_address", "listener"):
                        db.execute(f"DELETE FROM {table} WHERE portal_id = ?", key)
                    self.book.forget(portal.portal_id)
        self.limits.reset()
        self.sender.forget()

    def start_afresh(self, portal_id: str | None = None) -> None:
        """Reset, and forget faults, calls and switches as well; the first token opens its portal again."""
        self.reset(None if portal_id is None else int(portal_id))
        self.access.restore()
        self.faults.clear(self.name)
        self.calls.clear(self.name)
        self.dialect.reset()

    @staticmethod
    def _contact(desk: Desk, contact_id: str) -> Record:
        record = find(desk, CONTACTS, contact_id, None)
        if record is None:
            raise errors.object_not_found()
        return record
