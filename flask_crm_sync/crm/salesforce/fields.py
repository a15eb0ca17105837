"""A client in Salesforce's words: the lead's names, which contacts have under others. Pure.

Names and lengths: describe answers of a real org for Lead and Contact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...host.records import ClientRecord
from ..base import FieldSpec, Values
from ..texts import composed, one_line, single_spaced, translated, utf16_units
from .ids import CONTACT, LEAD

FIELDS = (
    FieldSpec("first_name", "FirstName", "First name", 40),
    FieldSpec("last_name", "LastName", "Last name", 80, required=True),
    FieldSpec("email", "Email", "E-mail", 80),
    FieldSpec("phone", "Phone", "Phone", 40),
    FieldSpec("company", "Company", "Company", 255, required=True),
    FieldSpec("street", "Street", "Street", 255),
    FieldSpec("city", "City", "City", 40),
    FieldSpec("state", "State", "State/Province", 80),
    FieldSpec("zip", "PostalCode", "Zip/Postal Code", 20),
    FieldSpec("country", "Country", "Country", 80),
)
NAMES = tuple(spec.name for spec in FIELDS)
REQUIRED = tuple(spec.name for spec in FIELDS if spec.required)

_MAILING = {name: f"Mailing{name}" for name in ("Street", "City", "State", "PostalCode", "Country")}
NAMES_OF: Mapping[str, Mapping[str, str]] = {
    LEAD: {name: name for name in NAMES},
    CONTACT: {name: _MAILING.get(name, name) for name in NAMES if name != "Company"},
}
"""Our names and Salesforce's, for each kind. The company of a contact is its account, another record."""

SOURCES = {theirs: spec.source for names in NAMES_OF.values() for spec in FIELDS if (theirs := names.get(spec.name))}
"""The host's field for each of Salesforce's names."""

_LINE_BREAKS = re.compile(r"[\r\n\u2028\u2029\x0b\x0c]+")
_EMAIL = re.compile(r"[^\s@<>(),;:\"\\\[\]]+@(?:[^\s@<>(),;:\"\\\[\].]+\.)+(?!\d)[^\s@<>(),;:\"\\\[\].]{2,}")


def translate(client: ClientRecord) -> Values:
    """Return every field that we own, blanks as ""; raise InvalidRecord naming all fields that cannot be sent.

    Some limits count UTF-8 bytes instead of UTF-16 units, three for each unit that a field has: no text of so many
    units has more.
    """
    return translated(client, FIELDS, crm="Salesforce", email=_EMAIL, form=_in_form, length=utf16_units)


def _in_form(text: str, source: str) -> str:
    """A street keeps its lines; all else stands in one."""
    if source != "street":
        return one_line(text, source)
    lines = (single_spaced(line) for line in _LINE_BREAKS.split(composed(text)))
    return "\n".join(line for line in lines if line)


def in_our_form(kind: str, row: Mapping[str, Any], stand_ins: Values) -> dict[str, str]:
    """Return what a lead or contact holds by our names."""
    theirs = {name: row.get(field) for name, field in NAMES_OF[kind].items()}
    values = {name: "" if theirs.get(name) is None else str(theirs[name]) for name in NAMES}
    values["Email"] = values["Email"].lower()
    values["Street"] = values["Street"].replace("\r\n", "\n")
    return without(stand_ins, values)


def without(stand_ins: Values, values: Values) -> dict[str, str]:
    """Return values as they read: a stand-in is no data."""
    return {name: "" if value == stand_ins.get(name) else value for name, value in values.items()}
