"""What host developers use in their own tests: a CRM in memory that keeps what arrives and fails as it is told.

    crm = FakeCRM()
    sync = Sync(database, host, vault, clock, settings, connector=crm.connect)
    crm.fail("upsert", OutcomeUnknown(), after=True)  # the next write is done, and its answer lost

It takes the place of any CRM that an account is connected to. Like the real ones it asks the meter before each call,
keeps e-mail addresses unique, finds records by our key, and follows merges; unlike them it has no wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar, TypeVar, cast

from .clock import Clock
from .config import Settings
from .crm.base import (
    Adapter,
    AuthField,
    AuthMethod,
    Erased,
    FieldSpec,
    Identity,
    Lookup,
    Match,
    MatchedBy,
    NoteWrite,
    RemoteField,
    RemoteNote,
    RemoteRecord,
    Values,
    Write,
    Written,
)
from .crm.further import beside
from .crm.http import HTTPClient, Meter, Renewal
from .errors import CRMError, Duplicate, InvalidRecord, RecordMissing, UnsupportedFeature
from .host.records import CLIENT_FIELDS, ClientRecord

CALLS = ("find", "read", "upsert", "add_notes", "find_notes", "erase", "test")
"""The calls that can be made to fail, by the adapter's names for them."""

_ITEM = TypeVar("_ITEM")
_DONE = TypeVar("_DONE")


@dataclass
class FakeRecord:
    """A record as the CRM has it. `versions` are all its values, oldest first, each with who wrote it."""

    id: str
    values: dict[str, str]
    key: str = ""
    versions: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def write(self, who: str, values: Mapping[str, str]) -> None:
        """Set some values, and remember who did."""
        self.values.update(values)
        self.versions.append((who, dict(self.values)))


@dataclass
class FakeNote:
    """A note on a record."""

    id: str
    key: str
    record_id: str
    subject: str
    body: str


@dataclass
class Fault:
    """How calls go wrong: `error` for the whole call, or for the items that `only` picks.

    With `after` the work is done first and only its answer is lost; with `whole` one item that `only` picks spoils the
    call for all of them. `times` None means for ever.
    """

    call: str
    error: BaseException
    after: bool = False
    only: Callable[[Any], bool] | None = None
    whole: bool = False
    times: int | None = 1

    def strikes(self, call: str, items: Sequence[Any]) -> list[bool] | None:
        """Return which items are struck, None where the call passes unharmed; count it."""
        if self.call != call or self.times == 0:
            return None
        struck = [self.only is None or self.only(item) for item in items]
        if items and not any(struck):
            return None
        if self.times is not None:
            self.times -= 1
        return [True] * len(items) if self.whole else struck


class FakeCRM:
    """A CRM in memory. `records` and `notes` hold what is there, by id; `calls` what was asked, in order.

    `keys` False is a CRM that cannot keep our key, `unique_email` False one that takes an e-mail twice,
    `finds_notes` False one whose notes cannot be read back. `portal` is the id of its account; `schema` are the fields
    that its records have beside those of every client.
    """

    def __init__(
        self,
        *,
        keys: bool = True,
        unique_email: bool = True,
        finds_notes: bool = True,
        portal: str = "1",
        schema: Sequence[RemoteField] = (),
    ) -> None:
        self.keys, self.unique_email, self.finds_notes, self.portal = keys, unique_email, finds_notes, portal
        self.schema = tuple(schema)
        self.records: dict[str, FakeRecord] = {}
        self.notes: dict[str, FakeNote] = {}
        self.calls: list[tuple[str, int]] = []
        self.faults: list[Fault] = []
        self.limits: Mapping[str, tuple[int, float]] = {"call": (100_000, 10.0)}
        self._merged: dict[str, str] = {}
        self._ids = count(1)

    def connect(
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
        """Return an adapter that speaks to this CRM: the `connector` of a `Sync`."""
        return FakeAdapter(self, _Wire(meter, clock), settings, traits)

    def fail(
        self,
        call: str,
        error: BaseException,
        *,
        after: bool = False,
        only: Callable[[Any], bool] | None = None,
        whole: bool = False,
        times: int | None = 1,
    ) -> Fault:
        """Make calls go wrong from now on (see `Fault`). What is no CRMError is raised, as a defect would be."""
        if call not in CALLS:
            raise ValueError(f"no such call: {call!r}; there are {', '.join(CALLS)}")
        fault = Fault(call, error, after, only, whole, times)
        self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """Let everything work again."""
        self.faults.clear()

    # A person's hands

    def add(self, **values: str) -> str:
        """Make a record as a person would; return its id."""
        record = FakeRecord(self._new_id(), self._blanks())
        record.write("person", values)
        self.records[record.id] = record
        return record.id

    def edit(self, record_id: str, **values: str) -> None:
        """Change a record as a person would."""
        self.records[record_id].write("person", values)

    def delete(self, record_id: str) -> None:
        """Delete a record, and its notes with it."""
        del self.records[record_id]
        self.notes = {id: note for id, note in self.notes.items() if note.record_id != record_id}

    def merge(self, kept_id: str, gone_id: str) -> None:
        """Merge one record into another: its notes move, its blanks-filling values too, its id leads to the other."""
        kept, gone = self.records[kept_id], self.records.pop(gone_id)
        kept.write("person", {name: value for name, value in gone.values.items() if value and not kept.values[name]})
        kept.key = kept.key or gone.key
        self._merged[gone_id] = kept_id
        for note in self.notes.values():
            if note.record_id == gone_id:
                note.record_id = kept_id

    def record_with(self, **values: str) -> FakeRecord:
        """Return the one record with these values; raise LookupError where there is none, or more than one."""
        found = [r for r in self.records.values() if all(r.values.get(n) == v for n, v in values.items())]
        if len(found) != 1:
            raise LookupError(f"{len(found)} records have {values}")
        return found[0]

    # What the adapter does

    def alive(self, record_id: str) -> FakeRecord | None:
        """Return the record of the id, or the one that it was merged into."""
        while record_id in self._merged:
            record_id = self._merged[record_id]
        return self.records.get(record_id)

    def matches(self, lookup: Lookup) -> tuple[Match, ...]:
        """Return the records that a lookup finds, by the first of key, e-mail and phone that hits."""
        ways: tuple[tuple[MatchedBy, str], ...] = (
            ("key", lookup.key if lookup.by_key and self.keys else ""),
            ("email", lookup.email),
            ("phone", lookup.phone),
        )
        for by, wanted in ways:
            found = [record for record in self.records.values() if wanted and _identity(record, by) == wanted]
            if found:
                return tuple(Match(_remote(record), by) for record in found)
        return ()

    def write(self, write: Write) -> Written | CRMError:
        """Create or update a record."""
        record = self._target(write)
        if record is None and write.record_id is not None:
            return RecordMissing()
        taken = self._taken_by(write.values.get("email", ""), record)
        if taken is not None:
            return Duplicate(existing_id=taken.id)
        created = record is None
        if record is None:
            record = FakeRecord(self._new_id(), self._blanks())
            self.records[record.id] = record
        record.write("sync", write.values)
        record.key = record.key or (write.key if self.keys else "")
        return Written(_remote(record), created)

    def write_note(self, note: NoteWrite) -> RemoteNote | CRMError:
        """Add a note to a record, or rewrite one."""
        record = self.alive(note.record_id)
        if note.note_id is not None:
            if note.note_id not in self.notes:
                return RecordMissing()
            self.notes[note.note_id].subject, self.notes[note.note_id].body = note.subject, note.body
            return RemoteNote(note.note_id)
        if record is None:
            return RecordMissing()
        made = FakeNote(self._new_id(), note.key, record.id, note.subject, note.body)
        self.notes[made.id] = made
        return RemoteNote(made.id)

    def erase(self, record_id: str, note_ids: Sequence[str]) -> Erased:
        """Delete a record and some of its notes, for good."""
        record = self.alive(record_id)
        gone = [self.notes.pop(id) for id in note_ids if id in self.notes]
        if record is not None:
            self.delete(record.id)
        return Erased("deleted", "The record was deleted.", notes=len(gone))

    def _target(self, write: Write) -> FakeRecord | None:
        if write.record_id is not None:
            return self.alive(write.record_id)
        return next((r for r in self.records.values() if self.keys and r.key == write.key), None)

    def _taken_by(self, email: str, record: FakeRecord | None) -> FakeRecord | None:
        if not email or not self.unique_email:
            return None
        return next((r for r in self.records.values() if r is not record and r.values["email"] == email), None)

    def _blanks(self) -> dict[str, str]:
        return {**dict.fromkeys(CLIENT_FIELDS, ""), **{field.name: field.default for field in self.schema}}

    def _new_id(self) -> str:
        return str(next(self._ids))


class _Wire:
    """Stands where an adapter's HTTP client would: it holds the meter and the clock, and sends nothing."""

    def __init__(self, meter: Meter | None, clock: Clock) -> None:
        self.meter, self.clock = meter, clock

    def close(self) -> None:
        """There is no connection to close."""


class FakeAdapter(Adapter):
    """The adapter of a FakeCRM. Values go by the host's own names."""

    name = "fake"
    label = "Fake CRM"
    fields = tuple(FieldSpec(name, name, name, 1000) for name in CLIENT_FIELDS)
    auth_methods = (AuthMethod("token", "Token", (AuthField("token", "Token", "Any text will do."),)),)
    capabilities: ClassVar[frozenset[str]] = frozenset({"notes", "rewrite_notes", "further", "schema", "erase"})
    status_field = "status"
    tag_field = "tags"
    burst_limit = (100_000, 10.0)

    def __init__(self, crm: FakeCRM, wire: _Wire, settings: Settings, traits: Mapping[str, Any]) -> None:
        super().__init__(cast(HTTPClient, wire), settings, traits)
        self.crm = crm
        limits = dict(crm.limits)
        self.burst_limit = limits.pop("call")  # type: ignore[misc]  # a test's CRM has limits of its own
        self.kind_limits = limits  # type: ignore[misc]

    @classmethod
    def base_url(cls, settings: Settings, credentials: Mapping[str, str]) -> str:
        """Return an address that leads nowhere."""
        return "https://crm.invalid"

    @classmethod
    def allowed_hosts(cls, settings: Settings) -> tuple[str, ...]:
        """Return no host: nothing is sent."""
        return ()

    @classmethod
    def authorization(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """Return no header: nothing is sent."""
        return {}

    def write_also(self, further: Sequence[RemoteField]) -> None:
        """Keep what is written further; a CRM in memory holds whatever it is given."""
        self.further = beside(further, self.fields)

    def schema(self) -> tuple[RemoteField, ...]:
        """Return the fields of every client, and those that the CRM was made with."""
        own = (RemoteField(spec.name, spec.label, "text", max_length=spec.max_length) for spec in self.fields)
        return (*own, *self.crm.schema)

    @classmethod
    def translate(cls, client: ClientRecord) -> Values:
        """Return the host's own fields, trimmed, the e-mail in lower case; raise InvalidRecord for one without @."""
        values = {name: getattr(client, name).strip() for name in CLIENT_FIELDS}
        values["email"] = values["email"].lower()
        if values["email"] and "@" not in values["email"]:
            raise InvalidRecord("email: not a valid address", fields={"email": "not a valid address"})
        return values

    @classmethod
    def lookup(cls, key: str, values: Values, *, by_key: bool) -> Lookup:
        """Return whom to look for."""
        return Lookup(key, values["email"], values["phone"], by_key)

    def confirms(self, lookup: Lookup) -> bool:
        """Tell whether a lost create would surely be found: by key, or by an e-mail that is unique."""
        return self.crm.keys or (self.crm.unique_email and bool(lookup.email))

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Find records by our key, then e-mail, then phone."""
        return self._call("find", lookups, self.crm.matches)

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read records by id."""
        return self._call("read", record_ids, self._read)

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Create or update records."""
        return self._call("upsert", writes, self.crm.write)

    def add_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Add or rewrite notes."""
        return self._call("add_notes", notes, self.crm.write_note)

    def find_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find notes by their key; raise UnsupportedFeature where the CRM cannot."""
        if not self.crm.finds_notes:
            raise UnsupportedFeature(self.label, "a way to find notes again")
        return self._call("find_notes", notes, self._find_note)

    def erase(self, record_ids: Sequence[str], notes: Mapping[str, Sequence[str]]) -> list[Erased | CRMError]:
        """Delete records and our notes on them; what is gone already counts as deleted."""
        return self._call("erase", record_ids, lambda id: self.crm.erase(id, notes.get(id, ())))

    def test(self) -> Identity:
        """Tell which account this is."""
        (identity,) = self._call("test", [None], lambda _: Identity(self.crm.portal, f"Portal {self.crm.portal}"))
        if isinstance(identity, CRMError):
            raise identity
        return identity

    def _read(self, record_id: str) -> RemoteRecord | CRMError:
        record = self.crm.alive(record_id)
        return RecordMissing() if record is None else _remote(record)

    def _find_note(self, wanted: NoteWrite) -> RemoteNote | None:
        found = (note.id for note in self.crm.notes.values() if note.key == wanted.key)
        first = next(found, None)
        return None if first is None else RemoteNote(first)

    def _call(self, call: str, items: Iterable[_ITEM], do: Callable[[_ITEM], _DONE]) -> list[_DONE | CRMError]:
        """Make one call: ask the meter, then do the work and let faults strike."""
        wanted = list(items)
        try:
            if self.http.meter is not None:
                self.http.meter.spend("call")
        except CRMError as error:
            return [error] * len(wanted)
        self.crm.calls.append((call, len(wanted)))
        errors: list[CRMError | None] = [None] * len(wanted)
        done: list[_DONE | None] = [None] * len(wanted)
        fault, struck = self._next_fault(call, wanted)
        for number, item in enumerate(wanted):
            if fault is not None and struck[number]:
                errors[number] = fault.error if isinstance(fault.error, CRMError) else None
            if fault is None or not struck[number] or fault.after:
                done[number] = do(item)
        if fault is not None and not isinstance(fault.error, CRMError):
            raise fault.error
        return [error or cast(_DONE, made) for error, made in zip(errors, done, strict=True)]

    def _next_fault(self, call: str, items: Sequence[Any]) -> tuple[Fault | None, list[bool]]:
        for fault in self.crm.faults:
            struck = fault.strikes(call, items)
            if struck is not None:
                return fault, struck
        return None, []


def _remote(record: FakeRecord) -> RemoteRecord:
    return RemoteRecord(record.id, dict(record.values), f"https://crm.invalid/{record.id}")


def _identity(record: FakeRecord, by: MatchedBy) -> str:
    return record.key if by == "key" else record.values[by]
