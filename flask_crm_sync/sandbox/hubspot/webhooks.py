"""Webhook settings of an app over HTTP. What is sent to it, ``sender`` does."""

from __future__ import annotations

import json
from typing import Any

from ..clock import iso
from .errors import HubSpotError, validation
from .gate import Answer, Caller, json_body
from .records import as_id


def read_settings(caller: Caller, app_id: str) -> Answer:
    """Return where an app wants its events."""
    return 200, _settings(caller, app_id)


def put_settings(caller: Caller, app_id: str) -> Answer:
    """Set where an app wants its events; only HTTPS addresses are taken."""
    body, now = json_body(), iso(caller.desk.clock.now_ms())
    if not str(body.get("targetUrl", "")).startswith("https://") or "throttling" not in body:
        raise validation("Some required fields were not set: [targetUrl (https), throttling]")
    kept = {"targetUrl": body["targetUrl"], "throttling": body["throttling"], "createdAt": now, "updatedAt": now}
    with caller.desk.store.writing() as db:
        db.execute("INSERT OR REPLACE INTO webhook_target VALUES (?, ?)", (_number(app_id), json.dumps(kept)))
    return 200, kept


def delete_settings(caller: Caller, app_id: str) -> Answer:
    """Forget where an app wanted its events."""
    with caller.desk.store.writing() as db:
        db.execute("DELETE FROM webhook_target WHERE app_id = ?", (_number(app_id),))
    return 204, None


def list_subscriptions(caller: Caller, app_id: str) -> Answer:
    """Return all subscriptions of an app."""
    with caller.desk.store.reading() as db:
        rows = db.execute("SELECT * FROM subscription WHERE app_id = ? ORDER BY id", (_number(app_id),)).fetchall()
    return 200, {"results": [_shown(row) for row in rows]}


def create_subscription(caller: Caller, app_id: str) -> Answer:
    """Subscribe; new subscriptions are paused unless the call says otherwise."""
    body = json_body()
    if not isinstance(body.get("eventType"), str):
        raise validation("Some required fields were not set: [eventType]")
    kept: dict[str, Any] = {key: body[key] for key in ("eventType", "propertyName", "objectTypeId") if key in body}
    kept |= {"active": bool(body.get("active", False)), "createdAt": iso(caller.desk.clock.now_ms())}
    with caller.desk.store.writing() as db:
        made = db.execute("INSERT INTO subscription (app_id, body) VALUES (?, ?)", (_number(app_id), json.dumps(kept)))
    return 200, {"id": str(made.lastrowid), **kept}


def read_subscription(caller: Caller, app_id: str, subscription_id: str) -> Answer:
    """Return one subscription."""
    return 200, _found(caller, app_id, subscription_id)


def update_subscription(caller: Caller, app_id: str, subscription_id: str) -> Answer:
    """Pause or resume one subscription."""
    return 200, _switch(caller, app_id, subscription_id, bool(json_body().get("active")))


def delete_subscription(caller: Caller, app_id: str, subscription_id: str) -> Answer:
    """Unsubscribe."""
    with caller.desk.store.writing() as db:
        db.execute("DELETE FROM subscription WHERE app_id = ? AND id = ?", (_number(app_id), _number(subscription_id)))
    return 204, None


def batch_update_subscriptions(caller: Caller, app_id: str) -> Answer:
    """Pause or resume several subscriptions."""
    inputs = json_body().get("inputs") or []
    results = [_switch(caller, app_id, str(each.get("id")), bool(each.get("active"))) for each in inputs]
    now = iso(caller.desk.clock.now_ms())
    return 200, {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}


def _switch(caller: Caller, app_id: str, subscription_id: str, active: bool) -> dict[str, Any]:
    found = _found(caller, app_id, subscription_id)
    changed = {**found, "active": active, "updatedAt": iso(caller.desk.clock.now_ms())}
    kept = {key: value for key, value in changed.items() if key != "id"}
    with caller.desk.store.writing() as db:
        db.execute("UPDATE subscription SET body = ? WHERE id = ?", (json.dumps(kept), int(subscription_id)))
    return changed


def _settings(caller: Caller, app_id: str) -> dict[str, Any]:
    with caller.desk.store.reading() as db:
        row = db.execute("SELECT body FROM webhook_target WHERE app_id = ?", (_number(app_id),)).fetchone()
    if row is None:
        raise HubSpotError(404, "OBJECT_NOT_FOUND", "No webhook settings are configured for this app")
    settings: dict[str, Any] = json.loads(row["body"])
    return settings


def _found(caller: Caller, app_id: str, subscription_id: str) -> dict[str, Any]:
    key = (_number(app_id), _number(subscription_id))
    with caller.desk.store.reading() as db:
        row = db.execute("SELECT * FROM subscription WHERE app_id = ? AND id = ?", key).fetchone()
    if row is None:
        raise HubSpotError(404, "OBJECT_NOT_FOUND", f"Subscription {subscription_id} does not exist")
    return _shown(row)


def _shown(row: Any) -> dict[str, Any]:
    return {"id": str(row["id"]), **json.loads(row["body"])}


def _number(text: str) -> int:
    number = as_id(text)
    if number is None:
        raise validation(f"{text} is not a number")
    return number
