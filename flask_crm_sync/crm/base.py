"""What an adapter is: data first, then a pure translation, then a conversation.

Every call is batch-shaped and answers one outcome per item, in the items' order. An outcome is a value or a `CRMError`
(returned, not raised), so that one bad record in a hundred fails alone. When a whole call fails, each of its items gets
the error; its class tells the engine whether the trouble is the record's or the connection's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import CRMError, UnsupportedFeature
from .records import (
    AuthField,
    AuthMethod,
    Erased,
    FieldSpec,
    Finding,
    Happened,
    Identity,
    Level,
    Lookup,
    Match,
    MatchedBy,
    NoteWrite,
    RemoteChange,
    RemoteChanges,
    RemoteField,
    RemoteNote,
    RemoteRecord,
    RemoteType,
    Values,
    VendorError,
    Write,
    Written,
)

if TYPE_CHECKING:
    from ..config import Settings
    from ..host.records import ClientRecord
    from .http import HTTPClient
    from .oauth import Flow
    from .webhooks import Webhooks

__all__ = [
    "Adapter",
    "AuthField",
    "AuthMethod",
    "Erased",
    "FieldSpec",
    "Finding",
    "Happened",
    "Identity",
    "Level",
    "Lookup",
    "Match",
    "MatchedBy",
    "NoteWrite",
    "RemoteChange",
    "RemoteChanges",
    "RemoteField",
    "RemoteNote",
    "RemoteRecord",
    "RemoteType",
    "Values",
    "VendorError",
    "Write",
    "Written",
]


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

    @classmethod
    def stands_in(cls, name: str, value: str, ours: Values) -> bool:
        """Tell whether a record's value is a stand-in that we made of these values of ours: it reads as a blank."""
        return False

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
