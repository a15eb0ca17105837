"""A write under way: what is still to be sent of it, and what had to be left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import CRMError, RecordMissing
from ..base import RemoteField, Write
from ..further import on_wire
from .answers import Refusal
from .fields import NAMES_OF, REQUIRED, without
from .ids import LEAD, kind_of
from .records import Records

_PLACE = ("State", "Country")
_NOT_ON_LIST = "not on Salesforce's list of states and countries"
_BAD_EMAIL = "Salesforce does not accept the address"
_NOT_THERE = "this record in Salesforce has no such field, or it may not be written"


@dataclass(slots=True)
class Draft:
    """One write. `values` go by our names; `record_id` is empty for a new lead; `claims` sets our key on the way."""

    write: Write
    record_id: str
    values: dict[str, str]
    refused: dict[str, str] = field(default_factory=dict)
    claims: bool = False
    resent: bool = False
    moved: bool = False
    needs_email: bool = False
    """Whether the e-mail is all that a new lead could be found by again, should the answer be lost."""
    outcome: CRMError | None = None
    further: Mapping[str, RemoteField] = field(default_factory=dict)

    @classmethod
    def of(cls, write: Write, record_id: str, records: Records) -> Draft:
        """Begin a write; a new lead gets stand-ins for what Salesforce demands and the client does not have."""
        blanks_go = bool(record_id)
        values = {name: value for name, value in write.values.items() if value or (blanks_go and name not in REQUIRED)}
        if not record_id:
            values.update({name: text for name, text in records.stand_ins.items() if not values.get(name)})
        further = {field.name: field for field in records.further}
        # A checkbox is never blank: what is cleared here is unticked there.
        values.update({name: "false" for name in values if not values[name] and _is_checkbox(further.get(name))})
        needs_email = not (record_id or records.shapes[LEAD].key)
        draft = cls(
            write,
            record_id,
            values,
            claims=records.may_claim(record_id),
            needs_email=bool(needs_email),
            further=further,
        )
        draft.leave_out(records)
        return draft

    @property
    def kind(self) -> str:
        """Return what is written: a new record is a lead."""
        return kind_of(self.record_id) or LEAD

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is left to send."""
        return bool(self.record_id) and not self.values

    def leave_out(self, records: Records) -> None:
        """Drop what this kind of record does not have, or this user may not write."""
        fixed = records.lacks(self.kind) if self.record_id else records.lacks_when_new()
        self._drop(fixed, _NOT_THERE)

    def sent(self, records: Records) -> dict[str, str]:
        """Return what is sent of the client's own, as it will read."""
        own = {name: value for name, value in self.values.items() if name in self.write.values}
        return without(records.stand_ins, own)

    def body(self, key: str) -> dict[str, Any]:
        """Return the record as a call takes it; `key` is our field of its kind, "" to leave that alone."""
        named = {NAMES_OF[self.kind].get(name, name): self._sent(name) for name in self.values}
        identity = {"Id": self.record_id} if self.record_id else {}
        own = {key: self.write.key} if key else {}
        return {"attributes": {"type": self.kind}, **identity, **own, **named}

    def _sent(self, name: str) -> Any:
        value, more = self.values[name], self.further.get(name)
        return on_wire(more, value) if more is not None else value or None

    def relents(self, refusal: Refusal) -> bool:
        """Take out what Salesforce refused, where the rest may go without it; tell whether to send again."""
        if refusal.code == "INVALID_EMAIL_ADDRESS" and not self.needs_email:
            return self._drop({"Email"}, _BAD_EMAIL)
        if refusal.code == "FIELD_INTEGRITY_EXCEPTION" and _is_of_place(refusal.fields):
            return self._drop(_PLACE, _NOT_ON_LIST)
        if refusal.code == "DUPLICATE_VALUE" and self.record_id and self.claims:
            self.claims = False
            return True
        if refusal.code == "DUPLICATE_VALUE" and not self.record_id and not self.resent:
            self.resent = True
            return True
        return False

    def wanders(self, refusal: Refusal) -> bool:
        """Tell whether the record may have gone elsewhere, which is looked at once."""
        gone = isinstance(refusal.error, RecordMissing)
        return gone and bool(self.record_id) and not self.moved

    def move(self, record_id: str, records: Records) -> None:
        """Go on with the record that this one became."""
        self.record_id, self.moved, self.claims = record_id, True, records.may_claim(record_id)
        self.leave_out(records)

    def _drop(self, names: Iterable[str], why: str) -> bool:
        dropped = [name for name in names if name in self.values]
        for name in dropped:
            del self.values[name]
            if name in self.write.values:
                self.refused[name] = why
        return bool(dropped)


def _is_checkbox(field: RemoteField | None) -> bool:
    return field is not None and field.type == "boolean"


def _is_of_place(fields: tuple[str, ...]) -> bool:
    """Tell whether a refusal is about state or country; it may name the field of the list itself, or none."""
    stems = {name.removeprefix("Mailing").removesuffix("Code") for name in fields}
    return stems <= set(_PLACE)
