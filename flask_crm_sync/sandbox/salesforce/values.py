"""Values as they come in JSON: each read as its field's type, or refused in Salesforce's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from . import ids
from .errors import (
    SalesforceError,
    malformed_id,
    named_in_body,
    not_writeable,
    too_long,
    unreadable,
    wrong_type,
)
from .schema import IDS, NUMBERS, TEXTS, Field, Schema

ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*/=?^_+`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
)


def clean(schema: Schema, body: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    """Return what a body says, by the fields' proper names. Raises SalesforceError (400)."""
    given = {name: value for name, value in body.items() if name.lower() != "attributes"}
    fields = [(schema.field(name), value) for name, value in given.items()]
    if any(field.type == "id" for field, _ in fields):
        raise named_in_body("Id")
    right = "createable" if is_new else "updateable"
    closed = [field.name for field, _ in fields if not field.body[right]]
    if closed:
        raise not_writeable(closed)
    return {field.name: read(field, value) for field, value in fields}


def read(field: Field, value: Any) -> Any:
    """Return one value as its field keeps it; blank texts are None. Raises SalesforceError (400)."""
    if value is None:
        return None
    if field.type in TEXTS:
        return _text(field, value)
    if field.type in IDS:
        return _reference(field, value)
    if field.type in NUMBERS:
        return _number(field, value)
    if field.type == "boolean":
        return _flag(value)
    return _moment(field, value)


def _text(field: Field, value: Any) -> str | None:
    """Return a text without blanks around it. Lengths count UTF-16 units, as Salesforce's own programs do."""
    if not isinstance(value, str):
        raise wrong_type("string", value)
    value = value.strip()
    try:
        units = len(value.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        raise unreadable("Invalid UTF-16: half of a surrogate pair") from None
    if units > field.length:
        raise too_long(field.label, field.name, value, field.length)
    if value and field.type == "email" and not ADDRESS.fullmatch(value):
        message = f"{field.label}: invalid email address: {value}"
        raise SalesforceError(400, "INVALID_EMAIL_ADDRESS", message, [field.name])
    if value and field.restrictedPicklist and value not in field.choices:
        message = f"{field.label}: bad value for restricted picklist field: {value}"
        raise SalesforceError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])
    return value or None


def _reference(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        raise wrong_type("reference", value)
    if not value:
        return None
    found = ids.normal(value)
    kind = ids.kind_of(found) if found else None
    if found is None or (kind is not None and kind not in field.referenceTo):
        raise malformed_id(field.label, field.name, value)
    return found


def _number(field: Field, value: Any) -> int | float | None:
    """Return a number; Salesforce reads one from a text as well."""
    if value == "":
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        return int(value) if field.type == "int" else float(value)
    except ValueError:
        raise wrong_type(field.type, value) from None


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise wrong_type("boolean", value)


def _moment(field: Field, value: Any) -> str | None:
    """Return a date or a moment as it came, once it can be read as one."""
    if value == "":
        return None
    try:
        if field.type == "date":
            return date.fromisoformat(value).isoformat()
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError
    except (TypeError, ValueError):
        raise wrong_type(field.type, value) from None
    return str(value)
