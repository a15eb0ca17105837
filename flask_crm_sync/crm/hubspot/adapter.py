"""The HubSpot adapter: data first, then the conversation with one portal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from ...config import Settings
from ...errors import CredentialsRefused, CRMError
from ...host.records import ClientRecord
from ..base import (
    Adapter,
    AuthField,
    AuthMethod,
    Identity,
    Lookup,
    Match,
    NoteWrite,
    RemoteNote,
    RemoteRecord,
    Values,
    Write,
    Written,
)
from ..http import HTTPClient
from .client import BATCH, HubSpotClient
from .contacts import Contacts
from .fields import FIELDS, translate
from .finding import Finder
from .notes import Notes
from .setup import identify, record_url

_HOW_TO_GET_ONE = (
    "In HubSpot: Settings, Integrations, Service keys, create one with the scopes crm.objects.contacts.read and "
    "crm.objects.contacts.write, and crm.schemas.contacts.read and crm.schemas.contacts.write so that it can make a "
    "property of its own. The token of an existing private app works too; new private apps can no longer be made."
)


class HubSpotAdapter(Adapter):
    """Contacts and notes of one HubSpot portal."""

    name = "hubspot"
    label = "HubSpot"
    fields = FIELDS
    auth_methods = (
        AuthMethod(
            "token",
            "Service key (or an existing private app token)",
            (AuthField("token", "Service key or token", _HOW_TO_GET_ONE),),
        ),
    )
    capabilities = frozenset({"notes", "rewrite_notes"})
    batch_size = BATCH
    # The lowest plan's allowance; the headers of the first answer tell the portal's own.
    burst_limit = (100, 10.0)
    kind_limits = MappingProxyType({"search": (5, 1.0)})
    translation_version = 1

    def __init__(self, http: HTTPClient, settings: Settings, traits: Mapping[str, Any]) -> None:
        super().__init__(http, settings, traits)
        self._client = HubSpotClient(http, settings.hubspot_version, str(traits.get("time_zone") or ""))
        self._contacts = Contacts(self._client, traits.get("key_property"), partial(record_url, traits))
        self._notes = Notes(self._contacts)

    @classmethod
    def base_url(cls, settings: Settings, credentials: Mapping[str, str]) -> str:
        """Return HubSpot's origin, one for all portals and regions."""
        return "https://api.hubapi.com"

    @classmethod
    def allowed_hosts(cls, settings: Settings) -> tuple[str, ...]:
        """Return the one host."""
        return ("api.hubapi.com",)

    @classmethod
    def authorization(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """Return the bearer header; raise CredentialsRefused where there is no token."""
        token = credentials.get("token", "").strip()
        if not token:
            raise CredentialsRefused("There is no service key or token.")
        return {"Authorization": f"Bearer {token}"}

    @classmethod
    def translate(cls, client: ClientRecord) -> Values:
        """Return the ten properties that we own, as HubSpot would return them; raise InvalidRecord."""
        return translate(client)

    @classmethod
    def lookup(cls, key: str, values: Values, *, by_key: bool) -> Lookup:
        """Return whom to look for; the phone as written, which `find` reads by the configured region."""
        return Lookup(key, values.get("email", ""), values.get("phone", ""), by_key)

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Find contacts by our key, e-mail, then phone."""
        return Finder(self._contacts, self.settings.phone_region).find(lookups)

    def confirms(self, lookup: Lookup) -> bool:
        """Tell whether `find` surely sees what an unanswered create left: by key or e-mail; the phone search lags."""
        return bool(self._contacts.key_property or lookup.email)

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read contacts by id; a merged one answers its survivor."""
        return self._contacts.read(record_ids)

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Update contacts by id, create the others by our key (or bare, where the portal has no such property)."""
        return self._contacts.upsert(writes)

    def add_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Create notes on their contacts, or rewrite them in place."""
        return self._notes.add(notes)

    def find_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find notes by their marker among the notes of their contacts."""
        return self._notes.find(notes)

    def test(self) -> Identity:
        """Ask for the portal, check the contacts scope, and make our unique property where the key may."""
        return identify(self._client, self.settings.hubspot_key_property)
