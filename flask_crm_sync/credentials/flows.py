"""Which ways to connect there are, and how each comes to a token."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Settings
from ..crm.base import Adapter, AuthMethod
from ..crm.oauth import Flow
from ..errors import CredentialsIncomplete, ReconnectRequired, UnsupportedFeature


def way_to_connect(adapter: type[Adapter], name: str, settings: Settings) -> AuthMethod:
    """Return a CRM's way to connect by its name; raise UnsupportedFeature where it has no such way.

    Ways that this installation offers no longer are known still: there may be connections that were made by them.
    """
    for way in (*adapter.ways(settings), *adapter.auth_methods):
        if way.name == name:
            return way
    raise UnsupportedFeature(adapter.label, f"a connection by {name[:40]!r}")


def flow_of(adapter: type[Adapter], name: str, credentials: Mapping[str, str], settings: Settings) -> Flow | None:
    """Return how tokens are had for a way to connect, None where what was typed is the token.

    Raises ReconnectRequired where an address that was stored is not on the CRM's list (any more).
    """
    if not way_to_connect(adapter, name, settings).grant:
        return None
    try:
        return adapter.flow(name, credentials, settings)
    except CredentialsIncomplete as wrong:
        raise ReconnectRequired(str(wrong)) from None


def missing_keys(adapter: type[Adapter], settings: Settings) -> tuple[str, ...]:
    """Return the settings that signing in to a CRM still needs; a plug-in's app is its own affair."""
    names = [f"{adapter.name}_client_id", f"{adapter.name}_client_secret", "public_url"]
    return tuple(f"CRM_SYNC_{name.upper()}" for name in names if getattr(settings, name, None) == "")
