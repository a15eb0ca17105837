"""A CRM's part of ``/_sandbox/api``: figures, everything that arrived, a person's edits, portals, switches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from .panel import json_object
from .switches import Switches


class Inspected(Protocol):
    """A CRM whose store can be read and edited. Portals are named the way its methods want them."""

    @property
    def name(self) -> str:
        """Its name in addresses."""

    @property
    def dialect(self) -> Switches:
        """Its switches."""

    def figures(self, portal: Any, /) -> dict[str, Any]:
        """Return counts of records, notes and calls."""

    def contacts(self, portal: Any, /) -> Iterable[dict[str, Any]]:
        """Return all records."""

    def notes(self, portal: Any, /) -> Iterable[dict[str, Any]]:
        """Return all notes."""

    def add_contact(self, properties: Any, portal: Any, /) -> str:
        """Let a person create a record; return its id."""

    def edit_contact(self, contact_id: str, properties: Any, portal: Any, /) -> None:
        """Let a person edit a record."""

    def delete_contact(self, contact_id: str, portal: Any, /) -> None:
        """Let a person delete a record."""

    def start_afresh(self, portal_id: str | None = None) -> None:
        """Empty it."""


def inspection(crm: Inspected, portal: Callable[[], Any], add_portal: Callable[[dict[str, Any]], Any]) -> Blueprint:
    """Return the routes under ``/_sandbox/api/<crm>``; ``?portal=`` names the portal, which ``portal`` reads."""
    blueprint = Blueprint(f"{crm.name}_inspection", __name__, url_prefix=f"/_sandbox/api/{crm.name}")
    blueprint.register_error_handler(LookupError, lambda error: _wrong(404, error))
    blueprint.register_error_handler(ValueError, lambda error: _wrong(400, error))
    _add_reading(blueprint, crm, portal)
    _add_person(blueprint, crm, portal)
    _add_settings(blueprint, crm, add_portal)
    return blueprint


def _add_reading(blueprint: Blueprint, crm: Inspected, portal: Callable[[], Any]) -> None:
    @blueprint.get("/figures")
    def figures() -> ResponseReturnValue:
        return jsonify(crm.figures(portal()))

    @blueprint.get("/contacts")
    def contacts() -> ResponseReturnValue:
        return json_lines(crm.contacts(portal()))

    @blueprint.get("/notes")
    def notes() -> ResponseReturnValue:
        return json_lines(crm.notes(portal()))


def _add_person(blueprint: Blueprint, crm: Inspected, portal: Callable[[], Any]) -> None:
    @blueprint.post("/contacts")
    def create() -> ResponseReturnValue:
        return jsonify(id=crm.add_contact(json_object()["properties"], portal())), 201

    @blueprint.patch("/contacts/<contact_id>")
    def edit(contact_id: str) -> ResponseReturnValue:
        crm.edit_contact(contact_id, json_object()["properties"], portal())
        return jsonify(id=contact_id)

    @blueprint.delete("/contacts/<contact_id>")
    def delete(contact_id: str) -> ResponseReturnValue:
        crm.delete_contact(contact_id, portal())
        return "", 204


def _add_settings(blueprint: Blueprint, crm: Inspected, add_portal: Callable[[dict[str, Any]], Any]) -> None:
    dialect = crm.dialect

    @blueprint.post("/portals")
    def portals() -> ResponseReturnValue:
        return jsonify(add_portal(json_object())), 201

    @blueprint.get("/switches")
    def switches() -> ResponseReturnValue:
        return jsonify(dialect.as_dict())

    @blueprint.patch("/switches")
    def change_switches() -> ResponseReturnValue:
        dialect.change(json_object())
        return jsonify(dialect.as_dict())

    @blueprint.post("/reset")
    def reset() -> ResponseReturnValue:
        """Empty one portal (``?portal=``) or all; faults, calls and switches start afresh too."""
        crm.start_afresh(request.args.get("portal"))
        return "", 204


def json_lines(rows: Iterable[dict[str, Any]]) -> Response:
    """Return rows as JSON lines, in ASCII: some readers take U+2028 for the end of a line."""
    text = "".join(json.dumps(each) + "\n" for each in rows)
    return Response(text, content_type="application/x-ndjson;charset=utf-8")


def _wrong(status: int, error: Exception) -> ResponseReturnValue:
    """Say what was wrong with a call; a KeyError names the member that is missing."""
    if isinstance(error, KeyError):
        status, error = 400, ValueError(f"missing: {error}")
    return jsonify(error=str(error)), status
