"""The Salesforce sandbox as a whole: its parts, its words for faults, and a person's hands in the CRM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Request, Response

from ..calls import CallLog
from ..clock import Clock
from ..faults import FaultBook
from . import ids, view
from .access import ALL_SCOPES, Access
from .api import inspection_blueprint
from .conversion import convert, merge
from .desk import Desk
from .dialect import Dialect
from .errors import SalesforceError, not_found
from .gate import Office, bearer, refused
from .grants import Grants
from .limits import Limits
from .oauth import oauth_blueprint
from .orgs import DEFAULT_ORG, Org, Orgs
from .pages import pages_blueprint
from .queries import Cursors
from .records import Record
from .refusals import POLICIES, refusal
from .routes import api_blueprint
from .store import Store
from .writes import change, create, delete, undelete

PREFIXES = ("/services/data", "/services/oauth2/", "/id/")


class Salesforce:
    """One Salesforce server with several orgs; also the way in for tests that look at the store directly."""

    name = "salesforce"
    label = "Salesforce"
    policies: tuple[str, ...] = POLICIES

    def __init__(self, path: Path | None, clock: Clock, calls: CallLog, faults: FaultBook) -> None:
        self.calls, self.faults, self.clock = calls, faults, clock
        self.store, self.dialect = Store(path), Dialect()
        self.orgs = Orgs(self.store)
        self.access = Access(self.store, clock, self.dialect)
        self.limits = Limits(clock, self.dialect)
        self.grants = Grants(self.store, clock, self.dialect, self.orgs, self.access)
        self.office = Office(self.store, clock, self.dialect, self.orgs, self.access, self.limits, Cursors())

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
        """Say whether a path belongs to Salesforce's interface."""
        return path.startswith(PREFIXES)

    def identify(self, request: Request) -> str | None:
        """Say which org a call is for, by its token alone."""
        token = self.access.token(bearer(request))
        return token.org_id if token else None

    def refusal(self, kind: str, params: Mapping[str, Any], request: Request) -> Response:
        """Answer the way Salesforce does for a fault of this kind."""
        org = self.orgs.get(self.identify(request) or "")
        return refusal(kind, params, request, self.limits.info(org) if org else {})

    def http_error(self, status: int, message: str) -> Response:
        """Answer a call that no route takes."""
        if status == 405:
            return refused(SalesforceError(405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed."))
        return refused(not_found() if status == 404 else SalesforceError(status, "UNKNOWN_EXCEPTION", message))

    def spoil_token(self, kind: str, request: Request) -> None:
        """Revoke or expire the token that a call carries."""
        spoil = self.access.revoke if kind == "revoke_token" else self.access.expire
        spoil(bearer(request))

    def overview(self) -> Mapping[str, int]:
        """Return a few numbers over all orgs."""
        desks = [self.desk(org.org_id) for org in self.orgs.all()]
        with self.store.reading():
            return {"orgs": len(desks)} | {
                label: sum(desk.records(kind).count() for desk in desks)
                for label, kind in (("leads", "Lead"), ("contacts", "Contact"), ("tasks", "Task"))
            }

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    # An org and the person sitting in front of it.

    def desk(self, org_id: str = DEFAULT_ORG) -> Desk:
        """Return a person's desk at an org. Raises LookupError for one that does not exist."""
        org = self.orgs.get(org_id)
        if org is None:
            raise LookupError(f"no such org: {org_id}")
        desk = self.office.desk(org, org.person_id)
        desk.saves_duplicates = True
        return desk

    def add_portal(
        self,
        org_id: str = DEFAULT_ORG,
        token: str | None = None,
        *,
        name: str = "",
        instance: str = "",
        scopes: Iterable[str] = ALL_SCOPES,
        app: tuple[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Org:
        """Add or change an org; open a session of a given text, register an app there. Raises ValueError."""
        if len(org_id) < 15:
            raise ValueError("the id of an org has fifteen or eighteen characters")
        org = self.orgs.add(org_id, name=name, instance=instance, settings=settings)
        if token is not None:
            self.access.add_session(org, scopes, "", token=token)
        if app is not None:
            self.access.add_app(*app, org.org_id)
        return org

    def contacts(self, org_id: str = DEFAULT_ORG) -> list[dict[str, Any]]:
        """Return all leads and contacts of an org, deleted and converted ones included."""
        return list(view.everything(self.desk(org_id), *view.PEOPLE))

    def notes(self, org_id: str = DEFAULT_ORG) -> list[dict[str, Any]]:
        """Return all tasks of an org, deleted ones included."""
        return list(view.everything(self.desk(org_id), "Task"))

    def figures(self, org_id: str = DEFAULT_ORG) -> dict[str, Any]:
        """Return ``{"records", "notes", "api_calls", "calls": {"METHOD template": n}}``."""
        return view.figures(self.desk(org_id), self.calls)

    def add_contact(self, properties: Mapping[str, Any], org_id: str = DEFAULT_ORG, kind: str = "Lead") -> str:
        """Let a person create a lead or contact; return its id. Raises SalesforceError as the API would."""
        if kind not in view.PEOPLE:
            raise ValueError(f"type is Lead or Contact, not {kind!r}")
        desk = self.desk(org_id)
        with self.store.writing():
            return create(desk, kind, properties).id

    def edit_contact(self, record_id: str, properties: Mapping[str, Any], org_id: str = DEFAULT_ORG) -> None:
        """Let a person edit a lead or contact. Raises SalesforceError as the API would."""
        desk = self.desk(org_id)
        with self.store.writing():
            change(desk, self.record(desk, record_id), properties)

    def delete_contact(self, record_id: str, org_id: str = DEFAULT_ORG) -> None:
        """Let a person delete a lead or contact, and its tasks with it."""
        desk = self.desk(org_id)
        with self.store.writing():
            delete(desk, self.record(desk, record_id))

    def restore_contact(self, record_id: str, org_id: str = DEFAULT_ORG) -> None:
        """Let a person take a lead or contact out of the recycle bin, and its tasks with it."""
        desk = self.desk(org_id)
        with self.store.writing():
            undelete(desk, self.record(desk, record_id))

    def merge_contacts(self, primary_id: str, other_id: str, org_id: str = DEFAULT_ORG) -> str:
        """Let a person merge two records of one type; return the survivor's id, the first one's."""
        desk = self.desk(org_id)
        with self.store.writing():
            return merge(desk, self.record(desk, primary_id), self.record(desk, other_id)).id

    def convert_lead(self, lead_id: str, org_id: str = DEFAULT_ORG) -> str:
        """Let a person convert a lead; return the contact's id."""
        desk = self.desk(org_id)
        with self.store.writing():
            lead = self.record(desk, lead_id)
            if lead.kind != "Lead":
                raise ValueError("only leads are converted")
            return convert(desk, lead).id

    def expire_sessions(self, org_id: str = DEFAULT_ORG) -> int:
        """Let all sessions of an org end now; say how many there were."""
        return self.access.expire_sessions(self.desk(org_id).org.org_id)

    def use_up(self, used: int, org_id: str = DEFAULT_ORG) -> None:
        """Let an org have made so many API calls today."""
        self.limits.use_up(self.desk(org_id).org, used)

    def reset(self, org_id: str | None = None) -> None:
        """Empty one org or all of them: records, settings, counts of calls; apps and tokens stay."""
        chosen = [org for org in self.orgs.all() if org_id is None or org.org_id == ids.org_id(org_id)]
        with self.store.writing() as db:
            for org in chosen:
                db.execute("DELETE FROM record WHERE org_id = ?", (org.org_id,))
                db.execute("DELETE FROM lookup WHERE org_id = ?", (org.org_id,))
                self.orgs.forget_settings(org)
        self.limits.reset()

    def start_afresh(self, portal_id: str | None = None) -> None:
        """Reset, and forget faults, calls and switches as well."""
        self.reset(portal_id)
        self.faults.clear(self.name)
        self.calls.clear(self.name)
        self.dialect.reset()

    @staticmethod
    def record(desk: Desk, record_id: str) -> Record:
        """Return a lead or contact. Raises SalesforceError (404)."""
        found = ids.normal(record_id)
        kind = ids.kind_of(found) if found else None
        record = desk.records(kind).get(found) if kind in view.PEOPLE else None
        if record is None:
            raise not_found()
        return record
