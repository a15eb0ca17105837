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
    Erased,
    Finding,
    Identity,
    Lookup,
    Match,
    NoteWrite,
    RemoteChanges,
    RemoteField,
    RemoteNote,
    RemoteRecord,
    Values,
    Write,
    Written,
)
from ..further import beside
from ..http import HTTPClient
from ..oauth import Flow
from . import schema
from .changes import Changes
from .client import BATCH, HubSpotClient
from .contacts import Contacts
from .diagnosis import diagnose
from .erasing import Eraser
from .fields import FIELDS, translate
from .finding import Finder
from .notes import Notes
from .refusals import VENDOR_ERRORS
from .setup import OPTIONAL_SCOPES, SCOPES, identify, record_url
from .webhooks import WEBHOOKS

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
        AuthMethod("oauth", "Sign in with HubSpot", (), grant="authorization_code"),
    )
    capabilities = frozenset({"notes", "rewrite_notes", "schema", "changes", "restore", "erase", "further"})
    batch_size = BATCH
    # The lowest plan's allowance; the headers of the first answer tell the portal's own.
    burst_limit = (100, 10.0)
    kind_limits = MappingProxyType({"search": (5, 1.0)})
    vendor_errors = VENDOR_ERRORS
    webhooks = WEBHOOKS
    translation_version = 1
    status_field = "hs_lead_status"

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
        token = (credentials.get("access_token") or credentials.get("token", "")).strip()
        if not token:
            raise CredentialsRefused("There is no service key or token.")
        return {"Authorization": f"Bearer {token}"}

    @classmethod
    def flow(cls, method: str, credentials: Mapping[str, str], settings: Settings) -> Flow:
        """Return the flow of the operator's app. Tokens live for half an hour, and are renewed ahead of their end.

        The challenge of PKCE is sent although HubSpot only offers it; scopes beyond the contacts' own are optional,
        since a portal whose plan lacks one could not connect at all.
        """
        return Flow(
            grant="authorization_code",
            authorize_url="https://app.hubspot.com/oauth/authorize",
            token_url=f"https://api.hubapi.com/oauth/{settings.hubspot_version}/token",
            client_id=settings.hubspot_client_id,
            client_secret=settings.hubspot_client_secret,
            scope=" ".join(SCOPES),
            authorize_extra={"optional_scope": " ".join(OPTIONAL_SCOPES)},
        )

    def write_also(self, further: Sequence[RemoteField]) -> None:
        """Read and write more contact properties from now on."""
        self.further = self._contacts.further = beside(further, self.fields)
        self._client.further = frozenset(field.name for field in self.further)

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

    def schema(self) -> tuple[RemoteField, ...]:
        """Return the contact properties that people see, in one call."""
        return schema.fields(self._client, self._contacts.key_property)

    def changes_since(self, cursor: str) -> RemoteChanges:
        """Return contacts that changed, were merged or deleted; a contact that was brought back has changed."""
        return Changes(self._contacts).since(cursor)

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Delete contacts for good, and our notes without their text."""
        return Eraser(self._contacts).erase(record_ids, notes)

    def diagnose(self) -> list[Finding]:
        """Look at the portal, the scopes, our property and the fields we write; nothing is written."""
        return diagnose(self._client, self.settings.hubspot_key_property)

    def revoke(self, credentials: Mapping[str, str]) -> None:
        """Uninstall the app from the portal, which ends all of its tokens there; a service key is not ours to end."""
        if credentials.get("access_token"):
            path = f"/appinstalls/{self.settings.hubspot_version}/external-install"
            self._client.call("DELETE", path, writes=True)
