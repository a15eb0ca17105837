"""The HubSpot part of ``/_sandbox/api``: what all CRMs have there, and merging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ..inspection import inspection
from ..panel import json_object
from .access import ALL_SCOPES, DEFAULT_PORTAL
from .errors import HubSpotError
from .gate import refused

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

    return blueprint


def _portal() -> int:
    return int(request.args.get("portal", DEFAULT_PORTAL))
