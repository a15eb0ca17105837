"""Which fields clients and activities have, and which values they take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..clock import from_iso
from .dialect import Dialect
from .errors import AutoChatError, invalid

CLIENT_FIELDS = (
    "company_name",
    "first_name",
    "last_name",
    "email",
    "phone",
    "street",
    "city",
    "state",
    "zip",
    "country",
    "status",
    "notes",
)
ACTIVITY_FIELDS = ("type", "subject", "description", "occurred_at")
SET_BY_AUTOCHAT = ("id", "created_at", "updated_at")
"""They may come back in a PUT of the whole client, and change nothing."""
LONGEST = 255
LONGEST_TEXT = 65_536
_LONG_FIELDS = ("notes", "description")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

Fields = dict[str, str | None]


def client_fields(given: Mapping[str, Any], dialect: Dialect) -> Fields:
    """Read the fields of a client that a call names. Raises AutoChatError (400)."""
    fields = _texts(given, CLIENT_FIELDS, dialect)
    address = fields.get("email")
    if address and not _ADDRESS.fullmatch(address):
        raise invalid("email must be a valid email address")
    return fields


def activity_fields(given: Mapping[str, Any], dialect: Dialect) -> Fields:
    """Read the fields of a new activity. Raises AutoChatError (400)."""
    fields = {**dict.fromkeys(ACTIVITY_FIELDS), **_texts(given, ACTIVITY_FIELDS, dialect)}
    missing = [name for name in ("type", "description") if not fields[name]]
    if missing:
        raise invalid(f"{', '.join(missing)} is required")
    try:
        from_iso(fields["occurred_at"] or "2000-01-01")
    except ValueError:
        raise invalid("occurred_at must be an ISO 8601 date") from None
    return fields


def check_complete(fields: Fields, dialect: Dialect) -> None:
    """Refuse a client that lacks what every client must have. Raises AutoChatError (400)."""
    if dialect.company_name_required and not fields["company_name"]:
        raise invalid("company_name is required")


def _texts(given: Mapping[str, Any], known: tuple[str, ...], dialect: Dialect) -> Fields:
    unknown = given.keys() - {*known, *SET_BY_AUTOCHAT}
    if unknown and dialect.unknown_fields_refused:
        raise invalid(f"Unknown field: {', '.join(sorted(unknown))}")
    return {name: _text(name, given[name]) for name in known if name in given}


def _text(name: str, value: Any) -> str | None:
    """Return a value as it is kept: blank is null."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(name, "a string")
    most = LONGEST_TEXT if name in _LONG_FIELDS else LONGEST
    if len(value) > most:
        raise _wrong(name, f"at most {most} characters long")
    return value.strip() or None


def _wrong(name: str, wanted: str) -> AutoChatError:
    return invalid(f"{name} must be {wanted}")
