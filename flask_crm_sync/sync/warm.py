"""Adapters kept warm between drains: opening credentials and TLS anew for every lead would cost more than the call."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from ..crm.base import Adapter
    from .context import Sync

KEPT = 64


@dataclass(slots=True)
class Warm:
    """An adapter and the digest of its token."""

    adapter: Adapter
    token: str


@dataclass
class WarmAdapters:
    """One process's adapters, by what they were made from: changed credentials or traits make a new one."""

    kept: OrderedDict[str, Warm] = field(default_factory=OrderedDict, repr=False)

    def get(self, sync: Sync, connection: sa.RowMapping) -> Warm:
        """Return the adapter of a connection's row; raise SecretUnreadable where its credentials do not open."""
        made_from = f"{connection['credentials']}|{json.dumps(connection['traits'], sort_keys=True)}"
        warm = self.kept.pop(made_from, None) or self._make(sync, connection)
        self.kept[made_from] = warm
        while len(self.kept) > KEPT:
            _, old = self.kept.popitem(last=False)
            old.adapter.http.close()
        return warm

    @staticmethod
    def _make(sync: Sync, connection: sa.RowMapping) -> Warm:
        from .budget import token_digest

        credentials = sync.open_credentials(connection["id"], connection["credentials"])
        adapter = sync.adapter(connection["crm"], credentials, connection["traits"])
        return Warm(adapter, token_digest(sync, connection["crm"], credentials))
