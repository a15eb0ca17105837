"""What an adapter is: data first, then a pure translation, then a conversation.

Every call is batch-shaped and answers one outcome per item, in the items' order. An outcome is a value or a `CRMError`
(returned, not raised), so that one bad record in a hundred fails alone. When a whole call fails, each of its items gets
the error; its class tells the engine whether the trouble is the record's or the connection's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..errors import CRMError

if TYPE_CHECKING:
    from ..config import Settings
    from ..host.records import ClientRecord
    from .http import HTTPClient

Values = Mapping[str, str]
"""Remote property name -> text; "" is a blank (and, when written, clears the field)."""

MatchedBy = Literal["key", "email", "phone"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field that we write: `source` is the host's field, `name` the CRM's, `max_length` in characters."""

    source: str
    name: str
    label: str
    max_length: int


@dataclass(frozen=True, slots=True)
class AuthField:
    """One input of a connect form. A `secret` one is encrypted at rest and never shown again."""

    name: str
    label: str
    help: str
    secret: bool = True


@dataclass(frozen=True, slots=True)
class AuthMethod:
    """One way to connect: its name, its label on the page, what the person types in."""

    name: str
    label: str
    fields: tuple[AuthField, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Whom to look for. `by_key` is false where no earlier attempt can have left our key in the CRM."""

    key: str
    email: str = ""
    phone: str = ""
    by_key: bool = True


@dataclass(frozen=True, slots=True)
class RemoteRecord:
    """A client as the CRM has it: `values` holds every field that was read or returned, blanks as ""."""

    id: str
    values: Values
    url: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A record found, and by what."""

    record: RemoteRecord
    by: MatchedBy


@dataclass(frozen=True, slots=True)
class Write:
    """What to write: a new record (`record_id` None, found again by `key`) or fields of an existing one."""

    key: str
    values: Values
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A record after a write; `created` tells whether this call made it."""

    record: RemoteRecord
    created: bool


@dataclass(frozen=True, slots=True)
class NoteWrite:
    """A note to add to a record, or (with `note_id`) to rewrite in place. `at` is the conversation's time, aware."""

    key: str
    record_id: str
    subject: str
    body: str
    at: datetime
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteNote:
    """A note as the CRM has it."""

    id: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the test call learned: which org or portal, under which name, and what the key may do.

    `traits` is what the adapter wants to remember about this connection (JSON-able, no secret); it gets them back when
    it is made. `findings` are sentences for a person.
    """

    remote_account_id: str
    label: str
    traits: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[str, ...] = ()


class Adapter(ABC):
    """Code that speaks to one CRM. Subclasses are data, then calls; they know nothing of our tables."""

    name: ClassVar[str]
    label: ClassVar[str]
    fields: ClassVar[tuple[FieldSpec, ...]]
    auth_methods: ClassVar[tuple[AuthMethod, ...]]
    capabilities: ClassVar[frozenset[str]] = frozenset()
    batch_size: ClassVar[int] = 100
    burst_limit: ClassVar[tuple[int, float]]
    """Calls allowed per seconds, until the CRM's own headers say better."""
    kind_limits: ClassVar[Mapping[str, tuple[int, float]]] = {}
    """Limits of special kinds of call (the client's `kind`), such as searches, beside the burst limit."""
    translation_version: ClassVar[int] = 1
    confirm_after: ClassVar[float] = 60.0
    """Seconds after which a write without an answer can no longer take effect in the CRM."""

    def __init__(self, http: HTTPClient, settings: Settings, traits: Mapping[str, Any]) -> None:
        self.http, self.settings, self.traits = http, settings, traits

    @classmethod
    @abstractmethod
    def base_url(cls, settings: Settings, credentials: Mapping[str, str]) -> str:
        """Return the origin of the CRM's API, https."""

    @classmethod
    @abstractmethod
    def allowed_hosts(cls, settings: Settings) -> tuple[str, ...]:
        """Return the hosts that may be called: exact names, or `*.` and a domain."""

    @classmethod
    @abstractmethod
    def authorization(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers that carry the credentials."""

    @classmethod
    @abstractmethod
    def translate(cls, client: ClientRecord) -> Values:
        """Return every field we own in the CRM's names and forms, blanks as ""; raise InvalidRecord for bad values.

        Pure: the same record gives the same values, already in the form the CRM would return them.
        """

    @classmethod
    @abstractmethod
    def lookup(cls, key: str, values: Values, *, by_key: bool) -> Lookup:
        """Return whom to look for, from translated values."""

    @abstractmethod
    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Find records by our key, then e-mail, then phone; the first of the three that hits decides.

        Each item answers no match, one, or several (then a person chooses).
        """

    def confirms(self, lookup: Lookup) -> bool:
        """Tell whether `find` surely sees a record that an unanswered create of this client left.

        Where it does not, an unknown outcome is for a person to settle and never sent again by itself.
        """
        return True

    @abstractmethod
    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read records by id. A merged record answers its survivor (another id); a gone one RecordMissing."""

    @abstractmethod
    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Create or update records; a repeated create with the same key makes no second record."""

    @abstractmethod
    def add_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Add notes to records, or rewrite them in place."""

    @abstractmethod
    def find_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find notes that an earlier, unanswered attempt may have made, in a strongly consistent way."""

    @abstractmethod
    def test(self) -> Identity:
        """Ask who we are and what we may do, setting up what the sync needs; raise CRMError where it fails."""
