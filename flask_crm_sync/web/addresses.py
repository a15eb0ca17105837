"""Addresses that others must know to the letter."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import request, url_for

from .door import door
from .entrance import NAME


def callback_url(crm: str) -> str:
    """Return where a CRM sends people back to: what is registered with the app there."""
    return public_address(f"{NAME}.sign_in_callback", crm=crm)


def public_address(endpoint: str, **values: Any) -> str:
    """Return the address at which others reach a route.

    The origin is configured and never taken from the request, whose Host header anybody can write. Where it has a path,
    that is where the app is mounted, as people see it from outside; else the request's own (or APPLICATION_ROOT) is.
    """
    public, path = door().settings.public_url, url_for(endpoint, **values)
    return public + (path.removeprefix(request.script_root) if urlsplit(public).path else path)
