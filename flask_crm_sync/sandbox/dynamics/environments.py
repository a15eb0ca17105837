"""Environments: which there are, under which address, of which tenant, and who may come in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from .store import Store

DEFAULT_ENVIRONMENT = "sandbox"
DEFAULT_TENANT = "99999999-8888-4777-8666-555555555555"
SUFFIX = "crm.dynamics.com"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Environment:
    """One Dataverse environment, named by the first label of its address."""

    name: str
    suffix: str
    tenant: str
    tier: str
    has_application_user: bool

    @property
    def portal_id(self) -> str:
        """The name, under the word that all sandboxes use."""
        return self.name

    @property
    def url(self) -> str:
        """The address a client knows it by."""
        return f"https://{self.name}.{self.suffix}"

    @property
    def organization_id(self) -> str:
        """The id of its organization."""
        return self._id("organization")

    @property
    def business_unit_id(self) -> str:
        """The id of its root business unit."""
        return self._id("business-unit")

    @property
    def application_user_id(self) -> str:
        """The user that apps work as."""
        return self._id("application-user")

    @property
    def person_id(self) -> str:
        """The user who signs in on the consent page, and whose hands edit records."""
        return self._id("person")

    def _id(self, what: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"{self.url}/{what}"))


class Environments:
    """Look up and add environments; look-ups are answered from memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        rows = store.db.execute("SELECT * FROM environment").fetchall()
        self._known = {
            row["name"]: Environment(**{**dict(row), "has_application_user": bool(row["has_application_user"])})
            for row in rows
        }
        if DEFAULT_ENVIRONMENT not in self._known:
            self.add(DEFAULT_ENVIRONMENT)

    def all(self) -> list[Environment]:
        """Return all environments, the default one first."""
        return sorted(self._known.values(), key=lambda each: (each.name != DEFAULT_ENVIRONMENT, each.name))

    def get(self, name: str) -> Environment | None:
        """Return an environment, or None."""
        return self._known.get(name)

    def add(
        self,
        name: str,
        *,
        suffix: str = SUFFIX,
        tenant: str = DEFAULT_TENANT,
        tier: str = "demo",
        has_application_user: bool = True,
    ) -> Environment:
        """Add an environment, or change it. Raises ValueError for a name that no address could have."""
        if not NAME.fullmatch(name):
            raise ValueError(f"no environment can be called {name!r}")
        environment = Environment(name, suffix, tenant, tier, has_application_user)
        with self._store.writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO environment VALUES (?, ?, ?, ?, ?)",
                (name, suffix, tenant, tier, has_application_user),
            )
        self._known[name] = environment
        return environment

    def tenants(self) -> set[str]:
        """Return the tenants of all environments."""
        return {each.tenant for each in self._known.values()}

    def at(self, resource: str, own_origin: str) -> Environment | None:
        """Return the environment that a resource address means; the sandbox's own origin means the default one."""
        parts = urlsplit(resource)
        if resource == own_origin:
            return self._known[DEFAULT_ENVIRONMENT]
        host = (parts.hostname or "").replace(".api.crm", ".crm")
        return next((each for each in self._known.values() if urlsplit(each.url).hostname == host), None)
