"""The fields of leads and contacts, by the lead's names, as their describes tell: one call for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..answers import objects
from ..base import RemoteField, RemoteType
from .answers import Row
from .client import SalesforceClient
from .fields import NAMES_OF
from .ids import LEAD, PEOPLE
from .setup import described
from .shapes import fields_of

_TYPES: Mapping[str, RemoteType] = {
    **dict.fromkeys(("string", "textarea", "phone", "email", "url", "combobox", "encryptedstring"), "text"),
    **dict.fromkeys(("int", "double", "currency", "percent"), "number"),
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "picklist": "choice",
    "multipicklist": "choices",
}
"""Ids, references, places and other compounds are no values that we may write."""


def fields(client: SalesforceClient, key_field: str) -> tuple[RemoteField, ...]:
    """Return the fields that the user may see, the lead's first; our own key is not among them. Raises CRMError."""
    found: dict[str, RemoteField] = {}
    for kind in (LEAD, *(other for other in PEOPLE if other != LEAD)):
        describe = described(client, kind)
        for field in _of_kind(kind, describe) if describe is not None else ():
            if field.name != key_field:
                known = found.get(field.name)
                found[field.name] = _joined(known, field) if known else field
    return tuple(found.values())


def _of_kind(kind: str, describe: Row) -> Iterable[RemoteField]:
    ours = {theirs: name for name, theirs in NAMES_OF[kind].items()}
    for name, row in fields_of(describe).items():
        field_type = _TYPES.get(str(row.get("type")))
        if field_type is not None and row.get("deprecatedAndHidden") is not True:
            yield _field(ours.get(name, name), row, field_type, kind)


def _field(name: str, row: Row, field_type: RemoteType, kind: str) -> RemoteField:
    length = row.get("length")
    return RemoteField(
        name=name,
        label=str(row.get("label") or name),
        type=field_type,
        writable=row.get("updateable") is True,
        required=_is_required(row),
        max_length=length if field_type == "text" and isinstance(length, int) and length > 0 else None,
        options=_options(row) if field_type in ("choice", "choices") else (),
        custom=row.get("custom") is True or name.endswith("__c"),
        on=(kind,),
        lines=row.get("type") == "textarea",
        default=_default(row, field_type),
    )


def _default(row: Row, field_type: RemoteType) -> str:
    """Return what a new record gets of itself: the list value that is marked so, else what the field names."""
    if field_type != "choice":
        return "false" if field_type == "boolean" else ""
    marked = (item for item in objects(row.get("picklistValues")) if item.get("defaultValue") is True)
    named = row.get("defaultValue")
    return next((str(item.get("value")) for item in marked), named if isinstance(named, str) else "")


def _is_required(row: Row) -> bool:
    return row.get("nillable") is False and row.get("defaultedOnCreate") is False and row.get("createable") is True


def _options(row: Row) -> tuple[tuple[str, str], ...]:
    active = (item for item in objects(row.get("picklistValues")) if item.get("active") is not False)
    return tuple((str(item.get("value")), str(item.get("label") or item.get("value"))) for item in active)


def _joined(one: RemoteField, other: RemoteField) -> RemoteField:
    """Return a field that both kinds have, as what fits on either: converted, a lead's values move to a contact."""
    lengths = [length for length in (one.max_length, other.max_length) if length is not None]
    return replace(
        one,
        writable=one.writable and other.writable,
        required=one.required or other.required,
        max_length=min(lengths, default=None),
        on=(*one.on, *other.on),
    )
