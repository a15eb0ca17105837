"""Keep the sandbox private: loopback names only, and no forms posted from other sites."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Request

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def is_loopback(host: str) -> bool:
    """Say whether a host name or address (no port) can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_rebound(request: Request) -> bool:
    """Say whether a call came under a name that is not loopback, as DNS rebinding would have it."""
    name = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    return not is_loopback(name)


def is_cross_site(request: Request) -> bool:
    """Say whether a browser sent a changing call from a page that is not ours.

    Programs send neither header and pass; browsers send at least one of them.
    """
    if request.method in SAFE_METHODS:
        return False
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("Host")
