"""The Salesforce adapter: data first, then the conversation with one org."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...config import Settings
from ...errors import CRMError
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
from . import connecting, schema, setup
from .changes import Changes
from .client import BATCH, SalesforceClient
from .diagnosis import Diagnosis
from .erasing import Eraser
from .fields import FIELDS, translate
from .finding import Finder
from .hosts import LOGIN_HOSTS, MY_DOMAINS
from .ids import LEAD
from .notes import Notes
from .records import Records
from .refusals import VENDOR_ERRORS
from .spelling import same_number
from .writing import Writer


class SalesforceAdapter(Adapter):
    """Leads, contacts and tasks of one Salesforce org."""

    name = "salesforce"
    label = "Salesforce"
    fields = FIELDS
    auth_methods = connecting.METHODS
    capabilities = frozenset({"notes", "rewrite_notes", "schema", "changes", "restore", "erase", "further"})
    batch_size = BATCH
    # Salesforce has no limit by the second; this keeps one connection from crowding out an org's other programs.
    burst_limit = (100, 10.0)
    vendor_errors = VENDOR_ERRORS
    translation_version = 1
    status_field = "Status"

    def __init__(self, http: HTTPClient, settings: Settings, traits: Mapping[str, Any]) -> None:
        super().__init__(http, settings, traits)
        self._client = SalesforceClient(http, settings.salesforce_version)
        stand_ins = {"LastName": settings.salesforce_last_name, "Company": settings.salesforce_company}
        self._records = Records(self._client, traits, stand_ins)
        self._writer = Writer(self._records, _headers(settings), self._same_person)
        self._notes = Notes(self._records)
        self._identity = str(traits.get("identity") or "")

    @classmethod
    def base_url(cls, settings: Settings, credentials: Mapping[str, str]) -> str:
        """Return the org's origin, which the token answer told; raise ReconnectRequired without a usable one."""
        return connecting.api_origin(credentials, settings)

    @classmethod
    def allowed_hosts(cls, settings: Settings) -> tuple[str, ...]:
        """Return the hosts of orgs, and the two where people sign in."""
        return (*LOGIN_HOSTS, *MY_DOMAINS)

    @classmethod
    def authorization(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """Return the bearer header; raise CredentialsRefused where there is no token."""
        return connecting.bearer(credentials)

    @classmethod
    def checked(cls, method: str, typed: Mapping[str, str], settings: Settings) -> dict[str, str]:
        """Return what was typed with its address in one form; raise CredentialsIncomplete for one not on the list."""
        return connecting.checked(method, typed)

    @classmethod
    def flow(cls, method: str, credentials: Mapping[str, str], settings: Settings) -> Flow:
        """Return the grant: authorization code with PKCE at the login host, or client credentials at the org."""
        return connecting.flow(method, credentials, settings, cls.label)

    @classmethod
    def told(cls, credentials: Mapping[str, str]) -> dict[str, Any]:
        """Return the identity address that came with the token: it names the org."""
        return {"identity": credentials["identity"]} if credentials.get("identity") else {}

    @classmethod
    def remembered(cls, answer: Mapping[str, Any], settings: Settings) -> dict[str, str]:
        """Return `instance_url` and `identity`; raise ReconnectRequired for an address that is not on the list."""
        return connecting.remembered(answer, settings)

    def write_also(self, further: Sequence[RemoteField]) -> None:
        """Read and write more fields of leads and contacts from now on, each on the kinds that have it."""
        self.further = self._records.further = beside(further, self.fields)

    @classmethod
    def translate(cls, client: ClientRecord) -> Values:
        """Return the ten fields that we own by the lead's names; raise InvalidRecord."""
        return translate(client)

    @classmethod
    def lookup(cls, key: str, values: Values, *, by_key: bool) -> Lookup:
        """Return whom to look for; the phone as written, which `find` reads by the configured region."""
        return Lookup(key, values.get("Email", ""), values.get("Phone", ""), by_key)

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Find contacts and unconverted leads by our key, e-mail, then phone."""
        return Finder(self._records, self.settings.phone_region).find(lookups)

    def confirms(self, lookup: Lookup) -> bool:
        """Tell whether `find` surely sees what an unanswered create left: by key or e-mail.

        A phone does not prove it: the record may bear another e-mail of that client, and then counts as another person.
        """
        return bool(self._records.shapes[LEAD].key or lookup.email)

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read records by id; a converted lead answers its contact, a merged record its survivor."""
        return self._records.read(record_ids)

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Update leads and contacts by id, create leads by our key (or bare, where the org has no such field)."""
        return self._writer.upsert(writes)

    def add_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Create completed tasks on leads and contacts, or rewrite them in place."""
        return self._notes.add(notes)

    def find_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find tasks by our key, else by the reference in their description."""
        return self._notes.find(notes)

    def test(self) -> Identity:
        """Ask for limits, org, and what the user may do with leads, contacts and tasks."""
        return setup.identify(self._client, self.settings.salesforce_key_field, self._identity)

    def schema(self) -> tuple[RemoteField, ...]:
        """Return the fields of leads and contacts by the lead's names, in two calls."""
        return schema.fields(self._client, self.settings.salesforce_key_field)

    def changes_since(self, cursor: str) -> RemoteChanges:
        """Return leads and contacts that changed, were converted, merged or deleted; an undeleted one has changed."""
        return Changes(self._records).since(cursor)

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Delete leads and contacts, whatever became of them, and our tasks; Salesforce empties its bin later."""
        return Eraser(self._records).erase(record_ids, notes)

    def diagnose(self) -> list[Finding]:
        """Look at rights, fields, lists, rules, limits and the clock; raise CRMError where the API is out of reach."""
        return Diagnosis(self._client, self.settings.salesforce_key_field, self._identity).findings()

    def revoke(self, credentials: Mapping[str, str]) -> None:
        """Withdraw the grant; raise CRMError where it does not go through."""
        setup.revoke(self._client, credentials)

    def _same_person(self, one: Values, other: Values) -> bool:
        """Tell whether two records share an e-mail or a phone."""
        email, phone = one.get("Email", ""), one.get("Phone", "")
        if email and email == other.get("Email"):
            return True
        return same_number(phone, other.get("Phone", ""), self.settings.phone_region)


def _headers(settings: Settings) -> dict[str, str]:
    """Return what the installation wants of new leads: assignment rules, and what a duplicate alert comes to."""
    allowed = "true" if settings.salesforce_save_duplicates else "false"
    rule = f"allowSave={allowed}; includeRecordDetails=false; runAsCurrentUser=true"
    assigning = {} if settings.salesforce_assign else {"Sforce-Auto-Assign": "FALSE"}
    return {"Sforce-Duplicate-Rule-Header": rule, **assigning}
