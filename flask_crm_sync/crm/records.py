"""What goes to a CRM and comes back from it, as plain records: the words in which the engine and an adapter speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from ..errors import CRMError

if TYPE_CHECKING:
    from .oauth import Grant

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
    it is made. `findings` are sentences for a person. `user` is as whom the key works there, "" where it is not told.
    """

    remote_account_id: str
    label: str
    traits: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    user: str = ""


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
