"""Links to records in a CRM, as the CRM gave them."""

from __future__ import annotations

from urllib.parse import urlsplit


def web_address(url: object) -> str:
    """Return a link to the CRM; anything but https, or what nobody can read as an address, is no link to one."""
    try:
        return url if isinstance(url, str) and urlsplit(url).scheme == "https" else ""
    except ValueError:
        return ""
