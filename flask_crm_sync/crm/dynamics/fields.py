"""A client in Dynamics' words. Pure: the same record gives the same values, as Dynamics would return them.

Lengths: `data/dynamics/contact_columns.json` of the Dataverse table reference; the company's is that of an account's
name. They count UTF-16 units, as Dataverse does.
"""

from __future__ import annotations

import re

from ...host.records import ClientRecord
from ..base import FieldSpec, Values
from ..texts import one_line, translated, utf16_units

COMPANY = "parentcustomerid"
"""The column behind "Company Name": a lookup, written as a bound account and read as that account's name.

The column that is called `company` is a telephone number, and is never written.
"""
EMAIL, PHONE, MOBILE = "emailaddress1", "telephone1", "mobilephone"

FIELDS = (
    FieldSpec("first_name", "firstname", "First name", 50),
    FieldSpec("last_name", "lastname", "Last name", 50),
    FieldSpec("email", EMAIL, "E-mail", 100),
    FieldSpec("phone", PHONE, "Business phone", 50),
    FieldSpec("company", COMPANY, "Company name (account)", 160),
    FieldSpec("street", "address1_line1", "Street", 250),
    FieldSpec("city", "address1_city", "City", 80),
    FieldSpec("state", "address1_stateorprovince", "State or province", 50),
    FieldSpec("zip", "address1_postalcode", "Postal code", 20),
    FieldSpec("country", "address1_country", "Country", 80),
)
NAMES = tuple(spec.name for spec in FIELDS)
SOURCES = {spec.name: spec.source for spec in FIELDS}
TEXTS = tuple(name for name in NAMES if name != COMPANY)
"""The columns that are plain texts."""

# Dynamics takes any text here, but clients are found by it: two with "none" would become one contact.
_EMAIL = re.compile(r"[^\s@<>,;]+@(?:[^\s@<>,;.]+\.)+[^\s@<>,;.]{2,}")


def translate(client: ClientRecord) -> Values:
    """Return every column that we own, blanks as ""; raise InvalidRecord naming all fields that cannot be sent."""
    return translated(client, FIELDS, crm="Dynamics", email=_EMAIL, form=one_line, length=utf16_units)
