"""Which addresses are Salesforce's: held to by label, never by a bare ending.

Only hosts that serve no pages of customers are on the list, so no force.com, site.com or visualforce.com.
Source: the domain lists of Salesforce's own tools; My Domain in Salesforce Help.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..http import host_allowed

PRODUCTION, SANDBOX = "login.salesforce.com", "test.salesforce.com"
LOGIN_HOSTS = (PRODUCTION, SANDBOX)
"""Where anybody may sign in; the API is on none of them."""
MY_DOMAINS = ("*.my.salesforce.com", "*.my.salesforce.mil", "*.my.sfcrmproducts.cn")

_LIGHTNING = ".lightning.force.com"
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_SHOWN = "https://yourdomain.my.salesforce.com"


def my_domain(address: str) -> str:
    """Return the host of an org's own address, with or without https; raise ValueError saying what is wrong.

    The address of the Lightning pages is understood as that of the org whose pages they are.
    """
    host = _host(address)
    if host.endswith(_LIGHTNING):
        host = f"{host.removesuffix(_LIGHTNING)}.my.salesforce.com"
    if host in LOGIN_HOSTS:
        raise ValueError(f"{host} is for people to sign in; the org's own My Domain is needed, such as {_SHOWN}.")
    if not host_allowed(host, MY_DOMAINS):
        raise ValueError(f"This is not the address of a Salesforce org. It looks like {_SHOWN}.")
    return host


def login_host(address: str) -> str:
    """Return the host where people sign in: Salesforce's own two, or an org's; raise ValueError."""
    if not address:
        return PRODUCTION
    host = _host(address)
    return host if host in LOGIN_HOSTS else my_domain(host)


def _host(address: str) -> str:
    """Return the host of an https address that has nothing else; raise ValueError."""
    text = address.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    host = parts.netloc.lower()
    if parts.scheme != "https":
        raise ValueError(f"The address has to begin with https://, such as {_SHOWN}.")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError(f"Only the address of the org is wanted, without what follows it: {_SHOWN}.")
    # What is no plain name, such as one with a port, a user or letters beyond ASCII, is no host of the list either.
    if not _HOST.fullmatch(host):
        raise ValueError(f"This is not the address of a Salesforce org. It looks like {_SHOWN}.")
    return host
