"""The Dynamics part of ``/_sandbox/api``: what all CRMs have there, and accounts, merging, apps, keys, webhooks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ..inspection import inspection
from ..panel import json_object
from .environments import DEFAULT_ENVIRONMENT, DEFAULT_TENANT
from .errors import DataverseError
from .events import MESSAGES
from .exchange import refused
from .gate import answered
from .keys import add_alternate_key
from .tables import BY_NAME
from .webhooks import HEADER

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
    _add_webhooks(blueprint, dynamics)
    return blueprint


def _add_person(blueprint: Blueprint, dynamics: Dynamics) -> None:
    @blueprint.post("/contacts/merge")
    def merge() -> ResponseReturnValue:
        body = json_object()
        return jsonify(id=dynamics.merge_contacts(str(body["primary"]), str(body["other"]), _portal()))

    @blueprint.post("/contacts/<contact_id>/restore")
    def restore(contact_id: str) -> ResponseReturnValue:
        dynamics.restore_contact(contact_id, _portal())
        return "", 204

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


def _add_webhooks(blueprint: Blueprint, dynamics: Dynamics) -> None:
    @blueprint.get("/webhooks")
    def webhooks() -> ResponseReturnValue:
        listed = [hook.shown() for hook in dynamics.sender.listed(_portal())]
        return jsonify(webhooks=listed, deliveries=[asdict(each) for each in dynamics.sender.deliveries()])

    @blueprint.post("/webhooks")
    def add_webhook() -> ResponseReturnValue:
        """Take ``{"url", "secret", "header", "events", "ca_file"}``; the answer shows the secret, this once."""
        body = json_object()
        hook = dynamics.sender.add(
            dynamics.desk(_portal()).environment.name,
            str(body["url"]),
            secret=str(body.get("secret", "")),
            header=str(body.get("header", HEADER)),
            events=tuple(body.get("events", MESSAGES)),
            ca_file=body.get("ca_file"),
        )
        return jsonify({**hook.shown(), "secret": hook.secret}), 201

    @blueprint.patch("/webhooks/<int:hook_id>")
    def switch_webhook(hook_id: int) -> ResponseReturnValue:
        dynamics.sender.set_active(hook_id, bool(json_object()["active"]))
        return "", 204

    @blueprint.delete("/webhooks/<int:hook_id>")
    def remove_webhook(hook_id: int) -> ResponseReturnValue:
        dynamics.sender.remove(hook_id)
        return "", 204


def _portal() -> str:
    return request.args.get("portal", DEFAULT_ENVIRONMENT)
