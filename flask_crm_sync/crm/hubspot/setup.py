"""The test call: who we are, what the key may do, and our own unique property on contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import (
    CRMError,
    Duplicate,
    PermissionMissing,
    ReconnectRequired,
    RecordMissing,
    RejectedByCRM,
    ServerFault,
)
from ..base import Identity
from .client import HubSpotClient, Row

SCOPES = ("oauth", "crm.objects.contacts.read", "crm.objects.contacts.write")
OPTIONAL_SCOPES = ("crm.schemas.contacts.read", "crm.schemas.contacts.write")
"""To make our unique property; without them clients are recognised by e-mail."""

_GROUP = {"name": "crm_sync", "label": "Helpdesk sync", "displayOrder": -1}
_BY_EMAIL = "Contacts are recognised by e-mail instead."
_READABLE_TRIES = 6


class _Key(NamedTuple):
    property: str | None
    findings: tuple[str, ...] = ()


def identify(client: HubSpotClient, property_name: str) -> Identity:
    """Ask HubSpot for the portal, check that contacts can be read, and see to our property; raise CRMError."""
    details = client.call("GET", client.paths.account)
    portal = details.get("portalId")
    if not isinstance(portal, (int, str)) or portal == "":
        raise ServerFault("HubSpot did not say which portal the key belongs to.")
    # A key that may read the account may still lack the contacts.
    client.call("GET", client.paths.contacts, params={"limit": "1"})
    key = _key_property(client, property_name)
    return Identity(
        remote_account_id=str(portal),
        label=f"Portal {portal}",
        traits={**_traits(details), "portal_id": str(portal), "key_property": key.property},
        findings=key.findings,
    )


def key_trouble(client: HubSpotClient, name: str) -> CRMError | None:
    """Return the error that a removed or replaced key property means; None where it is fine, or cannot be looked at."""
    try:
        definition = _existing(client, name)
    except CRMError:
        return None
    if definition is not None and _judged(definition, name).property:
        return None
    return ReconnectRequired(
        f"HubSpot's contact property {name}, by which the sync recognises its clients, was removed or replaced. "
        "Test the connection to set it up again."
    )


def record_url(traits: Mapping[str, Any], record_id: str) -> str:
    """Return the address of a contact's page, "" before the first test call."""
    domain, portal = traits.get("ui_domain"), traits.get("portal_id")
    return f"https://{domain}/contacts/{portal}/record/0-1/{record_id}" if domain and portal else ""


def _traits(details: Row) -> dict[str, str]:
    domain, zone = details.get("uiDomain"), details.get("timeZone")
    return {
        "ui_domain": domain if isinstance(domain, str) and domain else "app.hubspot.com",
        "time_zone": zone if isinstance(zone, str) else "",
    }


def _key_property(client: HubSpotClient, name: str) -> _Key:
    try:
        return _judged(_existing(client, name) or _made(client, name), name)
    except PermissionMissing:
        reason = "The key may not set up contact properties (scopes crm.schemas.contacts.read and .write)."
    except RejectedByCRM as refused:
        # A portal takes ten unique properties on contacts, for one.
        reason = f"HubSpot did not take our contact property {name}: {refused.crm_message or refused}"
    return _Key(None, (f"{reason} {_BY_EMAIL}",))


def _existing(client: HubSpotClient, name: str) -> Row | None:
    try:
        return client.call("GET", f"{client.paths.properties}/{name}")
    except RecordMissing:
        return None


def _made(client: HubSpotClient, name: str) -> Row:
    """Make our property, and its group first; both may be there by now, made by somebody else."""
    definition = {
        "groupName": _GROUP["name"],
        "name": name,
        "label": "Helpdesk client key",
        "description": "Identifies the helpdesk's client. Set by the sync; please leave it as it is.",
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
        "hidden": False,
        "formField": False,
    }
    for path, body in ((f"{client.paths.properties}/groups", _GROUP), (client.paths.properties, definition)):
        try:
            client.call("POST", path, json=body, writes=True)
        except Duplicate:
            continue
    return _readable(client, name)


def _readable(client: HubSpotClient, name: str) -> Row:
    """Wait until a new property can be read: HubSpot takes up to a second."""
    for _attempt in range(_READABLE_TRIES):
        found = _existing(client, name)
        if found is not None:
            return found
        client.http.clock.sleep(0.5)
    raise ServerFault(f"HubSpot made the property {name} but does not show it yet. Test the connection again.")


def _judged(definition: Row, name: str) -> _Key:
    """Use a property as our key only if HubSpot keeps its values unique; that cannot be changed later."""
    if definition.get("hasUniqueValue") is True and definition.get("type", "string") == "string":
        return _Key(name)
    return _Key(
        None,
        (
            f"HubSpot has a contact property {name} already, but its values need not be unique. {_BY_EMAIL} "
            "Remove it there or name another in CRM_SYNC_HUBSPOT_KEY_PROPERTY, then test again.",
        ),
    )
