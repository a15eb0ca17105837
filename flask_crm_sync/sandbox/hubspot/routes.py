"""The vendor's paths, in all three families, on the same views."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint

from . import links, objects, schemas, webhooks
from .gate import Office, View, guarded

VERSIONS = ("2026-03", "2026-09")

OBJECTS = (*(f"/crm/objects/{version}" for version in VERSIONS), "/crm/v3/objects")
RECORD_LINKS = (*(f"/crm/objects/{version}" for version in VERSIONS), "/crm/v4/objects")
LINKS = (*(f"/crm/associations/{version}" for version in VERSIONS), "/crm/v4/associations")
PROPERTIES = (*(f"/crm/properties/{version}" for version in VERSIONS), "/crm/v3/properties")
WEBHOOKS = (*(f"/webhooks/{version}" for version in VERSIONS), "/webhooks/v3")
ACCOUNT = (*(f"/account-info/{version}" for version in VERSIONS), "/account-info/v3")


class Route(NamedTuple):
    """One call: where, what it needs, what answers it."""

    bases: tuple[str, ...]
    method: str
    path: str
    view: View
    needs: str


_LINK = "/<kind>/<record_id>/associations"
ROUTES = (
    Route(OBJECTS, "POST", "/<kind>", objects.create_one, "write"),
    Route(OBJECTS, "GET", "/<kind>", objects.list_all, "read"),
    Route(OBJECTS, "GET", "/<kind>/<record_id>", objects.read_one, "read"),
    Route(OBJECTS, "PATCH", "/<kind>/<record_id>", objects.update_one, "write"),
    Route(OBJECTS, "DELETE", "/<kind>/<record_id>", objects.archive_one, "write"),
    Route(OBJECTS, "POST", "/<kind>/batch/create", objects.batch_create, "write"),
    Route(OBJECTS, "POST", "/<kind>/batch/read", objects.batch_read, "read"),
    Route(OBJECTS, "POST", "/<kind>/batch/update", objects.batch_update, "write"),
    Route(OBJECTS, "POST", "/<kind>/batch/upsert", objects.batch_upsert, "write"),
    Route(OBJECTS, "POST", "/<kind>/batch/archive", objects.batch_archive, "write"),
    Route(OBJECTS, "POST", "/<kind>/merge", objects.merge_two, "write"),
    Route(OBJECTS, "POST", "/<kind>/gdpr-delete", objects.erase_one, "write"),
    Route(OBJECTS, "POST", "/<kind>/search", objects.search_all, "read"),
    Route(RECORD_LINKS, "GET", f"{_LINK}/<to_kind>", links.list_links, "read"),
    Route(RECORD_LINKS, "PUT", f"{_LINK}/default/<to_kind>/<to_id>", links.put_default_link, "write"),
    Route(RECORD_LINKS, "PUT", f"{_LINK}/<to_kind>/<to_id>", links.put_link, "write"),
    Route(RECORD_LINKS, "DELETE", f"{_LINK}/<to_kind>/<to_id>", links.delete_link, "write"),
    Route(LINKS, "GET", "/<kind>/<to_kind>/labels", links.list_labels, "read"),
    Route(LINKS, "POST", "/<kind>/<to_kind>/batch/create", links.batch_link, "write"),
    Route(LINKS, "POST", "/<kind>/<to_kind>/batch/associate/default", links.batch_link_default, "write"),
    Route(LINKS, "POST", "/<kind>/<to_kind>/batch/read", links.batch_read_links, "read"),
    Route(LINKS, "POST", "/<kind>/<to_kind>/batch/archive", links.batch_unlink, "write"),
    Route(PROPERTIES, "GET", "/<kind>", schemas.list_properties, "read schemas"),
    Route(PROPERTIES, "POST", "/<kind>", schemas.create_property, "write schemas"),
    Route(PROPERTIES, "POST", "/<kind>/batch/create", schemas.batch_create_properties, "write schemas"),
    Route(PROPERTIES, "POST", "/<kind>/batch/read", schemas.batch_read_properties, "read schemas"),
    Route(PROPERTIES, "POST", "/<kind>/batch/archive", schemas.batch_archive_properties, "write schemas"),
    Route(PROPERTIES, "GET", "/<kind>/groups", schemas.list_groups, "read schemas"),
    Route(PROPERTIES, "POST", "/<kind>/groups", schemas.create_group, "write schemas"),
    Route(PROPERTIES, "GET", "/<kind>/groups/<name>", schemas.read_group, "read schemas"),
    Route(PROPERTIES, "PATCH", "/<kind>/groups/<name>", schemas.update_group, "write schemas"),
    Route(PROPERTIES, "DELETE", "/<kind>/groups/<name>", schemas.archive_group, "write schemas"),
    Route(PROPERTIES, "GET", "/<kind>/<name>", schemas.read_property, "read schemas"),
    Route(PROPERTIES, "PATCH", "/<kind>/<name>", schemas.update_property, "write schemas"),
    Route(PROPERTIES, "DELETE", "/<kind>/<name>", schemas.archive_property, "write schemas"),
    Route(WEBHOOKS, "GET", "/<app_id>/settings", webhooks.read_settings, "any"),
    Route(WEBHOOKS, "PUT", "/<app_id>/settings", webhooks.put_settings, "any"),
    Route(WEBHOOKS, "DELETE", "/<app_id>/settings", webhooks.delete_settings, "any"),
    Route(WEBHOOKS, "GET", "/<app_id>/subscriptions", webhooks.list_subscriptions, "any"),
    Route(WEBHOOKS, "POST", "/<app_id>/subscriptions", webhooks.create_subscription, "any"),
    Route(WEBHOOKS, "POST", "/<app_id>/subscriptions/batch/update", webhooks.batch_update_subscriptions, "any"),
    Route(WEBHOOKS, "GET", "/<app_id>/subscriptions/<subscription_id>", webhooks.read_subscription, "any"),
    Route(WEBHOOKS, "PATCH", "/<app_id>/subscriptions/<subscription_id>", webhooks.update_subscription, "any"),
    Route(WEBHOOKS, "DELETE", "/<app_id>/subscriptions/<subscription_id>", webhooks.delete_subscription, "any"),
    Route(ACCOUNT, "GET", "/details", schemas.account_details, "any"),
    Route(ACCOUNT, "GET", "/api-usage/daily/private-apps", schemas.daily_usage, "any"),
)


def api_blueprint(office: Office) -> Blueprint:
    """Return all guarded calls."""
    blueprint = Blueprint("hubspot_api", __name__)
    for route in ROUTES:
        view = guarded(office, route.view, route.needs, is_search=route.view is objects.search_all)
        for base in route.bases:
            blueprint.add_url_rule(base + route.path, route.view.__name__, view, methods=[route.method])
    return blueprint
