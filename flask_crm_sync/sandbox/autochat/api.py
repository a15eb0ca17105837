"""The AutoChat part of ``/_sandbox/api``: what all CRMs have there, and webhooks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ..clock import from_iso
from ..inspection import inspection
from ..panel import json_object
from .access import ALL_SCOPES, DEFAULT_WORKSPACE
from .errors import AutoChatError
from .gate import refused
from .webhooks import EVENTS

if TYPE_CHECKING:
    from .vendor import AutoChat


def inspection_blueprint(autochat: AutoChat) -> Blueprint:
    """Return the routes under ``/_sandbox/api/autochat``. ``?portal=`` names the workspace."""

    def add_portal(body: dict[str, Any]) -> dict[str, Any]:
        """Take ``{"portal_id", "token", "scopes", "limit", "expires_at", "name"}``; only the first is needed."""
        workspace = autochat.add_workspace(
            str(body["portal_id"]),
            body.get("token"),
            body.get("scopes", ALL_SCOPES),
            label=body.get("name", ""),
            per_minute=body.get("limit"),
            expires_ms=from_iso(body["expires_at"]) if "expires_at" in body else None,
        )
        return {"portal_id": workspace.name, "limit": workspace.per_minute}

    blueprint = inspection(autochat, _workspace, add_portal)
    blueprint.register_error_handler(AutoChatError, refused)
    _add_webhooks(blueprint, autochat)
    return blueprint


def _add_webhooks(blueprint: Blueprint, autochat: AutoChat) -> None:
    @blueprint.get("/webhooks")
    def webhooks() -> ResponseReturnValue:
        listed = [webhook.shown() for webhook in autochat.sender.listed(_workspace())]
        return jsonify(webhooks=listed, deliveries=[asdict(each) for each in autochat.sender.deliveries()])

    @blueprint.post("/webhooks")
    def add_webhook() -> ResponseReturnValue:
        """Take ``{"url", "secret", "events", "ca_file"}``; the answer shows the secret, as AutoChat does, once."""
        body = json_object()
        webhook = autochat.sender.add(
            autochat.workspace(_workspace()).name,
            str(body["url"]),
            secret=str(body.get("secret", "")),
            events=tuple(body.get("events", EVENTS)),
            ca_file=body.get("ca_file"),
        )
        return jsonify({**webhook.shown(), "secret": webhook.secret}), 201

    @blueprint.patch("/webhooks/<int:webhook_id>")
    def switch_webhook(webhook_id: int) -> ResponseReturnValue:
        autochat.sender.set_active(webhook_id, bool(json_object()["active"]))
        return "", 204

    @blueprint.delete("/webhooks/<int:webhook_id>")
    def remove_webhook(webhook_id: int) -> ResponseReturnValue:
        autochat.sender.remove(webhook_id)
        return "", 204


def _workspace() -> str:
    return request.args.get("portal", DEFAULT_WORKSPACE)
