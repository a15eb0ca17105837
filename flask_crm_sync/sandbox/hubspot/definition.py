"""One property: what the API prints of it, and what a new one must bring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..clock import iso
from .errors import HubSpotError, validation

TYPES = ("bool", "date", "datetime", "enumeration", "number", "phone_number", "string")
FIELD_TYPES = (
    "booleancheckbox",
    "calculation_equation",
    "checkbox",
    "date",
    "file",
    "html",
    "number",
    "phonenumber",
    "radio",
    "select",
    "text",
    "textarea",
)
REQUIRED = ("name", "label", "type", "fieldType", "groupName")
CHANGEABLE = {
    "label",
    "type",
    "fieldType",
    "groupName",
    "description",
    "options",
    "hidden",
    "formField",
    "displayOrder",
}
CREATABLE = CHANGEABLE | {"name", "hasUniqueValue"}
DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "options": [],
    "hasUniqueValue": False,
    "hidden": False,
    "formField": False,
    "displayOrder": -1,
    "hubspotDefined": False,
    "calculated": False,
}
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


@dataclass(frozen=True)
class Definition:
    """A property by its printed members. ``visible_ms`` is when the portal starts to know it."""

    body: Mapping[str, Any]
    created_ms: int = 0
    updated_ms: int = 0
    visible_ms: int = 0
    archived_ms: int | None = None

    @property
    def name(self) -> str:
        """The internal name."""
        return str(self.body["name"])

    @property
    def type(self) -> str:
        """The type of its values."""
        return str(self.body["type"])

    @property
    def is_unique(self) -> bool:
        """Whether a value of it names one record only."""
        return bool(self.body["hasUniqueValue"])

    @property
    def is_standard(self) -> bool:
        """Whether HubSpot defined it."""
        return bool(self.body["hubspotDefined"])

    @property
    def is_read_only(self) -> bool:
        """Whether only HubSpot sets its values."""
        return bool(self.body["calculated"])

    @property
    def is_multiple_choice(self) -> bool:
        """Whether several options may be chosen."""
        return bool(self.body["fieldType"] == "checkbox")

    @property
    def choices(self) -> list[str]:
        """The internal values of its options."""
        return [option["value"] for option in self.body["options"]]

    def shown(self) -> dict[str, Any]:
        """Return the property as the API prints it."""
        shown = {
            **self.body,
            "createdAt": iso(self.created_ms),
            "updatedAt": iso(self.updated_ms),
            "archived": self.archived_ms is not None,
            "modificationMetadata": {
                "archivable": not self.is_standard,
                "readOnlyDefinition": self.is_standard,
                "readOnlyValue": self.is_read_only,
            },
        }
        return shown if self.archived_ms is None else {**shown, "archivedAt": iso(self.archived_ms)}


def check_body(body: Mapping[str, Any]) -> None:
    """Refuse a new property that lacks something or is not formed right. Raises HubSpotError (400)."""
    missing = [name for name in REQUIRED if not isinstance(body.get(name), str) or not body[name]]
    if missing:
        raise validation(f"Some required fields were not set: [{', '.join(missing)}]")
    if not NAME.fullmatch(body["name"]):
        raise validation(
            f"Property name '{body['name']}' is invalid: it starts with a letter and holds lower case letters, "
            "digits and underscores only"
        )
    if body["type"] not in TYPES or body["fieldType"] not in FIELD_TYPES:
        raise validation(f"Invalid property type {body['type']} or field type {body['fieldType']}")
    if body["type"] == "enumeration" and not body.get("options"):
        raise validation("Enumeration properties need options")
    if body.get("hasUniqueValue") and body["type"] not in ("string", "number"):
        raise validation(f"Properties of type {body['type']} cannot have unique values")


def property_not_found(name: str) -> HubSpotError:
    """Say that there is no such property."""
    return HubSpotError(404, "OBJECT_NOT_FOUND", f"Property {name} does not exist")


def name_taken(name: str) -> HubSpotError:
    """Say that a property of this name is in use."""
    message = f"A property named '{name}' already exists."
    return HubSpotError(409, "OBJECT_ALREADY_EXISTS", message, sub_category="Properties.PROPERTY_WITH_NAME_EXISTS")
