"""Where messages may go: hosts on the public internet, and nowhere else.

Names are resolved when an address is entered and again when it is used. Under `CRM_SYNC_SANDBOX_URL`, and only there,
loopback may be told too.
"""

from __future__ import annotations

import queue
import socket
import threading
from urllib.parse import urlsplit

from ..config import Settings
from ..config_values import is_loopback
from ..crm.transport import is_allowed
from .problems import NO_ADDRESS, NOT_HTTPS, PRIVATE_ADDRESS, UNKNOWN_HOST, CannotTell

LOOK_UP_SECONDS = 5.0
_LONGEST = 2000


def check_webhook(url: str, settings: Settings) -> str:
    """Return the host of a webhook's address; raise CannotTell for one that is none, or leads where it must not."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        raise CannotTell(NO_ADDRESS) from None
    usual = url.isascii() and url.isprintable() and " " not in url and "\\" not in url and len(url) <= _LONGEST
    if not usual or not host or parts.username is not None or parts.fragment or parts.path.startswith("//"):
        raise CannotTell(NO_ADDRESS)
    if parts.scheme != "https":
        raise CannotTell(NOT_HTTPS)
    check_host(host, port, settings)
    return host


def check_host(host: str, port: int, settings: Settings) -> None:
    """Resolve a host's name; raise CannotTell where it is not known, or any of its addresses is not public."""
    found = _look_up(host, port)
    if not found:
        raise CannotTell(UNKNOWN_HOST)
    if not all(may_be_told(address, settings) for address in found):
        raise CannotTell(PRIVATE_ADDRESS)


def may_be_told(address: str, settings: Settings) -> bool:
    """Tell whether an IP address is public, or the sandbox's own machine while the sandbox is in use."""
    try:
        return is_allowed(address, "public") or (bool(settings.sandbox_url) and is_allowed(address, "loopback"))
    except ValueError:
        return False


def on_loopback(host: str, settings: Settings) -> bool:
    """Tell whether a host is the sandbox's own machine, which only the sandbox's authority vouches for."""
    return bool(settings.sandbox_url) and (host == "localhost" or is_loopback(host))


def _look_up(host: str, port: int) -> list[str]:
    """Return a name's addresses, none for an unknown name; the system's resolver knows no time-out of its own."""
    answer: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(_resolved(host, port)), daemon=True).start()
    try:
        return answer.get(timeout=LOOK_UP_SECONDS)
    except queue.Empty:
        return []


def _resolved(host: str, port: int) -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []
