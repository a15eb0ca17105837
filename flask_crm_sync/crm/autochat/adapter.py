"""The AutoChat CRM adapter: data first, then the conversation with one installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ...config import Settings
from ...config_values import base_url as read_base_url
from ...errors import CredentialsIncomplete, CredentialsRefused, CRMError, ReconnectRequired, UnsupportedFeature
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
from ..http import HTTPClient, host_allowed
from . import schema
from .activities import Activities
from .answers import VENDOR_ERRORS
from .changes import Changes
from .client import AutoChatClient
from .erasing import Eraser
from .fields import COMPANY, FIELDS, stand_in, translate
from .looks import diagnosed, identified
from .records import Records
from .webhooks import WEBHOOKS

_KEY = AuthField(
    "api_key",
    "API key",
    "In AutoChat CRM, as an admin: Settings, Integrations, API Keys, Create API Key, with the scopes clients:read and "
    "clients:write. The key is shown once. If you give it an expiry, come back with a new key before that day.",
)
_ADDRESS = AuthField(
    "base_url",
    "Base URL of the API",
    "The address that the CRM shows beside its API keys; it ends in /crm-api/v1.",
    secret=False,
    placeholder="https://abc.supabase.co/functions/v1/crm-api/v1",
)


class AutoChatAdapter(Adapter):
    """Clients and activities of one AutoChat CRM."""

    name = "autochat"
    label = "AutoChat CRM"
    fields = FIELDS
    auth_methods = (AuthMethod("api_key", "API key", (_KEY, _ADDRESS)),)
    # Changes are told by webhooks; a list of them is asked for where an operator names the parameter.
    capabilities = frozenset({"notes", "further", "schema", "erase"})
    # A client that was read is written back whole: the fewer lie between the two calls, the safer.
    batch_size = 10
    records_a_write = 1
    burst_limit = (100, 60.0)
    vendor_errors = VENDOR_ERRORS
    webhooks = WEBHOOKS
    translation_version = 1
    # A client has a status in the product; that this is its name in the API is our proposal.
    status_field = "status"

    def __init__(self, http: HTTPClient, settings: Settings, traits: Mapping[str, Any]) -> None:
        super().__init__(http, settings, traits)
        self._client = AutoChatClient(http, settings)
        self._records, self._activities = Records(self._client), Activities(self._client)

    @classmethod
    def stands_in(cls, name: str, value: str, ours: Values) -> bool:
        """Know the company's stand-in also where somebody has renamed the client there, and it fits no more."""
        return name == COMPANY and value == stand_in(ours)

    @classmethod
    def base_url(cls, settings: Settings, credentials: Mapping[str, str]) -> str:
        """Return the connection's own base URL, else the installation's; raise ReconnectRequired without either."""
        address = credentials.get("base_url") or settings.autochat_base_url
        if not address:
            raise ReconnectRequired("The base URL of AutoChat CRM's API is not known: connect again and enter it.")
        return address

    @classmethod
    def allowed_hosts(cls, settings: Settings) -> tuple[str, ...]:
        """Return the hosts that the operator lists."""
        return settings.autochat_hosts

    @classmethod
    def ways(cls, settings: Settings) -> tuple[AuthMethod, ...]:
        """Return the one way; it asks for the key alone where the base URL is the installation's."""
        if settings.autochat_base_url:
            return (AuthMethod("api_key", "API key", (_KEY,)),)
        return cls.auth_methods

    @classmethod
    def checked(cls, method: str, typed: Mapping[str, str], settings: Settings) -> dict[str, str]:
        """Return the key and, where it was typed, the base URL in its one form, its host on the operator's list."""
        known = {name: text for name, text in typed.items() if text}
        if "base_url" in known:
            known["base_url"] = _address(known["base_url"], settings)
        elif not settings.autochat_base_url:
            raise CredentialsIncomplete({"base_url": "The base URL is missing: paste it here."})
        return known

    @classmethod
    def authorization(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """Return the bearer header; raise CredentialsRefused where there is no key."""
        key = credentials.get("api_key", "").strip()
        if not key:
            raise CredentialsRefused("There is no API key.")
        return {"Authorization": f"Bearer {key}"}

    def write_also(self, further: Sequence[RemoteField]) -> None:
        """Read and write more fields from now on, by their names on the wire."""
        self.further = beside(further, self.fields)
        self._records.naming.also(self.further)

    @classmethod
    def translate(cls, client: ClientRecord) -> Values:
        """Return the ten fields that we own; raise InvalidRecord."""
        return translate(client)

    @classmethod
    def lookup(cls, key: str, values: Values, *, by_key: bool) -> Lookup:
        """Return whom to look for: by e-mail only, as a client here has no place for our key."""
        return Lookup(key, values.get("email", ""), "", by_key)

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Find clients by e-mail where a search parameter is configured, else nobody."""
        return self._records.find(lookups)

    def confirms(self, lookup: Lookup) -> bool:
        """Tell whether `find` surely sees what an unanswered create left: only by a search that really filters."""
        return self._records.confirms(lookup)

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read clients by id."""
        return self._records.read(record_ids)

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Update clients by id and create the others. No key stops a repeated create: the engine looks up first."""
        return self._records.upsert(writes)

    def add_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Add activities to their clients."""
        return self._activities.add(notes)

    def find_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Raise UnsupportedFeature: nothing says that activities can be read."""
        raise UnsupportedFeature(self.label, "a way to read activities")

    def test(self) -> Identity:
        """Ask for the smallest list of clients; what the configuration leaves out is among the findings."""
        return identified(self._client)

    def schema(self) -> tuple[RemoteField, ...]:
        """Return the fields that we know of; AutoChat CRM describes none."""
        return schema.fields(self._records.naming)

    def changes_since(self, cursor: str) -> RemoteChanges:
        """Return clients that changed, where an operator named the query parameter; else raise UnsupportedFeature."""
        return Changes(self._records).since(cursor)

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Empty what we know of clients, and say what a person is to remove by hand."""
        return Eraser(self._records).erase(record_ids, notes)

    def diagnose(self) -> list[Finding]:
        """Look at the connection, the search, the notes and how changes are told, without writing."""
        return diagnosed(self._records)


def _address(text: str, settings: Settings) -> str:
    try:
        address = read_base_url(text)
    except ValueError as error:
        raise CredentialsIncomplete({"base_url": f"This is not the address of an API: {error}."}) from None
    host = urlsplit(address).hostname or ""
    if not host_allowed(host, settings.autochat_hosts):
        allowed = ", ".join(settings.autochat_hosts)
        advice = "The operator can add it to CRM_SYNC_AUTOCHAT_HOSTS."
        raise CredentialsIncomplete({"base_url": f"{host} is not a host of AutoChat CRM ({allowed}). {advice}"})
    return address
