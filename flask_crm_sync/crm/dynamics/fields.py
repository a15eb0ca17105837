"""A client in Dynamics' words. Pure: the same record gives the same values, as Dynamics would return them.

Lengths: `data/dynamics/contact_columns.json` of the Dataverse table reference; the company's is that of an account's
name. They count UTF-16 units, as Dataverse does.
"""

from __future__ import annotations

import re
import unicodedata

from ...errors import InvalidRecord
from ...host.records import ClientRecord
from ..base import FieldSpec, Values

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

_LINE_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029]+\s*")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_EMAIL = re.compile(r"[^\s@<>,;]+@(?:[^\s@<>,;.]+\.)+[^\s@<>,;.]{2,}")


def translate(client: ClientRecord) -> Values:
    """Return every column that we own, blanks as ""; raise InvalidRecord naming all fields that cannot be sent."""
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for spec in FIELDS:
        text = str(getattr(client, spec.source) or "").strip()
        fault = _unfit(text, spec)
        if not fault:
            values[spec.name] = _in_form(text, spec.name)
            fault = _too_long(values[spec.name], spec)
        if fault:
            wrong[spec.source] = fault
    if wrong:
        raise InvalidRecord("; ".join(f"{field}: {fault}" for field, fault in wrong.items()), fields=wrong)
    return values


def _unfit(text: str, spec: FieldSpec) -> str:
    """Say what makes a text unfit for Dynamics, "" where nothing does."""
    if "\x00" in text:
        return "holds a NUL character"
    if not text.isascii() and _SURROGATES.search(text):
        return "holds half a character (a lone surrogate)"
    # Dynamics takes any text here, but clients are found by it: two with "none" would become one contact.
    if spec.name == EMAIL and text and not (text.isprintable() and _EMAIL.fullmatch(text)):
        return "not a valid e-mail address"
    return ""


def _too_long(text: str, spec: FieldSpec) -> str:
    length = len(text.encode("utf-16-le")) // 2
    return f"{length:,} characters; Dynamics takes {spec.max_length:,}" if length > spec.max_length else ""


def _in_form(text: str, name: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if name == EMAIL:
        return text.lower()
    if name == "address1_line1":
        text = _LINE_BREAKS.sub(", ", text)
    if text.isascii() and text.isprintable() and "  " not in text:
        return text
    return _SPACES.sub(" ", text).strip()
