"""What arrived in a workspace, read straight from the store: for tests, figures and pages, not for API callers."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ..calls import CallLog
from ..clock import iso
from .clients import Activities, Activity, Client, Clients
from .store import Store


def clients(store: Store, workspace: str) -> list[dict[str, Any]]:
    """Return all clients in the order they were made, deleted ones included, with the ids of their activities."""
    with store.reading():
        found, told = list(Clients(store, workspace).all()), Activities(store, workspace).all()
    by_client: dict[str, list[str]] = defaultdict(list)
    for activity in told:
        by_client[activity.client_id].append(activity.id)
    return [client_row(client, by_client[client.id]) for client in found]


def client_row(client: Client, notes: list[str]) -> dict[str, Any]:
    """Return a client with its values and the ids of its activities."""
    return {
        "id": client.id,
        "properties": _filled(client.fields),
        "createdAt": iso(client.created),
        "updatedAt": iso(client.updated),
        "archived": client.deleted is not None,
        "notes": notes,
    }


def activities(store: Store, workspace: str) -> list[dict[str, Any]]:
    """Return all activities in the order they were made."""
    with store.reading():
        return [activity_row(each) for each in Activities(store, workspace).all()]


def activity_row(activity: Activity) -> dict[str, Any]:
    """Return an activity with the client it belongs to."""
    return {
        "id": activity.id,
        "properties": _filled(activity.fields),
        "createdAt": iso(activity.created),
        "updatedAt": iso(activity.created),
        "archived": False,
        "contacts": [activity.client_id],
    }


def figures(store: Store, workspace: str, calls: CallLog) -> dict[str, Any]:
    """Return counts of clients, activities and calls of one workspace."""
    counts = calls.counts("autochat", workspace)
    with store.reading():
        return {
            "records": Clients(store, workspace).count(),
            "notes": Activities(store, workspace).count(),
            "api_calls": sum(counts.values()),
            "calls": counts,
        }


def _filled(fields: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in sorted(fields.items()) if value}
