"""AutoChat's paths: clients, and what happened with them."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, request

from ..clock import from_iso
from . import writes
from .access import READ_CLIENTS, WRITE_CLIENTS
from .clients import Activities, Clients
from .errors import invalid, not_allowed, not_found
from .fields import CLIENT_FIELDS, activity_fields, client_fields
from .gate import Answer, Caller, Office, View, guarded, json_body

BASE = "/functions/v1/crm-api/v1"
LARGEST_PAGE = 100
USUAL_PAGE = 50
SEARCHABLE = {"nothing": (), "email": ("email",), "email_and_phone": ("email", "phone")}


def list_clients(caller: Caller) -> Answer:
    """Return a page of clients, newest first; a query parameter that nobody knows is ignored."""
    dialect = caller.office.dialect
    page, limit = _number("page", 1, 1_000_000), _number("limit", USUAL_PAGE, LARGEST_PAGE)
    wanted = {name: request.args[name] for name in SEARCHABLE[dialect.search_by] if request.args.get(name)}
    since = _moment(dialect.changed_since)
    with caller.office.store.reading():
        clients = Clients(caller.office.store, caller.workspace)
        offset = (page - 1) * limit
        found, total = clients.page(wanted, loose=dialect.search_is_loose, offset=offset, limit=limit, since=since)
    body: dict[str, Any] = {"data": [client.shown() for client in found]}
    if dialect.paging_shown:
        body["pagination"] = {"page": page, "limit": limit, "total": total}
    return 200, body


def create_client(caller: Caller) -> Answer:
    """Make a client: 201."""
    fields = client_fields(json_body(), caller.office.dialect)
    caller.refuse_matching(fields)
    return 201, {"data": writes.create(caller.office, caller.workspace, fields).shown()}


def read_client(caller: Caller, client_id: str) -> Answer:
    """Return one client."""
    with caller.office.store.reading():
        return 200, {"data": writes.existing(caller.office, caller.workspace, client_id).shown()}


def put_client(caller: Caller, client_id: str) -> Answer:
    """Replace a client's fields, or merge into them, as the switch says."""
    fields = client_fields(json_body(), caller.office.dialect)
    caller.refuse_matching(fields)
    if caller.office.dialect.put == "replace":
        fields = {**dict.fromkeys(CLIENT_FIELDS), **fields}
    return 200, {"data": writes.change(caller.office, caller.workspace, client_id, fields).shown()}


def patch_client(caller: Caller, client_id: str) -> Answer:
    """Change the fields that the call names."""
    if not caller.office.dialect.patch_taken:
        raise not_allowed()
    fields = client_fields(json_body(), caller.office.dialect)
    caller.refuse_matching(fields)
    return 200, {"data": writes.change(caller.office, caller.workspace, client_id, fields).shown()}


def create_activity(caller: Caller, client_id: str) -> Answer:
    """Put an entry on a client's timeline: 201."""
    _check_activities(caller)
    fields = activity_fields(json_body(), caller.office.dialect)
    caller.refuse_matching(fields)
    return 201, {"data": writes.add_activity(caller.office, caller.workspace, client_id, fields).shown()}


def list_activities(caller: Caller, client_id: str) -> Answer:
    """Return a client's timeline, newest first."""
    _check_activities(caller)
    if not caller.office.dialect.activities_listed:
        raise not_allowed()
    with caller.office.store.reading():
        client = writes.existing(caller.office, caller.workspace, client_id)
        return 200, {"data": [each.shown() for each in Activities(caller.office.store, caller.workspace).of(client.id)]}


class Route(NamedTuple):
    """One call: what it is, the scope it needs, what answers it."""

    method: str
    path: str
    view: View
    scope: str


ROUTES = (
    Route("GET", "/clients", list_clients, READ_CLIENTS),
    Route("POST", "/clients", create_client, WRITE_CLIENTS),
    Route("GET", "/clients/<client_id>", read_client, READ_CLIENTS),
    Route("PUT", "/clients/<client_id>", put_client, WRITE_CLIENTS),
    Route("PATCH", "/clients/<client_id>", patch_client, WRITE_CLIENTS),
    Route("POST", "/clients/<client_id>/activities", create_activity, WRITE_CLIENTS),
    Route("GET", "/clients/<client_id>/activities", list_activities, READ_CLIENTS),
)


def api_blueprint(office: Office) -> Blueprint:
    """Return all guarded calls."""
    blueprint = Blueprint("autochat_api", __name__)
    for route in ROUTES:
        view = guarded(office, route.view, route.scope)
        blueprint.add_url_rule(BASE + route.path, route.view.__name__, view, methods=[route.method])
    return blueprint


def _number(name: str, default: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= most):
        raise invalid(f"{name} must be between 1 and {most}")
    return int(text)


def _moment(name: str) -> int:
    """Return a moment that the query names, in milliseconds; 0 where it names none."""
    try:
        return from_iso(request.args[name]) if name in request.args else 0
    except ValueError:
        raise invalid(f"{name} must be an ISO 8601 date") from None


def _check_activities(caller: Caller) -> None:
    if not caller.office.dialect.activities:
        raise not_found("Resource")
