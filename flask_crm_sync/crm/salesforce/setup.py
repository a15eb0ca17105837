"""The test call: which org this is, and what its user may see and write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import CRMError, PermissionMissing, RecordMissing, TransientCRMError
from ..answers import objects
from ..base import Identity
from .answers import Row, of_response
from .client import SalesforceClient
from .ids import CONTACT, LEAD, TASK, id18
from .shapes import Shape, fields_of, key_faults, labels

KINDS = (LEAD, CONTACT, TASK)
_IDENTITY = re.compile(r"/id/(00D(?:[0-9A-Za-z]{12}|[0-9A-Za-z]{15}))/")
_RECOGNISED = {
    LEAD: "New leads are recognised by e-mail instead.",
    CONTACT: "Contacts are recognised by their link or e-mail.",
    TASK: "Notes carry their reference in the text instead.",
}


def identify(client: SalesforceClient, key_field: str, identity: str) -> Identity:
    """Ask for the limits (which proves access to the API), the org, and what the user may do; raise CRMError.

    `identity` is the address that came with the token, "" where it is not known: it names the org.
    """
    client.call("GET", "/limits")
    about = about_user(client)
    org_id, user = organization(client, identity, about), about.get("preferred_username")
    describes = {kind: described(client, kind) for kind in KINDS}
    shapes = {kind: Shape.of(kind, describe, key_field) for kind, describe in describes.items()}
    lead = shapes[LEAD]
    if not lead.can_be_seen or "createable" in lead.denied:
        right = "Create on Lead" if lead.can_be_seen else "Read on Lead"
        raise PermissionMissing(f'The Salesforce user lacks "{right}".', permissions=(right,))
    return Identity(
        remote_account_id=org_id,
        label=f"Org {org_id}",
        traits={"objects": {kind: shape.to_traits() for kind, shape in shapes.items()}},
        findings=tuple(
            sentence for kind in KINDS for sentence in limits_of(kind, shapes[kind], describes[kind], key_field)
        ),
        user=user if isinstance(user, str) else "",
    )


def described(client: SalesforceClient, kind: str) -> Row | None:
    """Return the describe of a kind of record, None where the user may not see it; raise other CRMErrors."""
    try:
        body = client.call("GET", f"/sobjects/{kind}/describe")
    except (RecordMissing, PermissionMissing):
        return None
    return body if isinstance(body, dict) else {}


def organization(client: SalesforceClient, identity: str, about: Row) -> str:
    """Return the id of the org: from the token's identity, else from what is told about its user, or by a query.

    The sign-in service tells of a user only to tokens with a scope of their own. An org that tells nothing is known by
    its host.
    """
    named = _IDENTITY.search(identity)
    if named:
        return id18(named[1])
    told = about.get("organization_id")
    if not id18(told):
        rows = objects(_told(client, f"{client.base}/query", q="SELECT Id FROM Organization LIMIT 1").get("records"))
        told = rows[0].get("Id") if rows else ""
    return id18(told) or client.http.host


def about_user(client: SalesforceClient) -> Row:
    """Return what is told of the user that the token stands for, {} where its scopes do not let it ask."""
    return _told(client, "/services/oauth2/userinfo")


def _told(client: SalesforceClient, path: str, **params: str) -> Row:
    """Return what a call tells, {} where it is refused: the token is good, but may not ask everything."""
    answer = client.answer("GET", path, params=params)
    error = of_response(answer, client.http.clean, writes=False)
    if isinstance(error, TransientCRMError):
        raise error
    return answer.body if error is None and isinstance(answer.body, dict) else {}


def limits_of(kind: str, shape: Shape, describe: Row | None, key_field: str) -> Iterator[str]:
    """Yield a sentence for each thing about a kind of record that limits the sync."""
    if describe is None:
        yield f"The user may not see {kind} records: {_WITHOUT[kind]}"
        return
    for right in sorted(shape.denied):
        yield f"The user's rights make {kind} records not {right}."
    if shape.hidden:
        yield f"The user may not see these fields of {kind}: {labels(shape.hidden)}."
    fixed = (shape.not_settable | shape.not_changeable) - shape.hidden
    if fixed:
        yield f"The user may not write these fields of {kind}: {labels(fixed)}."
    faults = key_faults(fields_of(describe).get(key_field))
    if faults:
        yield f"The field {key_field} of {kind} {', '.join(faults)}. {_RECOGNISED[kind]}"


_WITHOUT: Mapping[str, str] = {
    LEAD: "nothing can be sent.",
    CONTACT: "clients who are contacts already are not recognised.",
    TASK: "no notes can be added.",
}


def revoke(client: SalesforceClient, credentials: Mapping[str, str]) -> None:
    """Withdraw the grant, and with the refresh token all its access tokens; one that is over already is done.

    Raises CRMError where it does not go through.
    """
    token = credentials.get("refresh_token") or credentials.get("access_token")
    if not token:
        return
    answer = client.form("/services/oauth2/revoke", {"token": token})
    told: Any = answer.body.get("error") if isinstance(answer.body, dict) else None
    if answer.status == 400 and told in ("invalid_token", "unsupported_token_type"):
        return
    error: CRMError | None = of_response(answer, client.http.clean, writes=True)
    if error is not None:
        raise error
