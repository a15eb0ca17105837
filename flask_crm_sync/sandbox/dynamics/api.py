"""The Dynamics part of ``/_sandbox/api``: what all CRMs have there, and accounts, merging, apps and alternate keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ..inspection import inspection
from ..panel import json_object
from .environments import DEFAULT_ENVIRONMENT, DEFAULT_TENANT
from .errors import DataverseError
from .exchange import refused
from .gate import answered
from .keys import add_alternate_key
from .tables import BY_NAME

if TYPE_CHECKING:
    from .vendor import Dynamics


def inspection_blueprint(dynamics: Dynamics) -> Blueprint:
    """Return the routes under ``/_sandbox/api/dynamics``. ``?portal=`` names the environment, else the first."""

    def add_environment(body: dict[str, Any]) -> dict[str, Any]:
        added = dynamics.add_environment(
            str(body["portal_id"]),
            tenant=str(body.get("tenant_id", DEFAULT_TENANT)),
            tier=str(body.get("tier", "demo")),
            has_application_user=bool(body.get("application_user", True)),
            token=body.get("token"),
        )
        return {"portal_id": added.name, "tier": added.tier, "instance_url": added.url, "tenant_id": added.tenant}

    blueprint = inspection(dynamics, _portal, add_environment)
    blueprint.register_error_handler(DataverseError, lambda error: answered(refused(error)))
    _add_person(blueprint, dynamics)
    _add_administrator(blueprint, dynamics)
    return blueprint


def _add_person(blueprint: Blueprint, dynamics: Dynamics) -> None:
    @blueprint.post("/contacts/merge")
    def merge() -> ResponseReturnValue:
        body = json_object()
        return jsonify(id=dynamics.merge_contacts(str(body["primary"]), str(body["other"]), _portal()))

    @blueprint.post("/accounts")
    def add_account() -> ResponseReturnValue:
        return jsonify(id=dynamics.add_account(str(json_object()["name"]), _portal())), 201


def _add_administrator(blueprint: Blueprint, dynamics: Dynamics) -> None:
    @blueprint.post("/apps")
    def add_app() -> ResponseReturnValue:
        body = json_object()
        app = dynamics.access.add_app(
            str(body["client_id"]),
            str(body["client_secret"]),
            tenant=str(body.get("tenant_id", DEFAULT_TENANT)),
            redirect_uris=body.get("redirect_uris", ()),
            disabled=bool(body.get("disabled", False)),
        )
        return jsonify(client_id=app.client_id), 201

    @blueprint.post("/keys")
    def add_key() -> ResponseReturnValue:
        body = json_object()
        desk, table = dynamics.desk(_portal()), BY_NAME[str(body.get("table", "contact"))]
        add_alternate_key(desk, table, str(body["name"]), [str(each) for each in body["columns"]])
        return jsonify(name=body["name"]), 201


def _portal() -> str:
    return request.args.get("portal", DEFAULT_ENVIRONMENT)
