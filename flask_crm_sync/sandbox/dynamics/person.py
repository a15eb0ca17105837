"""What somebody at the screen does to contacts and accounts. What the server refuses raises DataverseError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .desk import Desk
from .errors import does_not_exist
from .keys import with_values
from .rows import Row
from .tables import ACCOUNT, CONTACT
from .writes import change, create

COMPANY = "parentcustomerid"


def add_contact(desk: Desk, properties: Mapping[str, Any]) -> str:
    """Create a contact and return its id; ``parentcustomerid`` is the name of a company."""
    with desk.store.all_or_nothing():
        return create(desk, CONTACT, _bound(desk, properties)).id


def edit_contact(desk: Desk, contact_id: str, properties: Mapping[str, Any]) -> None:
    """Edit a contact; ``statecode`` 1 deactivates it."""
    with desk.store.all_or_nothing():
        change(desk, contact(desk, contact_id), _bound(desk, properties))


def add_account(desk: Desk, name: str) -> str:
    """Create an account and return its id."""
    return create(desk, ACCOUNT, {"name": name}).id


def contact(desk: Desk, contact_id: str) -> Row:
    """Return a contact. Raises DataverseError (404)."""
    row = desk.rows.get(CONTACT, contact_id)
    if row is None:
        raise does_not_exist(CONTACT.name, contact_id)
    return row


def _bound(desk: Desk, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties with a company's name turned into a reference, to an account made for it if need be."""
    body = dict(properties)
    if COMPANY in body:
        name = str(body.pop(COMPANY) or "")
        body["parentcustomerid_account@odata.bind"] = f"/accounts({_account(desk, name)})" if name else None
    return body


def _account(desk: Desk, name: str) -> str:
    found = with_values(desk, ACCOUNT, {"name": name})
    return found.id if found else add_account(desk, name)
