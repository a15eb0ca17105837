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

from ..errors import CRMError, UnsupportedFeature

if TYPE_CHECKING:
    from ..config import Settings
    from ..host.records import ClientRecord
    from .http import HTTPClient
    from .oauth import Flow, Grant
    from .webhooks import Webhooks

Values = Mapping[str, str]
"""Remote property name -> text; "" is a blank (and, when written, clears the field)."""

MatchedBy = Literal["key", "email", "phone"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field that we write: `source` is the host's field, `name` the CRM's, `max_length` in characters.

    A `required` one always has a value in the CRM: it is never cleared, and a new record gets a stand-in for it.
    """

    source: str
    name: str
    label: str
    max_length: int
    required: bool = False


@dataclass(frozen=True, slots=True)
class AuthField:
    """One input of a connect form. A `secret` one is encrypted at rest and never shown again.

    An `optional` one may stay empty; `placeholder` shows what a value looks like.
    """

    name: str
    label: str
    help: str
    secret: bool = True
    optional: bool = False
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class AuthMethod:
    """One way to connect: its name, its label on the page, what the person types in, and how a token comes of it.

    `grant` is empty where what was typed is sent with each call as it is.
    """

    name: str
    label: str
    fields: tuple[AuthField, ...]
    grant: Grant = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Whom to look for. `by_key` is false where no earlier attempt can have left our key in the CRM."""

    key: str
    email: str = ""
    phone: str = ""
    by_key: bool = True


@dataclass(frozen=True, slots=True)
class RemoteRecord:
    """A client as the CRM has it: `values` holds every field that was read or returned, blanks as "".

    `lacks` names fields that this kind of record does not have, or that may not be written: they are left alone.
    """

    id: str
    values: Values
    url: str = ""
    lacks: frozenset[str] = frozenset()


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
    """A record after a write; `created` tells whether this call made it.

    `refused` names fields that the CRM did not take, each with the reason, while it took the rest.
    """

    record: RemoteRecord
    created: bool
    refused: Mapping[str, str] = field(default_factory=dict)


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


RemoteType = Literal["text", "number", "boolean", "date", "datetime", "choice", "choices"]
"""What kind of value a field of the CRM takes; whatever else it knows is no field that we may write."""


@dataclass(frozen=True, slots=True)
class RemoteField:
    """One field of the CRM's record type for clients, as its schema tells.

    `options` are the values of a choice with their labels; `max_length` in characters, None where the CRM sets none;
    `required` means that no record is without a value. `on` names the record types that have the field. `lines` tells
    whether a text may have several lines; `default` is what the CRM itself gives a new record, "" where it does not.
    """

    name: str
    label: str
    type: RemoteType
    writable: bool = True
    required: bool = False
    max_length: int | None = None
    options: tuple[tuple[str, str], ...] = ()
    custom: bool = False
    on: tuple[str, ...] = ()
    lines: bool = False
    default: str = ""


Happened = Literal["changed", "deleted", "restored", "merged", "converted"]


@dataclass(frozen=True, slots=True)
class RemoteChange:
    """What happened to one record in the CRM, as polling or a webhook learns of it.

    `record_id` is the record as our links know it. `record` holds the fields we own as they are now, None where it is
    deleted or has to be read. `became` is the id of the record that stands for it now: after a merge the survivor,
    after a conversion the new record. `at` is the CRM's time, aware, None where it tells none.
    """

    record_id: str
    what: Happened = "changed"
    at: datetime | None = None
    record: RemoteRecord | None = None
    became: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteChanges:
    """A page of changes and the cursor that follows it; `more` tells whether another page waits already.

    A cursor is text of the adapter's own making, up to 4,000 characters, without secrets.
    """

    changes: tuple[RemoteChange, ...]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class Erased:
    """What erasing one record came to: deleted, made anonymous, or left for a person to do by hand.

    `says` tells a person what was done and what is left to do; `notes` counts the notes that went with it.
    """

    how: Literal["deleted", "anonymised", "by_hand"]
    says: str
    notes: int = 0


Level = Literal["good", "note", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a diagnosis looked at: what it is about, what was found, what to do about it."""

    level: Level
    about: str
    says: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class VendorError:
    """One kind of refusal that a CRM knows: how it shows, what it means there, and the class that it is to us.

    `status` and `code` as the CRM says them, "" where that does not matter; `means` in plain words; `then` is what the
    adapter itself does about it, where it does more than hand on the error.
    """

    status: str
    code: str
    means: str
    error: type[CRMError]
    then: str = ""


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
    records_a_write: ClassVar[int] = 0
    """How many records one call writes; 0 where a call writes a whole batch."""
    kind_limits: ClassVar[Mapping[str, tuple[int, float]]] = {}
    """Limits of special kinds of call (the client's `kind`), such as searches, beside the burst limit."""
    vendor_errors: ClassVar[tuple[VendorError, ...]] = ()
    """The CRM's refusals and what each is to us: what the adapter decides by, and what the documentation shows."""
    translation_version: ClassVar[int] = 1
    confirm_after: ClassVar[float] = 60.0
    """Seconds after which a write without an answer can no longer take effect in the CRM."""
    webhooks: ClassVar[Webhooks | None] = None
    """How the CRM tells of changes by itself, where it does."""
    status_field: ClassVar[str] = ""
    """The field of a client that people know as its status or stage, "" where the CRM has none."""
    tag_field: ClassVar[str] = ""
    """The field of a client that holds its tags, "" where the CRM has none."""
    further: tuple[RemoteField, ...] = ()
    """What is read and written beside `fields`."""

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
    def ways(cls, settings: Settings) -> tuple[AuthMethod, ...]:
        """Return the ways to connect that this installation offers."""
        return cls.auth_methods

    @classmethod
    def checked(cls, method: str, typed: Mapping[str, str], settings: Settings) -> dict[str, str]:
        """Return what was typed for a way to connect in its one right form.

        `typed` is trimmed, complete and printable already. This is where addresses are held to the allow-list. Raises
        CredentialsIncomplete naming the fields.
        """
        return dict(typed)

    @classmethod
    def flow(cls, method: str, credentials: Mapping[str, str], settings: Settings) -> Flow:
        """Return how tokens are had for a way to connect that has a grant."""
        raise UnsupportedFeature(cls.label, "a sign-in by OAuth")

    @classmethod
    def remembered(cls, answer: Mapping[str, Any], settings: Settings) -> dict[str, str]:
        """Return what of a token answer is kept beside the tokens, such as the address of the API.

        Raises ReconnectRequired for an address that is not on the list.
        """
        return {}

    @classmethod
    def told(cls, credentials: Mapping[str, str]) -> dict[str, Any]:
        """Return traits that the credentials themselves tell of the account; no secret."""
        return {}

    def write_also(self, further: Sequence[RemoteField]) -> None:
        """Read and write more fields from now on; those that are ours anyway are left out (capability "further").

        Records then hold their values in the form of `further.in_form`, and `lacks` those that their kind has not.
        Raises UnsupportedFeature where the adapter knows its own fields only.
        """
        if further:
            raise UnsupportedFeature(self.label, "fields beside those of every client")

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

    def schema(self) -> tuple[RemoteField, ...]:
        """Return the fields of the CRM's record type for clients, as its own description tells; in at most a few calls.

        Raises UnsupportedFeature where the CRM describes nothing.
        """
        raise UnsupportedFeature(self.label, "a description of its fields")

    def changes_since(self, cursor: str) -> RemoteChanges:
        """Return what changed in the CRM since a cursor; "" begins now and returns no change.

        A change may be told twice and late, never not at all. An unchanged CRM costs one call. Raises
        UnsupportedFeature where the CRM cannot tell.
        """
        raise UnsupportedFeature(self.label, "a list of changed records")

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Remove people from the CRM for good; `notes` maps a record's id to the ids of the notes that we added.

        What is gone already counts as deleted. Raises UnsupportedFeature where not even anonymising is possible.
        """
        raise UnsupportedFeature(self.label, "removing a person")

    def diagnose(self) -> list[Finding]:
        """Look at everything that commonly goes wrong, without writing; what cannot be seen is said, not raised.

        Raises CRMError only where nothing at all can be asked.
        """
        identity = self.test()
        found = Finding("good", "Connection", f"{self.label} answers as {identity.label}.")
        return [found, *(Finding("note", "Connection", sentence) for sentence in identity.findings)]

    def revoke(self, credentials: Mapping[str, str]) -> None:
        """Withdraw what the CRM granted us, where it offers that; raise CRMError where it does not go through."""
        return
