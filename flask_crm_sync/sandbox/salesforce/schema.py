"""What record types and fields an org has, for a user with certain rights: real describe data, plus our own field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from . import ids
from .dialect import Dialect
from .errors import SalesforceError, no_such_column, not_found
from .orgs import Org

DATA = Path(__file__).parent / "data"
KINDS = tuple(ids.PREFIXES)
TEXTS = frozenset({"string", "textarea", "phone", "email", "url", "picklist", "combobox"})
IDS = frozenset({"id", "reference"})
NUMBERS = frozenset({"int", "double", "currency"})
RENAMED = {"Status": ("Offen", "Erledigt"), "Priority": ("Normal", "Hoch")}
"""What an administrator may have made of a task's pick-lists; the first is the default."""


@dataclass(frozen=True)
class Field:
    """One field by its describe."""

    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The API name."""
        return str(self.body["name"])

    @property
    def type(self) -> str:
        """The describe's type."""
        return str(self.body["type"])

    def __getattr__(self, name: str) -> Any:
        """Return another member of the describe: ``nillable``, ``length``, ``label``."""
        try:
            return self.body[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def is_key(self) -> bool:
        """Whether records may be upserted by it."""
        return bool(self.body["externalId"] or self.body["idLookup"])

    @property
    def is_required(self) -> bool:
        """Whether a new record must bring a value."""
        return bool(self.body["createable"] and not self.body["nillable"] and not self.body["defaultedOnCreate"])

    @property
    def choices(self) -> list[str]:
        """The values of its pick-list."""
        return [each["value"] for each in self.body.get("picklistValues", ())]


class Schema:
    """The fields of one record type; names may be written in any case."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self.described = described
        self.kind = str(described["name"])
        self._fields = {each["name"].lower(): Field(each) for each in described["fields"]}

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def get(self, name: str) -> Field | None:
        """Return a field, or None."""
        return self._fields.get(name.lower())

    def field(self, name: str) -> Field:
        """Return a field. Raises SalesforceError (400)."""
        found = self.get(name)
        if found is None:
            raise no_such_column(name, self.kind)
        return found

    @cached_property
    def lookups(self) -> tuple[Field, ...]:
        """The fields by which records are found without reading all of them."""
        return tuple(each for each in self if (each.is_key and each.type != "id") or each.name == "WhoId")

    @property
    def url(self) -> str:
        """The last part of the addresses of this type."""
        return f"sobjects/{self.kind}"


def kind_named(word: str) -> str:
    """Return the record type for a path segment in any case. Raises SalesforceError (404)."""
    found = next((kind for kind in KINDS if kind.lower() == word.lower()), None)
    if found is None:
        raise not_found()
    return found


def is_hidden(org: Org, kind: str) -> bool:
    """Say whether an org's user may not even know of a record type."""
    return (org.settings.rights or {}).get(kind) == "none"


def schema_of(org: Org, dialect: Dialect, kind: str) -> Schema:
    """Return a record type as an org's user sees it. Raises SalesforceError (400) for one hidden from them."""
    settings = org.settings
    rights = tuple(sorted((settings.rights or {}).items()))
    if is_hidden(org, kind):
        message = f"sObject type '{kind}' is not supported."
        raise SalesforceError(400, "INVALID_TYPE", message)
    key = settings.key_field if kind in settings.key_field_on else ""
    return _schema(kind, key, rights, dialect.restricted_task_picklists)


def stored_schema(org: Org, kind: str) -> Schema:
    """Return a record type as the store keeps it, whatever a user may see of it."""
    return _schema(kind, org.settings.key_field, (), False)


@cache
def _schema(kind: str, key: str, rights: tuple[tuple[str, str], ...], renamed: bool) -> Schema:
    described = json.loads((DATA / f"{kind.lower()}.describe.json").read_text(encoding="utf-8"))
    if key:
        described["fields"] += [] if kind == "Account" else [_key_field(key)]
    if renamed and kind == "Task":
        _rename(described["fields"])
    for what, right in rights:
        _apply(described, what, right)
    return Schema(described)


def _apply(described: dict[str, Any], what: str, right: str) -> None:
    """Take rights away, as a profile does: unwriteable fields are read only, hidden ones are not there."""
    kind, _, name = what.partition(".")
    if kind != described["name"] or right == "write":
        return
    if not name:
        described.update(createable=False, updateable=False, deletable=False)
    for field in described["fields"]:
        if not name or field["name"] == name:
            field.update(createable=False, updateable=False)
    if name and right == "none":
        described["fields"] = [field for field in described["fields"] if field["name"] != name]


def _rename(fields: list[dict[str, Any]]) -> None:
    for field in fields:
        values = RENAMED.get(field["name"])
        if values:
            choices = [{"value": each, "active": True, "defaultValue": each == values[0]} for each in values]
            field.update(picklistValues=choices, restrictedPicklist=True, defaultValue=values[0])


def _key_field(name: str) -> dict[str, Any]:
    """Return the describe of our own field: External ID, unique, case-insensitive."""
    return {
        "name": name,
        "label": name.removesuffix("__c").replace("_", " "),
        "type": "string",
        "length": 255,
        "byteLength": 765,
        "createable": True,
        "updateable": True,
        "nillable": True,
        "defaultedOnCreate": False,
        "defaultValue": None,
        "externalId": True,
        "idLookup": True,
        "unique": True,
        "caseSensitive": False,
        "filterable": True,
        "sortable": True,
        "groupable": True,
        "restrictedPicklist": False,
        "soapType": "xsd:string",
        "referenceTo": [],
        "relationshipName": None,
        "compoundFieldName": None,
        "polymorphicForeignKey": False,
        "nameField": False,
        "custom": True,
    }
