"""The Dynamics sandbox as a whole: its parts, its words for faults, and a person's hands in the CRM."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Request, Response

from ..calls import CallLog
from ..clock import Clock
from ..faults import FaultBook
from . import person, view
from .access import DEFAULT_CLIENT_ID, DEFAULT_TOKEN, Access
from .api import inspection_blueprint
from .desk import Desk
from .dialect import Dialect
from .entra import Entra
from .environments import DEFAULT_ENVIRONMENT, DEFAULT_TENANT, Environment, Environments
from .errors import DataverseError
from .exchange import refused
from .gate import Office, answered, bearer, dataverse_blueprint
from .limits import POLICIES, TIERS, Limits
from .pages import pages_blueprint
from .refusals import dataverse_refusal, signin_refusal
from .rows import Rows
from .signin import answered as signed_in
from .signin import signin_blueprint
from .store import Store
from .tables import ANNOTATION, CONTACT, ORGANIZATION, SYSTEM_USER, TABLES
from .webhooks import Sender
from .writes import delete, merge, restore

SIGN_IN = re.compile(r"/[^/_][^/]*/(oauth2/v2\.0/|v2\.0/\.well-known/)")
BASE = f"https://{DEFAULT_ENVIRONMENT}.crm.dynamics.com/api/data/v9.2"


class Dynamics:
    """One server with several environments, and the sign-in service of their tenants."""

    name = "dynamics"
    label = "Dynamics 365"
    policies: tuple[str, ...] = POLICIES

    def __init__(self, path: Path | None, clock: Clock, calls: CallLog, faults: FaultBook) -> None:
        store, self.dialect = Store(path), Dialect()
        self.calls, self.faults, self.clock, self.store = calls, faults, clock, store
        self.environments = Environments(store)
        self.access = Access(store, clock)
        self.limits = Limits(clock)
        self.sender = Sender(store, clock, faults)
        self.entra = Entra(store, clock, self.dialect, self.access, self.environments)
        self.office = Office(store, clock, self.dialect, self.environments, self.access, self.limits)
        self.add_environment(DEFAULT_ENVIRONMENT, token=DEFAULT_TOKEN)

    # What the shared parts ask for (see ``SandboxCRM``).

    def blueprints(self) -> Iterable[Blueprint]:
        """Return the vendor's routes and our own."""
        return (
            dataverse_blueprint(self.office),
            signin_blueprint(self.entra, self.clock, self.dialect),
            inspection_blueprint(self),
            pages_blueprint(self),
        )

    def owns(self, path: str) -> bool:
        """Say whether a path belongs to Dataverse or to the sign-in service."""
        return path.startswith("/api/data/") or SIGN_IN.match(path) is not None

    def identify(self, request: Request) -> str | None:
        """Say which environment a call is for, by its token alone."""
        token = self.access.token(bearer(request))
        return token.environment if token else None

    def refusal(self, kind: str, params: Mapping[str, Any], request: Request) -> Response:
        """Answer the way Dataverse, or the sign-in service, does for a fault of this kind."""
        if SIGN_IN.match(request.path):
            status, error = signin_refusal(kind, params)
            return signed_in(status, error.body(self.clock.now()))
        return answered(refused(dataverse_refusal(kind, params, self.limits, self._user(request))))

    def http_error(self, status: int, message: str) -> Response:
        """Answer a call that no route takes."""
        return answered(refused(DataverseError(status, "0x80060888", message)))

    def spoil_token(self, kind: str, request: Request) -> None:
        """Revoke or expire the token that a call carries, in its header or its form."""
        spoil = self.access.revoke if kind == "revoke_token" else self.access.expire
        spoil(bearer(request) or request.form.get("refresh_token", ""))

    def overview(self) -> Mapping[str, int]:
        """Return a few numbers over all environments."""
        desks = [self.desk(each.name) for each in self.environments.all()]
        return {
            "environments": len(desks),
            "contacts": sum(desk.rows.count(CONTACT) for desk in desks),
            "notes": sum(desk.rows.count(ANNOTATION) for desk in desks),
        }

    def close(self) -> None:
        """Stop delivering and close the store."""
        self.sender.close()
        self.store.close()

    # An environment and the person sitting in front of it.

    def desk(self, environment: str = DEFAULT_ENVIRONMENT) -> Desk:
        """Return a person's desk in an environment. Raises LookupError for one that does not exist."""
        found = self.environments.get(environment)
        if found is None:
            raise LookupError(f"no such environment: {environment}")
        return self.office.desk(found, found.person_id, BASE)

    def add_environment(
        self,
        name: str,
        *,
        tenant: str = DEFAULT_TENANT,
        tier: str = "demo",
        has_application_user: bool = True,
        token: str | None = None,
    ) -> Environment:
        """Add or change an environment; a token named here opens it as the application user.

        Raises ValueError for a wrong name or tier.
        """
        if tier not in TIERS:
            raise ValueError(f"tier is one of {', '.join(TIERS)}, not {tier!r}")
        added = self.environments.add(name, tenant=tenant, tier=tier, has_application_user=has_application_user)
        self._furnish(added)
        if token is not None:
            self.access.add_access(added, DEFAULT_CLIENT_ID, f"{added.url}/.default", is_app=True, text=token)
        return added

    def contacts(self, environment: str = DEFAULT_ENVIRONMENT) -> list[dict[str, Any]]:
        """Return all contacts of an environment, inactive and merged ones included."""
        return list(view.everything(self.desk(environment), CONTACT))

    def notes(self, environment: str = DEFAULT_ENVIRONMENT) -> list[dict[str, Any]]:
        """Return all notes of an environment, with the ids of their contacts."""
        return list(view.everything(self.desk(environment), ANNOTATION))

    def figures(self, environment: str = DEFAULT_ENVIRONMENT) -> dict[str, Any]:
        """Return ``{"records", "notes", "api_calls", "calls": {"METHOD template": n}}``."""
        return view.figures(self.desk(environment), self.calls)

    def add_contact(self, properties: Mapping[str, Any], environment: str = DEFAULT_ENVIRONMENT) -> str:
        """Let a person create a contact; return its id. Raises DataverseError as the API would."""
        return person.add_contact(self.desk(environment), properties)

    def edit_contact(
        self, contact_id: str, properties: Mapping[str, Any], environment: str = DEFAULT_ENVIRONMENT
    ) -> None:
        """Let a person edit a contact, or deactivate it. Raises DataverseError as the API would."""
        person.edit_contact(self.desk(environment), contact_id, properties)

    def delete_contact(self, contact_id: str, environment: str = DEFAULT_ENVIRONMENT) -> None:
        """Let a person delete a contact and its notes."""
        desk = self.desk(environment)
        delete(desk, person.contact(desk, contact_id))

    def restore_contact(self, contact_id: str, environment: str = DEFAULT_ENVIRONMENT) -> None:
        """Let a person bring a deleted contact back, and its notes, as where an environment keeps deleted records."""
        restore(self.desk(environment), contact_id)

    def merge_contacts(self, primary_id: str, other_id: str, environment: str = DEFAULT_ENVIRONMENT) -> str:
        """Let a person merge two contacts; return the id of the one that leads."""
        desk = self.desk(environment)
        return merge(desk, person.contact(desk, primary_id), person.contact(desk, other_id)).id

    def add_account(self, name: str, environment: str = DEFAULT_ENVIRONMENT) -> str:
        """Let a person create an account; return its id."""
        return person.add_account(self.desk(environment), name)

    def reset(self, environment: str | None = None) -> None:
        """Empty one environment or all of them, webhooks included; users, apps and tokens stay."""
        names = [table.name for table in TABLES if not table.read_only]
        with self.store.writing() as db:
            for each in self.environments.all():
                if environment in (None, each.name):
                    Rows(self.store, self.clock, each.name).clear(names)
                    db.execute("DELETE FROM alternate_key WHERE environment = ?", (each.name,))
                    db.execute("DELETE FROM hook WHERE environment = ?", (each.name,))
        self.limits.reset()
        self.sender.forget()

    def start_afresh(self, portal_id: str | None = None) -> None:
        """Reset, and forget faults, calls and switches as well; the first token opens its environment again."""
        self.reset(portal_id)
        self.add_environment(DEFAULT_ENVIRONMENT, token=DEFAULT_TOKEN)
        self.faults.clear(self.name)
        self.calls.clear(self.name)
        self.dialect.reset()

    def _user(self, request: Request) -> str:
        """Return environment and user of a call, as limits know them."""
        token = self.access.token(bearer(request))
        environment = self.environments.get(token.environment) if token else None
        if token is None or environment is None:
            return "nobody"
        return f"{environment.name} {environment.application_user_id if token.is_app else environment.person_id}"

    def _furnish(self, environment: Environment) -> None:
        """Give an environment its users and its own row, once."""
        rows = Rows(self.store, self.clock, environment.name)
        people: dict[str, dict[str, str]] = {
            environment.person_id: {"fullname": "Sandbox Admin", "internalemailaddress": "admin@example.com"},
            environment.application_user_id: {"fullname": "# Sandbox app", "applicationid": DEFAULT_CLIENT_ID},
        }
        with self.store.writing():
            for user_id, values in people.items():
                if rows.get(SYSTEM_USER, user_id) is None:
                    rows.insert(SYSTEM_USER, user_id, {**values, "isdisabled": False}, user_id)
            if rows.get(ORGANIZATION, environment.organization_id) is None:
                about = {"name": environment.name, "expirechangetrackingindays": self.dialect.delta_token_days}
                rows.insert(ORGANIZATION, environment.organization_id, about, environment.person_id)
