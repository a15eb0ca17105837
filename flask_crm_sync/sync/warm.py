"""Adapters kept warm between drains: opening credentials and TLS anew for every lead would cost more than the call.

An adapter of a signed-in connection renews its token by itself when the CRM refuses it, and stays what it is. A token
that nears its end is renewed here, before the drain begins.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from ..credentials.flows import flow_of
from ..credentials.tokens import fresh
from ..crm.oauth import Flow
from ..crm.registry import adapter_class
from ..errors import ReconnectRequired, SecretUnreadable, Unreachable, UnsupportedFeature
from .outgoing import further_of

if TYPE_CHECKING:
    from ..crm.base import Adapter
    from .context import Sync

KEPT = 64

Row: TypeAlias = Mapping[Any, Any]
"""A connection's row: column name -> value."""


@dataclass(slots=True)
class Warm:
    """An adapter, the key of its budget, and when its token must be renewed (None where it has no end)."""

    adapter: Adapter
    token: str
    renew_at: float | None = None


@dataclass
class WarmAdapters:
    """One process's adapters, by what they were made from: another sign-in or other traits make a new one."""

    kept: OrderedDict[str, Warm] = field(default_factory=OrderedDict, repr=False)

    def get(self, sync: Sync, connection: Row) -> Warm:
        """Return the adapter of a connection's row, its token good for a while.

        Raises SecretUnreadable where the credentials do not open, and what the renewal of a token may raise.
        """
        made_from = _made_from(connection)
        warm = self.kept.pop(made_from, None)
        if warm is not None and warm.renew_at is not None and sync.clock.now().timestamp() >= warm.renew_at:
            warm.adapter.http.close()
            warm = None
        self.kept[made_from] = warm = warm or _make(sync, connection)
        warm.adapter.write_also(further_of(connection))
        while len(self.kept) > KEPT:
            _, old = self.kept.popitem(last=False)
            old.adapter.http.close()
        return warm

    def forget(self, connection: Row) -> None:
        """Let go of the adapter of a connection's row, if it is kept: the next one is made anew."""
        warm = self.kept.pop(_made_from(connection), None)
        if warm is not None:
            warm.adapter.http.close()


def open_adapter(sync: Sync, connection: Row) -> Adapter:
    """Return an adapter for a connection's row, with a token that is good now, and that renews it when refused."""
    adapter, further = _make(sync, connection).adapter, further_of(connection)
    if further:
        adapter.write_also(further)
    return adapter


def _made_from(connection: Row) -> str:
    """Name what an adapter is made from; a token renewed within a sign-in changes nothing about it."""
    traits = json.dumps(connection["traits"], sort_keys=True)
    return f"{connection['id']}|{connection['sign_in']}|{traits}"


def _make(sync: Sync, connection: Row) -> Warm:
    from .budget import budget_key

    crm = adapter_class(connection["crm"])
    credentials = sync.open_credentials(connection["id"], connection["credentials"])
    flow = flow_of(crm, connection["auth_method"], credentials, sync.settings)
    if flow is None:
        adapter = sync.adapter(connection["crm"], credentials, connection["traits"])
        return Warm(adapter, budget_key(sync, connection, credentials, flow))
    credentials = fresh(sync, connection["id"], sign_in=connection["sign_in"])
    renew = partial(_newer_headers, sync, connection, crm, crm.base_url(sync.settings, credentials))
    adapter = sync.adapter(connection["crm"], credentials, connection["traits"], renew=renew)
    return Warm(adapter, budget_key(sync, connection, credentials, flow), _renew_at(credentials, flow))


def _renew_at(credentials: Mapping[str, str], flow: Flow) -> float | None:
    end = credentials.get("expires_at", "")
    return float(end) - flow.ahead_seconds if end else None


def _newer_headers(
    sync: Sync, connection: Row, crm: type[Adapter], address: str, refused: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the authorization of a newer token than the refused one (crm.http.Renewal).

    What stands in its way is told as a trouble of the connection: a drain has its work in hand here, and gives it back.
    A token may come with another `address` of the API, as orgs are moved; an adapter speaks to one only.
    """
    token = refused.get("Authorization", "").rpartition(" ")[2]
    try:
        credentials = fresh(sync, connection["id"], token, sign_in=connection["sign_in"])
    except (SecretUnreadable, UnsupportedFeature) as error:
        raise ReconnectRequired(f"{error} {error.advice}") from None
    if crm.base_url(sync.settings, credentials) != address:
        sync.warm.forget(connection)
        raise Unreachable("The CRM has moved the account to another address, where work goes on.")
    return crm.authorization(credentials)
