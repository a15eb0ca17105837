"""A client in HubSpot's words. Pure: the same record gives the same values, as HubSpot would return them."""

from __future__ import annotations

import re

from ...host.records import ClientRecord
from ..base import FieldSpec, Values
from ..texts import one_line, translated

TEXT_LIMIT = 65_536
"""Characters in a text property: HubSpot's knowledge base, "Property field types", single-line and multi-line text."""

FIELDS = (
    FieldSpec("first_name", "firstname", "First name", TEXT_LIMIT),
    FieldSpec("last_name", "lastname", "Last name", TEXT_LIMIT),
    FieldSpec("email", "email", "E-mail", TEXT_LIMIT),
    FieldSpec("phone", "phone", "Phone", TEXT_LIMIT),
    FieldSpec("company", "company", "Company", TEXT_LIMIT),
    FieldSpec("street", "address", "Street address", TEXT_LIMIT),
    FieldSpec("city", "city", "City", TEXT_LIMIT),
    FieldSpec("state", "state", "State or region", TEXT_LIMIT),
    FieldSpec("zip", "zip", "Postal code", TEXT_LIMIT),
    FieldSpec("country", "country", "Country", TEXT_LIMIT),
)
NAMES = tuple(spec.name for spec in FIELDS)
SOURCES = {spec.name: spec.source for spec in FIELDS}

_ATOM = r"[^\s@<>(),;:\"\\\[\].]+"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_ATOM}\.)+(?!\d){_ATOM[:-1]}{{2,}}")


def translate(client: ClientRecord) -> Values:
    """Return every property that we own, blanks as ""; raise InvalidRecord naming all fields that cannot be sent."""
    return translated(client, FIELDS, crm="HubSpot", email=_EMAIL, form=one_line)
