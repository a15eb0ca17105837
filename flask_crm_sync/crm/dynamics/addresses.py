"""Where Dynamics environments live, and where their people sign in. Pure.

The sign-in host follows from the environment's address and is never typed in: who could choose it would be sent the
client secret.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_COMMERCIAL = re.compile(rf"({_LABEL})(?:\.api)?\.(crm\d{{0,2}}\.dynamics\.com)", re.ASCII)
_SOVEREIGN = re.compile(rf"({_LABEL})(?:\.api)?\.(crm\.(?:microsoftdynamics\.us|appsplatform\.us|dynamics\.cn))")
_SIGN_IN = {
    "crm.microsoftdynamics.us": "login.microsoftonline.us",
    "crm.appsplatform.us": "login.microsoftonline.us",
    "crm.dynamics.cn": "login.partner.microsoftonline.cn",
}
_NO_ENVIRONMENTS = {"globaldisco", "disco", "make", "admin", "www"}
"""Names below the same domains that are services of Microsoft's own."""
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)

ALLOWED_HOSTS = (
    "*.crm.dynamics.com",
    *(f"*.crm{number}.dynamics.com" for number in range(100)),
    *(f"*.{domain}" for domain in _SIGN_IN),
)
"""Regions get new numbers, so every number is allowed; the closed German cloud (`.de`) is not."""


class Environment(NamedTuple):
    """One environment: its canonical host (without `.api`) and the host where its people sign in."""

    host: str
    sign_in_host: str

    @property
    def url(self) -> str:
        """Return its address, which names it in OAuth scopes too."""
        return f"https://{self.host}"


def environment(text: str) -> Environment | None:
    """Read an environment's address, or its bare host name; None for what is not one of Microsoft's."""
    parts = _parts(text.strip())
    if parts is None or parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return _of_host(parts.netloc.lower())


def environment_of_url(url: str) -> str:
    """Return the canonical host of any address within an environment, "" for an address elsewhere."""
    parts = _parts(url)
    found = _of_host(parts.netloc.lower()) if parts else None
    return found.host if found else ""


def is_guid(text: str) -> bool:
    """Tell whether a text is a GUID as Microsoft writes them."""
    return _GUID.fullmatch(text) is not None


def is_tenant(text: str) -> bool:
    """Tell whether a text names one tenant: its GUID or a domain of it. It becomes part of an address."""
    return is_guid(text) or (len(text) <= 253 and _DOMAIN.fullmatch(text) is not None)


def _parts(text: str) -> SplitResult | None:
    if not text.isascii() or not text.isprintable() or "\\" in text:
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        return None
    return parts if parts.scheme == "https" else None


def _of_host(netloc: str) -> Environment | None:
    """Match the whole of an address between `//` and the path: a port or a user name in it is not matched."""
    found = _COMMERCIAL.fullmatch(netloc) or _SOVEREIGN.fullmatch(netloc)
    if found is None or found[1] in _NO_ENVIRONMENTS:
        return None
    return Environment(f"{found[1]}.{found[2]}", _SIGN_IN.get(found[2], "login.microsoftonline.com"))
