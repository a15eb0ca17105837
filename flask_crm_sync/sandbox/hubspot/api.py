"""The HubSpot part of ``/_sandbox/api``: what all CRMs have there, and merging."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ..inspection import inspection
from ..panel import json_object
from .access import ALL_SCOPES, DEFAULT_PORTAL
from .errors import HubSpotError
from .gate import refused
from .listeners import EVENTS

if TYPE_CHECKING:
    from .vendor import HubSpot


def inspection_blueprint(hubspot: HubSpot) -> Blueprint:
    """Return the routes under ``/_sandbox/api/hubspot``. ``?portal=`` names the portal, the first one by default."""

    def add_portal(body: dict[str, Any]) -> dict[str, Any]:
        portal = hubspot.add_portal(
            int(body["portal_id"]),
            body.get("token"),
            body.get("scopes", ALL_SCOPES),
            body.get("tier", "demo"),
            name=body.get("name", ""),
            time_zone=body.get("time_zone", "US/Eastern"),
        )
        return {"portal_id": portal.portal_id, "tier": portal.tier}

    blueprint = inspection(hubspot, _portal, add_portal)
    blueprint.register_error_handler(HubSpotError, refused)

    @blueprint.post("/contacts/merge")
    def merge() -> ResponseReturnValue:
        body = json_object()
        return jsonify(id=hubspot.merge_contacts(str(body["primary"]), str(body["other"]), _portal()))

    @blueprint.post("/contacts/<contact_id>/restore")
    def restore(contact_id: str) -> ResponseReturnValue:
        hubspot.restore_contact(contact_id, _portal())
        return jsonify(id=contact_id)

    @blueprint.post("/contacts/<contact_id>/erase")
    def erase(contact_id: str) -> ResponseReturnValue:
        hubspot.erase_contact(contact_id, _portal())
        return "", 204

    _add_webhooks(blueprint, hubspot)
    return blueprint


def _add_webhooks(blueprint: Blueprint, hubspot: HubSpot) -> None:
    @blueprint.get("/webhooks")
    def webhooks() -> ResponseReturnValue:
        listed = [listener.shown() for listener in hubspot.listeners.listed(_portal())]
        return jsonify(webhooks=listed, deliveries=[asdict(each) for each in hubspot.sender.deliveries()])

    @blueprint.post("/webhooks")
    def add_webhook() -> ResponseReturnValue:
        """Take ``{"url", "secret", "events", "ca_file"}``; the answer shows the secret, this once."""
        body = json_object()
        listener = hubspot.listeners.add(
            hubspot.desk(_portal()).portal.portal_id,
            str(body["url"]),
            secret=str(body.get("secret", "")),
            events=tuple(body.get("events", EVENTS)),
            ca_file=body.get("ca_file"),
        )
        return jsonify({**listener.shown(), "secret": listener.secret}), 201

    @blueprint.patch("/webhooks/<int:webhook_id>")
    def switch_webhook(webhook_id: int) -> ResponseReturnValue:
        hubspot.listeners.set_active(webhook_id, bool(json_object()["active"]))
        return "", 204

    @blueprint.delete("/webhooks/<int:webhook_id>")
    def remove_webhook(webhook_id: int) -> ResponseReturnValue:
        hubspot.listeners.remove(webhook_id)
        return "", 204


def _portal() -> int:
    return int(request.args.get("portal", DEFAULT_PORTAL))
