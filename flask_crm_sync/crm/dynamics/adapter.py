"""The Dynamics adapter: data first, then the conversation with one environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ...config import Settings
from ...errors import CredentialsRefused, CRMError
from ...host.records import ClientRecord
from ..base import (
    Adapter,
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
from . import schema, signin, writing
from .accounts import Accounts
from .addresses import ALLOWED_HOSTS
from .answers import WINDOW_REQUESTS, WINDOW_SECONDS
from .changes import Changes
from .client import DynamicsClient
from .contacts import Contacts
from .diagnosis import diagnose
from .erasing import Eraser
from .fields import COMPANY, EMAIL, FIELDS, PHONE, translate
from .finding import CompanyLookup, Finder
from .notes import Notes
from .refusals import VENDOR_ERRORS
from .setup import identify, record_url
from .webhooks import WEBHOOKS


class DynamicsAdapter(Adapter):
    """Contacts and notes (annotations) of one Dynamics 365 environment."""

    name = "dynamics"
    label = "Dynamics 365"
    fields = FIELDS
    auth_methods = signin.METHODS
    capabilities = frozenset({"notes", "rewrite_notes", "schema", "changes", "restore", "erase", "further"})
    batch_size = 100
    burst_limit = (WINDOW_REQUESTS, WINDOW_SECONDS)
    vendor_errors = VENDOR_ERRORS
    webhooks = WEBHOOKS
    translation_version = 1
    # Contacts have no lead status; of the columns that every environment has, this says most about the relationship.
    status_field = "customertypecode"
    # A message runs for two minutes at most ("Service protection API limits"): later than that nothing takes effect.
    confirm_after = 120.0

    def __init__(self, http: HTTPClient, settings: Settings, traits: Mapping[str, Any]) -> None:
        super().__init__(http, settings, traits)
        self._client = DynamicsClient(http, settings.dynamics_batch_size)
        where = str(traits.get("organization_id") or http.host)
        accounts = Accounts(self._client, settings.dynamics_company, where)
        self._contacts = Contacts(self._client, accounts, partial(record_url, traits))
        self._notes = Notes(self._contacts)

    @classmethod
    def base_url(cls, settings: Settings, credentials: Mapping[str, str]) -> str:
        """Return the environment's origin; raise ReconnectRequired for an address that is not on the list."""
        return signin.instance(credentials).url

    @classmethod
    def allowed_hosts(cls, settings: Settings) -> tuple[str, ...]:
        """Return the regions of Dynamics; which names below them are environments is told by `checked`."""
        return ALLOWED_HOSTS

    @classmethod
    def authorization(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """Return the bearer header; raise CredentialsRefused where there is no token."""
        token = credentials.get("access_token", "").strip()
        if not token:
            raise CredentialsRefused("There is no access token.")
        return {"Authorization": f"Bearer {token}"}

    @classmethod
    def checked(cls, method: str, typed: Mapping[str, str], settings: Settings) -> dict[str, str]:
        """Return what was typed in its one right form; raise CredentialsIncomplete naming the fields."""
        return signin.checked(method, typed)

    @classmethod
    def flow(cls, method: str, credentials: Mapping[str, str], settings: Settings) -> Flow:
        """Return how Entra ID hands out tokens for a way to connect; its host follows from the environment's."""
        return signin.flow(method, credentials, settings)

    def write_also(self, further: Sequence[RemoteField]) -> None:
        """Read and write more columns of contacts from now on."""
        self.further = self._contacts.further = beside(further, self.fields)

    @classmethod
    def translate(cls, client: ClientRecord) -> Values:
        """Return the ten columns that we own, as Dynamics would return them; raise InvalidRecord."""
        return translate(client)

    @classmethod
    def lookup(cls, key: str, values: Values, *, by_key: bool) -> Lookup:
        """Return whom to look for, with the company, whose account is looked up in the same call."""
        return CompanyLookup(key, values.get(EMAIL, ""), values.get(PHONE, ""), by_key, values.get(COMPANY, ""))

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Find contacts by our key, e-mail, then phone, in one call."""
        return Finder(self._contacts, self.settings.phone_region).find(lookups)

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read contacts by id; a merged one answers its survivor."""
        return self._contacts.read(record_ids)

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Create contacts under the GUID that our key is, update the others while they are as they were read."""
        return writing.upsert(self._contacts, writes)

    def add_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Create notes on their contacts under the GUID that our key is, or rewrite them in place."""
        return self._notes.add(notes)

    def find_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find notes by the GUID that our key is."""
        return self._notes.find(notes)

    def test(self) -> Identity:
        """Ask who we are, and whether contacts and notes can be read."""
        return identify(self._client, self.settings.dynamics_company)

    def schema(self) -> tuple[RemoteField, ...]:
        """Return the columns of contacts, in one call."""
        return schema.fields(self._client, self.settings.dynamics_company)

    def changes_since(self, cursor: str) -> RemoteChanges:
        """Return contacts that changed, were merged or deleted; raise ChangesUntold where they are not tracked."""
        return Changes(self._contacts).since(cursor)

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Delete contacts, those that were merged into them, and their notes."""
        return Eraser(self._contacts).erase(record_ids, notes)

    def diagnose(self) -> list[Finding]:
        """Look at user, privileges, column lengths, duplicate detection, limit and clock, without writing."""
        return diagnose(self._client, self.settings.dynamics_company)
