"""The pages: a blueprint in the host's frame, and the links to it."""

from __future__ import annotations

from flask import Flask

from . import answers, connection_page, entry_page, log_page, sign_in_page
from .door import FrontDoor
from .entrance import blueprint
from .links import crm_sync_links

__all__ = ["PAGES", "register"]

PAGES = (answers, connection_page, entry_page, log_page, sign_in_page)
"""The modules whose import declares the pages."""


def register(app: Flask, crm: FrontDoor) -> None:
    """Add the pages to an app, and `crm_sync_links()` to its templates."""
    app.register_blueprint(blueprint, url_prefix=crm.settings.url_prefix)
    app.add_template_global(crm_sync_links, "crm_sync_links")
