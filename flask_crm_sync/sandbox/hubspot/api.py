"""The HubSpot part of ``/_sandbox/api``: figures, everything that arrived, a person's edits, portals, switches."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from ..panel import json_object
from . import view
from .access import ALL_SCOPES, DEFAULT_PORTAL
from .errors import HubSpotError
from .gate import refused
from .kinds import CONTACTS, NOTES, Kind

if TYPE_CHECKING:
    from .vendor import HubSpot


def inspection_blueprint(hubspot: HubSpot) -> Blueprint:
    """Return the routes under ``/_sandbox/api/hubspot``. ``?portal=`` names the portal, the first one by default."""
    blueprint = Blueprint("hubspot_inspection", __name__, url_prefix="/_sandbox/api/hubspot")
    blueprint.register_error_handler(HubSpotError, refused)
    blueprint.register_error_handler(LookupError, lambda error: _wrong(404, error))
    blueprint.register_error_handler(ValueError, lambda error: _wrong(400, error))
    _add_reading(blueprint, hubspot)
    _add_person(blueprint, hubspot)
    _add_settings(blueprint, hubspot)
    return blueprint


def _add_reading(blueprint: Blueprint, hubspot: HubSpot) -> None:
    @blueprint.get("/figures")
    def figures() -> ResponseReturnValue:
        return jsonify(hubspot.figures(_portal()))

    @blueprint.get("/contacts")
    def contacts() -> ResponseReturnValue:
        return _lines(hubspot, CONTACTS)

    @blueprint.get("/notes")
    def notes() -> ResponseReturnValue:
        return _lines(hubspot, NOTES)


def _add_person(blueprint: Blueprint, hubspot: HubSpot) -> None:
    @blueprint.post("/contacts")
    def create() -> ResponseReturnValue:
        return jsonify(id=hubspot.add_contact(json_object()["properties"], _portal())), 201

    @blueprint.patch("/contacts/<contact_id>")
    def edit(contact_id: str) -> ResponseReturnValue:
        hubspot.edit_contact(contact_id, json_object()["properties"], _portal())
        return jsonify(id=contact_id)

    @blueprint.delete("/contacts/<contact_id>")
    def delete(contact_id: str) -> ResponseReturnValue:
        hubspot.delete_contact(contact_id, _portal())
        return "", 204

    @blueprint.post("/contacts/merge")
    def merge() -> ResponseReturnValue:
        body = json_object()
        return jsonify(id=hubspot.merge_contacts(str(body["primary"]), str(body["other"]), _portal()))


def _add_settings(blueprint: Blueprint, hubspot: HubSpot) -> None:
    @blueprint.post("/portals")
    def add_portal() -> ResponseReturnValue:
        body = json_object()
        portal = hubspot.add_portal(
            int(body["portal_id"]),
            body.get("token"),
            body.get("scopes", ALL_SCOPES),
            body.get("tier", "demo"),
            name=body.get("name", ""),
            time_zone=body.get("time_zone", "US/Eastern"),
        )
        return jsonify(portal_id=portal.portal_id, tier=portal.tier), 201

    @blueprint.get("/switches")
    def switches() -> ResponseReturnValue:
        return jsonify(hubspot.dialect.as_dict())

    @blueprint.patch("/switches")
    def change_switches() -> ResponseReturnValue:
        hubspot.dialect.change(json_object())
        return jsonify(hubspot.dialect.as_dict())

    @blueprint.post("/reset")
    def reset() -> ResponseReturnValue:
        """Empty one portal (``?portal=``) or all; faults, calls and switches start afresh too."""
        hubspot.start_afresh(request.args.get("portal"))
        return "", 204


def _portal() -> int:
    return int(request.args.get("portal", DEFAULT_PORTAL))


def _lines(hubspot: HubSpot, kind: Kind) -> Response:
    """Return all records as JSON lines, in ASCII: some readers take U+2028 for the end of a line."""
    rows: Iterable[dict[str, Any]] = view.everything(hubspot.desk(_portal()), kind)
    text = "".join(json.dumps(each) + "\n" for each in rows)
    return Response(text, content_type="application/x-ndjson;charset=utf-8")


def _wrong(status: int, error: Exception) -> ResponseReturnValue:
    """Say what was wrong with a call; a KeyError names the member that is missing."""
    if isinstance(error, KeyError):
        status, error = 400, ValueError(f"missing: {error}")
    return jsonify(error=str(error)), status
