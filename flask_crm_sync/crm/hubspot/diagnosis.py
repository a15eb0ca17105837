"""What commonly goes wrong with a portal, looked at one by one; what cannot be seen is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...errors import CRMError, PermissionMissing
from ..base import Finding
from .client import HubSpotClient, Row
from .fields import FIELDS

_SCOPE_ADVICE = "Give the key or the app this scope in HubSpot, then connect again."


def diagnose(client: HubSpotClient, key_property: str) -> list[Finding]:
    """Return what there is to say of a portal; raise CRMError where not even its name can be asked for."""
    details = client.call("GET", client.paths.account)
    kind = str(details.get("accountType") or "").replace("_", " ").lower()
    findings = [
        Finding("good", "Portal", f"HubSpot answers as portal {details.get('portalId')} ({kind or 'unknown'}).")
    ]
    findings += _looked("Contacts", lambda: _readable(client, client.paths.contacts, "Contacts can be read."))
    findings += _looked("Notes", lambda: _readable(client, client.paths.notes, "Notes can be read."))
    findings += _looked("Properties", lambda: _properties(client, key_property))
    return findings


def _looked(about: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """Return what a look found; a look that is not allowed, or does not succeed, is a finding too."""
    try:
        return look()
    except PermissionMissing as missing:
        wanted = ", ".join(missing.permissions) or "a scope"
        return [Finding("problem", about, f"The key or app lacks {wanted} in HubSpot.", _SCOPE_ADVICE)]
    except CRMError as error:
        return [Finding("warning", about, f"This could not be looked at: {error}", error.advice)]


def _readable(client: HubSpotClient, path: str, says: str) -> list[Finding]:
    client.call("GET", path, params={"limit": "1"})
    return [Finding("good", "Permissions", says)]


def _properties(client: HubSpotClient, key_property: str) -> list[Finding]:
    try:
        answer = client.call("GET", client.paths.properties)
    except PermissionMissing:
        says = "The contact properties cannot be seen, so clients are recognised by e-mail only."
        return [Finding("warning", "Properties", says, f"Scope crm.schemas.contacts.read: {_SCOPE_ADVICE}")]
    rows = answer.get("results")
    known = {str(row.get("name")): row for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}
    return [_key(known.get(key_property), key_property), *_fields(known)]


def _key(definition: Row | None, name: str) -> Finding:
    if definition is None:
        says = f"The property {name} is not there, so clients are recognised by e-mail only."
        advice = "Give the key the scope crm.schemas.contacts.write, then test the connection: it is made by itself."
        return Finding("warning", "Own key", says, advice)
    if definition.get("hasUniqueValue") is not True:
        says = f"The property {name} need not be unique, so it is no key."
        return Finding("warning", "Own key", says, "Remove it, or name another in CRM_SYNC_HUBSPOT_KEY_PROPERTY.")
    return Finding("good", "Own key", f"Clients are recognised by the unique property {name}.")


def _fields(known: Mapping[str, Row]) -> list[Finding]:
    """Say which of the fields that we write are missing, or may not be written."""
    missing = [spec.name for spec in FIELDS if spec.name not in known]
    shut = [spec.name for spec in FIELDS if _is_read_only(known.get(spec.name, {}))]
    findings = []
    if missing:
        says = f"HubSpot has no contact property {', '.join(missing)}."
        findings.append(Finding("problem", "Fields", says, "Restore it in HubSpot's property settings."))
    if shut:
        says = f"Values of {', '.join(shut)} may not be written."
        findings.append(Finding("warning", "Fields", says, "Look at the property's access in HubSpot's settings."))
    return findings or [Finding("good", "Fields", f"All {len(FIELDS)} fields are there and can be written.")]


def _is_read_only(definition: Row) -> bool:
    meta = definition.get("modificationMetadata")
    return isinstance(meta, dict) and meta.get("readOnlyValue") is True
