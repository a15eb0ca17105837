"""The adapter of Tiny CRM: people and their notes, one call for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote

from flask_crm_sync.config import Settings
from flask_crm_sync.crm.base import (
    Adapter,
    AuthField,
    AuthMethod,
    FieldSpec,
    Identity,
    Lookup,
    Match,
    MatchedBy,
    NoteWrite,
    RemoteNote,
    RemoteRecord,
    Values,
    VendorError,
    Write,
    Written,
)
from flask_crm_sync.crm.http import Allowance, Response
from flask_crm_sync.crm.outcomes import one_by_one
from flask_crm_sync.errors import (
    CredentialsRefused,
    CRMError,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    RecordLocked,
    RecordMissing,
    RejectedByCRM,
    ServerFault,
)
from flask_crm_sync.host.records import ClientRecord

FIELDS = (
    FieldSpec("first_name", "given", "Given name", 200),
    FieldSpec("last_name", "family", "Family name", 200),
    FieldSpec("email", "mail", "E-mail", 200),
    FieldSpec("phone", "tel", "Telephone", 200),
    FieldSpec("company", "firm", "Firm", 200),
    FieldSpec("city", "town", "Town", 200),
)
SOURCES = {spec.name: spec.source for spec in FIELDS}

VENDOR_ERRORS = (
    VendorError("400", "", "A value is not accepted; the field is named.", InvalidRecord),
    VendorError("401", "", "The key is wrong or revoked.", CredentialsRefused),
    VendorError("403", "", "The key may only read.", PermissionMissing),
    VendorError("404", "", "No such person or note.", RecordMissing),
    VendorError("423", "", "Somebody else writes this person.", RecordLocked),
    VendorError("429", "", "Too many calls in a minute.", RateLimited),
)
Way: TypeAlias = tuple[MatchedBy, str, str]

REFUSALS = {int(entry.status): entry.error for entry in VENDOR_ERRORS}


class TinyAdapter(Adapter):
    """People and notes of one Tiny CRM account."""

    name = "tiny"
    label = "Tiny CRM"
    fields = FIELDS
    auth_methods = (AuthMethod("key", "Key", (AuthField("key", "Key", "In Tiny CRM: Settings, Key."),)),)
    capabilities = frozenset({"notes", "rewrite_notes"})
    burst_limit = (600, 60.0)
    vendor_errors = VENDOR_ERRORS

    # Where and as whom

    @classmethod
    def base_url(cls, settings: Settings, credentials: Mapping[str, str]) -> str:
        """Return the address of the API, version and all."""
        return "https://api.tinycrm.example/tiny/v1"

    @classmethod
    def allowed_hosts(cls, settings: Settings) -> tuple[str, ...]:
        """Return the one host."""
        return ("api.tinycrm.example",)

    @classmethod
    def authorization(cls, credentials: Mapping[str, str]) -> Mapping[str, str]:
        """Return the header that carries the key."""
        if not credentials.get("key"):
            raise CredentialsRefused("There is no key.")
        return {"X-Tiny-Key": credentials["key"]}

    # Translation

    @classmethod
    def translate(cls, client: ClientRecord) -> Values:
        """Return our six fields, white space made single, the e-mail in small letters; raise InvalidRecord."""
        values = {spec.name: " ".join(getattr(client, spec.source).split()) for spec in FIELDS}
        values["mail"] = values["mail"].lower()
        wrong = {SOURCES[name]: "too long" for name, text in values.items() if len(text) > 200}
        if wrong:
            raise InvalidRecord("A text is too long for Tiny CRM.", fields=wrong)
        return values

    @classmethod
    def lookup(cls, key: str, values: Values, *, by_key: bool) -> Lookup:
        """Return whom to look for: Tiny CRM finds people by reference and e-mail."""
        return Lookup(key, values["mail"], "", by_key)

    # Conversation

    def find(self, lookups: Sequence[Lookup]) -> list[tuple[Match, ...] | CRMError]:
        """Find people by reference, then by e-mail; whoever is looked for twice is asked for once."""
        wanted = list(dict.fromkeys(tuple(_ways(lookup)) for lookup in lookups))
        found = dict(zip(wanted, one_by_one(wanted, self._find), strict=True))
        return [found[tuple(_ways(lookup))] for lookup in lookups]

    def read(self, record_ids: Sequence[str]) -> list[RemoteRecord | CRMError]:
        """Read people."""
        return one_by_one(record_ids, lambda record_id: _record(self._call("GET", _person(record_id))))

    def upsert(self, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Create people, the reference keeping a repeated create from making a second; or change them."""
        return one_by_one(writes, self._write)

    def add_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Add notes by reference, or rewrite them."""
        return one_by_one(notes, self._note)

    def find_notes(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError | None]:
        """Find notes by reference among those of their person."""
        return one_by_one(notes, self._find_note)

    def test(self) -> Identity:
        """Ask whose account the key opens."""
        account = self._call("GET", "/me")
        return Identity(str(account["id"]), str(account["name"]))

    def _find(self, ways: Sequence[Way]) -> tuple[Match, ...]:
        for by, name, value in ways:
            rows = self._call("GET", "/people", params={name: value})["people"]
            if rows:
                return tuple(Match(_record(row), by) for row in rows)
        return ()

    def _write(self, write: Write) -> Written:
        if write.record_id is not None:
            # Tiny CRM gives a person the reference only where there is none yet, and it is free.
            body = {**write.values, "ref": write.key}
            return Written(_record(self._call("PATCH", _person(write.record_id), json=body)), False)
        row = self._call("POST", "/people", json={**write.values, "ref": write.key})
        return Written(_record(row), bool(row["new"]))

    def _note(self, note: NoteWrite) -> RemoteNote:
        body = {"ref": note.key, "title": _sound(note.subject), "text": _sound(note.body), "at": note.at.isoformat()}
        if note.note_id is not None:
            return RemoteNote(self._call("PATCH", f"/notes/{quote(note.note_id, safe='')}", json=body)["id"])
        return RemoteNote(self._call("POST", f"{_person(note.record_id)}/notes", json=body)["id"])

    def _find_note(self, note: NoteWrite) -> RemoteNote | None:
        rows = self._call("GET", f"{_person(note.record_id)}/notes")["notes"]
        return next((RemoteNote(row["id"]) for row in rows if row["ref"] == note.key), None)

    def _call(self, method: str, path: str, *, params: Mapping[str, str] | None = None, json: Any = None) -> Any:
        """Make one call and return its body; raise the CRMError that the answer means."""
        writes = method != "GET"
        response = self.http.call(method, path, params=params, json=json, writes=writes)
        if "X-Tiny-Limit" in response.headers:
            limit, left = response.headers["X-Tiny-Limit"], response.headers["X-Tiny-Left"]
            self.http.learn(Allowance(limit=int(limit), remaining=int(left)))
        if response.status >= 400:
            raise _error(response, writes, partial(self.http.clean))
        return response.body


def _error(response: Response, writes: bool, words: Any) -> CRMError:
    body = response.body if isinstance(response.body, dict) else {}
    message = words(str(body.get("error", response.text)))
    evidence: dict[str, Any] = {"crm_message": message, "status_code": response.status}
    if response.status >= 500:
        return OutcomeUnknown(**evidence) if writes else ServerFault(**evidence)
    kind = REFUSALS.get(response.status, RejectedByCRM)
    if issubclass(kind, InvalidRecord):
        field = str(body.get("field", ""))
        return kind(fields={SOURCES[field]: message} if field in SOURCES else {}, **evidence)
    if issubclass(kind, PermissionMissing):
        return kind("The key may only read.", permissions=("may only read",), **evidence)
    return kind(retry_after=float(response.headers.get("Retry-After", 0)) or None, **evidence)


def _ways(lookup: Lookup) -> Iterator[Way]:
    """Yield how to look for somebody: what a hit proves, the parameter, its value."""
    if lookup.by_key:
        yield "key", "ref", lookup.key
    if lookup.email:
        yield "email", "mail", lookup.email.lower()


def _record(row: Mapping[str, Any]) -> RemoteRecord:
    return RemoteRecord(str(row["id"]), {name: str(row.get(name) or "") for name in SOURCES})


def _person(record_id: str) -> str:
    return f"/people/{quote(record_id, safe='')}"


def _sound(text: str) -> str:
    """Return at most 5,000 characters, none of them half."""
    return text[:5000].encode("utf-8", "replace").decode()
