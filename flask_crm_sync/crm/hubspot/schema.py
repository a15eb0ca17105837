"""The contact properties of a portal, as its own description tells. Source: "Properties" of HubSpot's API reference."""

from __future__ import annotations

from collections.abc import Mapping

from ..answers import objects
from ..base import RemoteField, RemoteType
from .client import HubSpotClient, Row
from .fields import TEXT_LIMIT

_TYPES: Mapping[str, RemoteType] = {
    "string": "text",
    "phone_number": "text",
    "number": "number",
    "bool": "boolean",
    "date": "date",
    "datetime": "datetime",
    "enumeration": "choice",
}


def fields(client: HubSpotClient, key_property: str | None) -> tuple[RemoteField, ...]:
    """Return the properties that people see, in one call; our own key is not among them. Raises CRMError."""
    rows = objects(client.call("GET", client.paths.properties).get("results"))
    shown = (row for row in rows if row.get("hidden") is not True and row.get("name") != key_property)
    found = (_field(row) for row in shown)
    return tuple(field for field in found if field is not None)


def _field(row: Row) -> RemoteField | None:
    """Return a property, None for one of a type that is no value that we may write."""
    kind = _type(row)
    name, label = row.get("name"), row.get("label")
    if kind is None or not isinstance(name, str) or not name:
        return None
    return RemoteField(
        name=name,
        label=label if isinstance(label, str) and label else name,
        type=kind,
        writable=not _is_read_only(row),
        max_length=TEXT_LIMIT if kind == "text" else None,
        options=_options(row) if kind in ("choice", "choices") else (),
        custom=row.get("hubspotDefined") is not True,
        on=("contact",),
        lines=row.get("fieldType") in ("textarea", "html"),
    )


def _type(row: Row) -> RemoteType | None:
    if row.get("type") != "enumeration":
        return _TYPES.get(str(row.get("type")))
    if row.get("fieldType") == "booleancheckbox":
        return "boolean"
    return "choices" if row.get("fieldType") == "checkbox" else "choice"


def _is_read_only(row: Row) -> bool:
    meta = row.get("modificationMetadata")
    closed = isinstance(meta, dict) and meta.get("readOnlyValue") is True
    return closed or row.get("calculated") is True


def _options(row: Row) -> tuple[tuple[str, str], ...]:
    """Return the values of a choice with their labels, those that people see."""
    options = [option for option in objects(row.get("options")) if option.get("hidden") is not True]
    return tuple((str(option.get("value")), str(option.get("label") or option.get("value"))) for option in options)
