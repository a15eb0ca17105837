"""Which adapters there are: ours, listed here, and those of other packages (entry point `flask_crm_sync.crm`)."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ..clock import Clock
from ..config import Settings
from ..errors import ConfigurationError, UnsupportedFeature
from .autochat import AutoChatAdapter
from .base import Adapter
from .dynamics import DynamicsAdapter
from .http import HTTPClient, Meter, Renewal
from .hubspot import HubSpotAdapter
from .salesforce import SalesforceAdapter

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_DATA = ("name", "label", "fields", "auth_methods", "burst_limit")
_OURS: tuple[type[Adapter], ...] = (SalesforceAdapter, HubSpotAdapter, DynamicsAdapter, AutoChatAdapter)


@functools.cache
def adapters() -> Mapping[str, type[Adapter]]:
    """Return every adapter by name; a foreign one never takes the place of one of ours.

    Raises ConfigurationError for a foreign one that cannot be used, naming what is wrong with it.
    """
    ours = {adapter.name: adapter for adapter in _OURS}
    entries = [entry for entry in entry_points(group="flask_crm_sync.crm") if entry.name not in ours]
    return MappingProxyType({**{entry.name: _foreign(entry) for entry in entries}, **ours})


def _foreign(entry: EntryPoint) -> type[Adapter]:
    try:
        found: Any = entry.load()
    except Exception as error:
        raise ConfigurationError(
            f"CRM {entry.name}: {entry.value} cannot be loaded ({type(error).__name__}: {error})."
        ) from error
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise ConfigurationError(f"CRM {entry.name}: {entry.value} is no subclass of flask_crm_sync.crm.base.Adapter.")
    if not _NAME.fullmatch(entry.name) or getattr(found, "name", None) != entry.name:
        raise ConfigurationError(
            f"CRM {entry.name}: the entry point and the `name` of {entry.value} ({getattr(found, 'name', None)!r}) "
            "must be the same word of small letters, digits and _."
        )
    if missing := [name for name in _DATA if not hasattr(found, name)] + sorted(found.__abstractmethods__):
        raise ConfigurationError(f"CRM {entry.name}: {entry.value} lacks {', '.join(missing)}.")
    return found


def adapter_class(name: str) -> type[Adapter]:
    """Return the adapter of the name; raise UnsupportedFeature where there is none."""
    try:
        return adapters()[name]
    except KeyError:
        known = ", ".join(sorted(adapters()))
        raise UnsupportedFeature("This installation", f"the CRM {name!r} (it knows: {known})") from None


def connect(
    name: str,
    credentials: Mapping[str, str],
    settings: Settings,
    traits: Mapping[str, Any],
    *,
    meter: Meter | None,
    clock: Clock,
    renew: Renewal | None = None,
) -> Adapter:
    """Return the named adapter, ready to call with the given credentials; nothing is sent yet.

    Where `sandbox_url` is set every call goes there with its path, and to loopback only. Raises UnsupportedFeature for
    an unknown name, ReconnectRequired where the credentials cannot be right.
    """
    adapter = adapter_class(name)
    sandbox, base_url = settings.sandbox_url, adapter.base_url(settings, credentials)
    http = HTTPClient(
        sandbox + urlsplit(base_url).path if sandbox else base_url,
        headers=adapter.authorization(credentials),
        allowed_hosts=(urlsplit(sandbox).hostname or "",) if sandbox else adapter.allowed_hosts(settings),
        ca_file=settings.sandbox_ca or None if sandbox else None,
        timeout=settings.call_timeout,
        meter=meter,
        clock=clock,
        network="loopback" if sandbox else "public",
        renew=renew,
    )
    return adapter(http, settings, {**traits, **adapter.told(credentials)})
