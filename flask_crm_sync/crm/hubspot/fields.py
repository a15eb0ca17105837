"""A client in HubSpot's words. Pure: the same record gives the same values, as HubSpot would return them."""

from __future__ import annotations

import re
import unicodedata

from ...errors import InvalidRecord
from ...host.records import ClientRecord
from ..base import FieldSpec, Values

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

_LINE_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029]+\s*")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_ATOM = r"[^\s@<>(),;:\"\\\[\].]+"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_ATOM}\.)+(?!\d){_ATOM[:-1]}{{2,}}")


def translate(client: ClientRecord) -> Values:
    """Return every property that we own, blanks as ""; raise InvalidRecord naming all fields that cannot be sent."""
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for spec in FIELDS:
        text = str(getattr(client, spec.source) or "").strip()
        fault = _fault(text, spec)
        if fault:
            wrong[spec.source] = fault
        else:
            values[spec.name] = _in_form(text, spec.name)
    if wrong:
        raise InvalidRecord("; ".join(f"{field}: {fault}" for field, fault in wrong.items()), fields=wrong)
    return values


def _fault(text: str, spec: FieldSpec) -> str:
    """Say what makes a text unfit for HubSpot, "" where nothing does."""
    if len(text) > spec.max_length:
        return f"{len(text):,} characters; HubSpot takes {spec.max_length:,}"
    if "\x00" in text:
        return "holds a NUL character"
    if not text.isascii() and _SURROGATES.search(text):
        return "holds half a character (a lone surrogate)"
    if spec.name == "email" and text and not _is_email(text):
        return "not a valid e-mail address"
    return ""


def _is_email(text: str) -> bool:
    return text.isprintable() and _EMAIL.fullmatch(text) is not None


def _in_form(text: str, name: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if name == "email":
        return text.lower()
    if name == "address":
        text = _LINE_BREAKS.sub(", ", text)
    if text.isascii() and text.isprintable() and "  " not in text:
        return text
    return _SPACES.sub(" ", text).strip()
