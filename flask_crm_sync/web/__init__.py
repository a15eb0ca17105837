"""The pages: a blueprint in the host's frame, and the links to it."""

from __future__ import annotations

from flask import Flask

from . import (
    answers,
    audit_page,
    backfill_page,
    channels_page,
    conflicts_page,
    connection_page,
    conversation_page,
    criterion_page,
    entry_page,
    erasure_page,
    export_page,
    filter_page,
    follow_up_page,
    log_page,
    mapping_page,
    mapping_row_page,
    notifications_page,
    overview_page,
    preview_page,
    qualification_page,
    retry_page,
    settings_page,
    sign_in_page,
    trial_page,
    two_way_page,
    undo_page,
    webhook_page,
    webhooks,
    why,
)
from .badge import crm_sync_badge, crm_sync_badges
from .door import FrontDoor
from .entrance import blueprint
from .links import crm_sync_links
from .notifications_page import crm_sync_notifications
from .why import crm_sync_panel

__all__ = ["PAGES", "register"]

PAGES = (
    answers,
    audit_page,
    backfill_page,
    channels_page,
    conflicts_page,
    connection_page,
    conversation_page,
    criterion_page,
    entry_page,
    erasure_page,
    export_page,
    filter_page,
    follow_up_page,
    log_page,
    mapping_page,
    mapping_row_page,
    notifications_page,
    overview_page,
    preview_page,
    qualification_page,
    retry_page,
    settings_page,
    sign_in_page,
    trial_page,
    two_way_page,
    undo_page,
    webhook_page,
    why,
)
"""The modules whose import declares the pages."""


def register(app: Flask, crm: FrontDoor) -> None:
    """Add the pages and the webhooks' entrance to an app, and what its templates call.

    That is `crm_sync_links()`, `crm_sync_panel(client)`, `crm_sync_badge(conversation)`, `crm_sync_badges(list)` and
    `crm_sync_notifications()`.
    """
    app.register_blueprint(blueprint, url_prefix=crm.settings.url_prefix)
    app.register_blueprint(webhooks.blueprint, url_prefix=crm.settings.url_prefix)
    app.add_template_global(crm_sync_links, "crm_sync_links")
    app.add_template_global(crm_sync_panel, "crm_sync_panel")
    app.add_template_global(crm_sync_badge, "crm_sync_badge")
    app.add_template_global(crm_sync_badges, "crm_sync_badges")
    app.add_template_global(crm_sync_notifications, "crm_sync_notifications")
