"""What happens to contacts, as Dataverse tells it to others: the context of a message, as JSON.

Source: "Use webhooks" and the execution context of the plug-in reference. Choices, references and moments are written
as the serializer of .NET does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ..clock import from_iso
from .environments import Environment
from .rows import Row
from .tables import CONTACT, Column

MESSAGES = ("Create", "Update", "Delete", "Merge")
_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"


@dataclass(frozen=True)
class Event:
    """One message about one contact. ``values`` are the columns that it wrote, by their shown names."""

    message: str
    environment: Environment
    user_id: str
    contact_id: str
    at_ms: int
    values: Mapping[str, Any] = field(default_factory=dict)
    subordinate_id: str = ""
    """The contact that went into this one, for a merge."""


def written(message: str, environment: Environment, user_id: str, at_ms: int, old: Row | None, new: Row) -> Event:
    """Return the event of a write: it tells the columns whose values it changed."""
    before = old.values if old is not None else {}
    names = [name for name in CONTACT.by_name if before.get(name) != new.values.get(name)]
    values = {name: new.values.get(name) for name in names} | {CONTACT.id_name: new.id}
    targets = {f"{name}@target": new.values.get(f"{name}@target") for name in names if name.startswith("_")}
    return Event(message, environment, user_id, new.id, at_ms, {**values, **targets})


def execution_context(event: Event) -> dict[str, Any]:
    """Return the body of a delivery."""
    operation = str(uuid4())
    return {
        "BusinessUnitId": event.environment.business_unit_id,
        "CorrelationId": operation,
        "Depth": 1,
        "InitiatingUserId": event.user_id,
        "InputParameters": _inputs(event),
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsolationMode": 1,
        "MessageName": event.message,
        "Mode": 1,
        "OperationCreatedOn": _date(event.at_ms),
        "OperationId": operation,
        "OrganizationId": event.environment.organization_id,
        "OrganizationName": event.environment.name,
        "OutputParameters": [],
        "OwningExtension": _reference("sdkmessageprocessingstep", operation),
        "ParentContext": None,
        "PostEntityImages": [],
        "PreEntityImages": [],
        "PrimaryEntityId": event.contact_id,
        "PrimaryEntityName": CONTACT.name,
        "RequestId": operation,
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": 40,
        "UserId": event.user_id,
    }


def _inputs(event: Event) -> list[dict[str, Any]]:
    if event.message in ("Delete", "Merge"):
        target: Any = _reference(CONTACT.name, event.contact_id)
    else:
        target = {"__type": f"Entity:{_CONTRACTS}", "Id": event.contact_id, "LogicalName": CONTACT.name}
        target["Attributes"] = [*_attributes(event.values)]
    found = [{"key": "Target", "value": target}]
    return [*found, {"key": "SubordinateId", "value": event.subordinate_id}] if event.subordinate_id else found


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = {name: column for name, column in CONTACT.by_name.items() if name in values}
    return [
        {"key": column.name, "value": _value(column, values[name], values.get(f"{name}@target"))}
        for name, column in columns.items()
    ]


def _value(column: Column, value: Any, target: Any) -> Any:
    if value is None:
        return None
    if column.kind == "lookup":
        return _reference(str(target or next(iter(column.targets))), str(value))
    if column.kind in ("choice", "state"):
        return {"__type": f"OptionSetValue:{_CONTRACTS}", "Value": value}
    return _date(from_iso(str(value))) if column.kind in ("moment", "day") else value


def _reference(table: str, row_id: str) -> dict[str, Any]:
    return {"__type": f"EntityReference:{_CONTRACTS}", "Id": row_id, "LogicalName": table, "Name": None}


def _date(ms: int) -> str:
    return f"/Date({ms})/"
