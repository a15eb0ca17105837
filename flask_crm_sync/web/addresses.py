"""Addresses that others must know to the letter."""

from __future__ import annotations

from flask import url_for

from .door import door
from .entrance import NAME


def callback_url(crm: str) -> str:
    """Return where a CRM sends people back to: what is registered with the app there.

    The origin is configured and never taken from the request, whose Host header anybody can write.
    """
    return door().settings.public_url + url_for(f"{NAME}.sign_in_callback", crm=crm)
