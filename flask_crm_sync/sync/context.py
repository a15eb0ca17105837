"""What the engine works with: the database, the host, the vault, the clock, the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from ..clock import Clock
from ..config import Settings
from ..credentials.ground import seal, unseal
from ..crm import registry
from ..models import Database
from ..vault import Vault
from .installation import Identity, load_installation
from .warm import WarmAdapters

if TYPE_CHECKING:
    from ..crm.base import Adapter
    from ..crm.http import Meter, Renewal
    from ..host.reading import Host


class Connector(Protocol):
    """Makes an adapter that speaks with the given credentials; `crm.registry.connect` is the usual one."""

    def __call__(
        self,
        name: str,
        credentials: Mapping[str, str],
        settings: Settings,
        traits: Mapping[str, Any],
        *,
        meter: Meter | None,
        clock: Clock,
        renew: Renewal | None = None,
    ) -> Adapter:
        """Return the adapter of the named CRM."""
        ...


@dataclass(frozen=True)
class Sync:
    """One app's sync, as everything below the front door sees it."""

    database: Database
    host: Host
    vault: Vault
    clock: Clock
    settings: Settings
    connector: Connector = registry.connect
    code_sets: frozenset[str] = frozenset()
    """Names of the sets in which the host gives criteria in code."""
    warm: WarmAdapters = field(default_factory=WarmAdapters, repr=False, compare=False)

    @cached_property
    def installation(self) -> Identity:
        """Return this installation's id and digest secret, made at first use."""
        return load_installation(self.database, self.vault)

    def seal_credentials(self, connection_id: UUID, credentials: Mapping[str, str]) -> str:
        """Encrypt a connection's credentials for its row."""
        return seal(self.vault, connection_id, credentials)

    def open_credentials(self, connection_id: UUID, sealed: str) -> dict[str, str]:
        """Decrypt a connection's credentials; raise SecretUnreadable where no configured key opens them."""
        return unseal(self.vault, connection_id, sealed)

    def adapter(
        self,
        crm: str,
        credentials: Mapping[str, str],
        traits: Mapping[str, Any],
        *,
        meter: Meter | None = None,
        renew: Renewal | None = None,
    ) -> Adapter:
        """Return an adapter that speaks with the given credentials."""
        return self.connector(crm, credentials, self.settings, traits, meter=meter, clock=self.clock, renew=renew)

    def link_id(self, connection_id: UUID, subject_type: str, subject_id: str) -> UUID:
        """Return the id of a subject's first link. It tells nothing of the subject, and is the same if links are lost.

        In hexadecimal it is our own key of the client or conversation in the CRM.
        """
        text = f"{self.installation.id.hex}/{connection_id.hex}/{subject_type}/{subject_id}"
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        return UUID(bytes=digest[:16])
