"""The columns of contacts, as the environment's own definition tells: several questions in one call.

Source: "Query table definitions using the Web API". What only some kinds of column have (lengths, options, whether a
day or a moment is meant) is told by questions about those kinds alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import CRMError
from ..answers import objects
from ..base import RemoteField, RemoteType
from .accounts import OFF
from .client import DynamicsClient, Outcome, Row, get
from .fields import COMPANY, FIELDS
from .multipart import Request

_TYPES: Mapping[str, RemoteType] = {
    **dict.fromkeys(("String", "Memo"), "text"),
    **dict.fromkeys(("Integer", "BigInt", "Decimal", "Double", "Money"), "number"),
    "Boolean": "boolean",
    "DateTime": "datetime",
    **dict.fromkeys(("Picklist", "State", "Status"), "choice"),
    "MultiSelectPicklist": "choices",
}
"""Ids, lookups and files are no values that we may write; the company is one by its account's name."""
_ABOUT = (
    "LogicalName,AttributeType,AttributeTypeName,AttributeOf,DisplayName,IsCustomAttribute,IsValidForRead,"
    "IsValidForUpdate,RequiredLevel"
)
_OPTION_SETS = {
    "Picklist": "OptionSet,GlobalOptionSet",
    "MultiSelectPicklist": "OptionSet,GlobalOptionSet",
    "State": "OptionSet",
    "Status": "OptionSet",
}
_MEMBERS = {
    "String": "MaxLength",
    "Memo": "MaxLength",
    "DateTime": "Format",
    "Boolean": "DefaultValue",
    "Picklist": "DefaultFormValue",
    **dict.fromkeys(("MultiSelectPicklist", "State", "Status"), ""),
}
"""What is asked of columns of one kind alone."""


def fields(client: DynamicsClient, company: str) -> tuple[RemoteField, ...]:
    """Return the columns of contacts that can be read, in one call; raise CRMError where they cannot be had."""
    asked = _questions()
    rows = dict(zip(asked, (_rows(client, outcome) for outcome in client.batch(list(asked.values()))), strict=True))
    more = {str(row.get("LogicalName")): row for kind in asked if kind for row in rows[kind]}
    found = (_field(row, more.get(str(row.get("LogicalName")), {}), company) for row in rows[""])
    return tuple(field for field in found if field is not None)


def _questions() -> dict[str, Request]:
    """Return the questions by the kind of column that they are about, "" for all."""
    all_columns = "EntityDefinitions(LogicalName='contact')/Attributes"
    asked = {"": get(all_columns, select=_ABOUT)}
    for kind, member in _MEMBERS.items():
        path = f"{all_columns}/Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
        select = f"LogicalName,{member}" if member else "LogicalName"
        sets = _OPTION_SETS.get(kind)
        asked[kind] = get(path, select=select, expand=sets) if sets else get(path, select=select)
    return asked


def _rows(client: DynamicsClient, outcome: Outcome) -> Sequence[Row]:
    if isinstance(outcome, CRMError):
        raise outcome
    return list(client.rows(outcome))


def _field(row: Row, more: Row, company: str) -> RemoteField | None:
    """Return a column, None for one that cannot be read, belongs to another, or takes no value that we may write."""
    name, kind = row.get("LogicalName"), _type(row, more)
    if (
        kind is None
        or not isinstance(name, str)
        or not name
        or row.get("IsValidForRead") is False
        or row.get("AttributeOf")
    ):
        return None
    return RemoteField(
        name=name,
        label=_label(row.get("DisplayName")) or name,
        type=kind,
        writable=_is_writable(row, company),
        required=_value(row.get("RequiredLevel")) == "SystemRequired",
        max_length=_length(name, kind, more),
        options=tuple(_options(more)) if kind in ("choice", "choices") else (),
        custom=row.get("IsCustomAttribute") is True,
        on=("contact",),
        lines=row.get("AttributeType") == "Memo",
        default=_default(more),
    )


def _type(row: Row, more: Row) -> RemoteType | None:
    if row.get("LogicalName") == COMPANY:
        return "text"
    name = _value(row.get("AttributeTypeName"))
    kind = _TYPES.get(name.removesuffix("Type")) or _TYPES.get(str(row.get("AttributeType")))
    return "date" if kind == "datetime" and more.get("Format") == "DateOnly" else kind


def _is_writable(row: Row, company: str) -> bool:
    """Tell whether we may write a column; nobody is made active or inactive from here."""
    if row.get("LogicalName") == COMPANY and company == OFF:
        return False
    return row.get("IsValidForUpdate") is True and row.get("LogicalName") != "statecode"


def _length(name: str, kind: RemoteType, more: Row) -> int | None:
    if name == COMPANY:
        return next(spec.max_length for spec in FIELDS if spec.name == COMPANY)
    length = more.get("MaxLength")
    return length if kind == "text" and isinstance(length, int) and length > 0 else None


def _default(more: Row) -> str:
    """Return what a new contact gets by itself: a truth, or an option; -1 stands for none."""
    truth, option = more.get("DefaultValue"), more.get("DefaultFormValue")
    if isinstance(truth, bool):
        return "true" if truth else "false"
    return str(option) if isinstance(option, int) and option >= 0 else ""


def _options(more: Row) -> Iterator[tuple[str, str]]:
    """Yield the values of a choice with their labels, be they the column's own or shared by several."""
    own, shared = more.get("OptionSet"), more.get("GlobalOptionSet")
    for held in (own, shared):
        options = objects(held.get("Options")) if isinstance(held, dict) else []
        # A reason of the inactive state would deactivate the contact.
        for option in (option for option in options if option.get("State") in (None, 0)):
            yield str(option.get("Value")), _label(option.get("Label")) or str(option.get("Value"))
        if options:
            return


def _label(told: Any) -> str:
    """Return a text in the user's language, else in any."""
    held = told if isinstance(told, dict) else {}
    texts = [held.get("UserLocalizedLabel"), *objects(held.get("LocalizedLabels"))]
    found = (text.get("Label") for text in texts if isinstance(text, dict))
    return next((label for label in found if isinstance(label, str) and label), "")


def _value(told: Any) -> str:
    """Return the value of a managed property."""
    return str(told.get("Value") or "") if isinstance(told, dict) else ""
