"""What this room stands on, and how a connection's credentials are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from ..clock import Clock
from ..config import Settings
from ..models import Connection, Database
from ..vault import Place, Vault


class Ground(Protocol):
    """The parts of one app's sync that credentials need."""

    @property
    def database(self) -> Database:
        """Return the database."""
        ...

    @property
    def vault(self) -> Vault:
        """Return what encrypts."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        ...

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        ...


def seal(vault: Vault, connection_id: UUID, credentials: Mapping[str, str]) -> str:
    """Encrypt a connection's credentials for its row."""
    return vault.seal(json.dumps(dict(credentials), sort_keys=True), _place(connection_id))


def unseal(vault: Vault, connection_id: UUID, sealed: str) -> dict[str, str]:
    """Decrypt a connection's credentials; raise SecretUnreadable where no configured key opens them."""
    opened: dict[str, str] = json.loads(vault.open(sealed, _place(connection_id)))
    return opened


def _place(connection_id: UUID) -> Place:
    return Place(Connection.__tablename__, connection_id, "credentials")
