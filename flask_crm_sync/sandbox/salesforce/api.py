"""The Salesforce part of ``/_sandbox/api``: what all CRMs have there, and what only people do in Salesforce."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ..inspection import inspection
from ..panel import json_object
from .access import ALL_SCOPES
from .errors import SalesforceError
from .gate import refused
from .orgs import DEFAULT_ORG, Org

if TYPE_CHECKING:
    from .vendor import Salesforce


def inspection_blueprint(salesforce: Salesforce) -> Blueprint:
    """Return the routes under ``/_sandbox/api/salesforce``. ``?portal=`` names the org, the first one by default."""

    def add_portal(body: dict[str, Any]) -> dict[str, Any]:
        client = body.get("client_id")
        org = salesforce.add_portal(
            str(body["portal_id"]),
            body.get("token"),
            name=body.get("name", ""),
            instance=body.get("instance", ""),
            scopes=body.get("scopes", ALL_SCOPES),
            app=(str(client), str(body["client_secret"])) if client else None,
            settings=body.get("settings"),
        )
        return _shown(org)

    blueprint = Blueprint("salesforce_json", __name__)
    # Ours come first: Salesforce's new records need a type, which the route shared by all CRMs does not read.
    for part in (_people(salesforce), _org(salesforce), inspection(salesforce, _portal, add_portal)):
        part.register_error_handler(SalesforceError, refused)
        blueprint.register_blueprint(part)
    return blueprint


def _people(salesforce: Salesforce) -> Blueprint:
    """Return the routes for what a person does with leads and contacts."""
    blueprint = Blueprint("salesforce_people", __name__, url_prefix="/_sandbox/api/salesforce/contacts")
    _explain_mistakes(blueprint)

    @blueprint.post("")
    def create() -> ResponseReturnValue:
        body = json_object()
        kind = str(body.get("type", "Lead"))
        return jsonify(id=salesforce.add_contact(body["properties"], _portal(), kind)), 201

    @blueprint.post("/merge")
    def merge() -> ResponseReturnValue:
        body = json_object()
        return jsonify(id=salesforce.merge_contacts(str(body["primary"]), str(body["other"]), _portal()))

    @blueprint.post("/<record_id>/restore")
    def restore(record_id: str) -> ResponseReturnValue:
        salesforce.restore_contact(record_id, _portal())
        return jsonify(id=record_id)

    @blueprint.post("/<record_id>/convert")
    def convert(record_id: str) -> ResponseReturnValue:
        return jsonify(id=salesforce.convert_lead(record_id, _portal()))

    return blueprint


def _org(salesforce: Salesforce) -> Blueprint:
    """Return the routes for what an administrator decides in an org."""
    blueprint = Blueprint("salesforce_org", __name__, url_prefix="/_sandbox/api/salesforce")
    _explain_mistakes(blueprint)

    @blueprint.get("/org")
    def read() -> ResponseReturnValue:
        return jsonify(_shown(salesforce.desk(_portal()).org))

    @blueprint.patch("/org")
    def change() -> ResponseReturnValue:
        """Change settings: key_field, key_field_on, rights, daily_requests, api_enabled."""
        return jsonify(_shown(salesforce.add_portal(salesforce.desk(_portal()).org.org_id, settings=json_object())))

    @blueprint.post("/sessions/expire")
    def expire() -> ResponseReturnValue:
        return jsonify(expired=salesforce.expire_sessions(_portal()))

    @blueprint.post("/usage")
    def usage() -> ResponseReturnValue:
        """Let the org have made ``{"used": n}`` calls today."""
        salesforce.use_up(int(json_object()["used"]), _portal())
        return "", 204

    return blueprint


def _explain_mistakes(blueprint: Blueprint) -> None:
    blueprint.register_error_handler(KeyError, lambda error: (jsonify(error=f"missing: {error}"), 400))
    blueprint.register_error_handler(LookupError, lambda error: (jsonify(error=str(error)), 404))
    blueprint.register_error_handler(ValueError, lambda error: (jsonify(error=str(error)), 400))


def _shown(org: Org) -> dict[str, Any]:
    return {"portal_id": org.org_id, "name": org.name, "instance": org.instance, "settings": asdict(org.settings)}


def _portal() -> str:
    return request.args.get("portal", DEFAULT_ORG)
