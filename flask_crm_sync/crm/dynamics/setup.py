"""The test call: which environment and user, and whether contacts and notes can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ...errors import CRMError, PermissionMissing, RejectedByCRM, ServerFault
from ..base import Identity
from .accounts import OFF
from .addresses import environment_of_url, is_guid
from .client import DynamicsClient, Outcome, Row, get

PROBES = {"contacts": "contactid", "annotations": "annotationid", "accounts": "accountid"}
"""Tables whose first row is asked for, and the column. WhoAmI needs no privilege on any of them."""


def identify(client: DynamicsClient, company: str) -> Identity:
    """Ask Dynamics who we are and probe the tables that the sync needs; raise CRMError where that fails."""
    who = client.call(get("WhoAmI"))
    organization = who.get("OrganizationId")
    if not isinstance(organization, str) or not is_guid(organization):
        raise ServerFault("Dynamics did not say which environment this is.")
    user = user_of(who)
    missing, name = probe(client, company, user)
    for table in ("contacts", "annotations"):
        if table in missing:
            raise missing[table]
    host = environment_of(client, who)
    traits = {"organization_id": organization.lower(), "user_id": user, "environment": host}
    return Identity(organization.lower(), host, traits, tuple(_no_accounts(missing)), name)


def probe(client: DynamicsClient, company: str, user: str) -> tuple[dict[str, CRMError], str]:
    """Return by table why it cannot be read, and the user's name, "" where that may not be read.

    Accounts are asked for only where companies are sent.
    """
    tables = [table for table in PROBES if table != "accounts" or company != OFF]
    people = [get(f"systemusers({user})", select="fullname")] if user else []
    outcomes = client.batch([*(get(table, select=PROBES[table], top="1") for table in tables), *people])
    probed = dict(zip(tables, outcomes, strict=False))
    missing = {table: outcome for table, outcome in probed.items() if isinstance(outcome, CRMError)}
    return missing, _name(outcomes[-1]) if people else ""


def environment_of(client: DynamicsClient, who: Row) -> str:
    """Return the environment's host: the one that the answer names, if it is one of Microsoft's, else that called."""
    return environment_of_url(str(who.get("@odata.context") or "")) or urlsplit(client.http.origin).netloc


def user_of(who: Row) -> str:
    """Return the GUID of the user that the token stands for, "" where it is not told."""
    user = who.get("UserId")
    return user.lower() if isinstance(user, str) and is_guid(user) else ""


def record_url(traits: Mapping[str, Any], contact: str) -> str:
    """Return the address of a contact's page, "" before the first test call."""
    host = traits.get("environment")
    return f"https://{host}/main.aspx?pagetype=entityrecord&etn=contact&id={contact}" if host else ""


def _name(told: Outcome) -> str:
    name = "" if isinstance(told, CRMError) else told.get("fullname")
    return name if isinstance(name, str) else ""


def _no_accounts(missing: Mapping[str, CRMError]) -> list[str]:
    error = missing.get("accounts")
    if isinstance(error, PermissionMissing | RejectedByCRM):
        return [
            "Accounts cannot be read, so companies are not sent. Give the security role read access to accounts, "
            "or set CRM_SYNC_DYNAMICS_COMPANY to off."
        ]
    return []
