"""What is wrong with a mapping before it is saved: each row against the CRM's own description of its fields. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...crm.base import FieldSpec, RemoteField
from ...crm.further import Unfit, in_form
from ...errors import CRMSyncError
from ...host.records import CLIENT_FIELDS
from .applying import exchanged
from .filters import CUSTOM
from .rows import KINDS, MODES, SENSES, MappingRow
from .templates import TemplateWrong, check_template, fixed_texts

MOST_ROWS = 100
MOST_VALUES = 200
LONGEST_VALUE = 1_000

SourceType = Literal["text", "name", "number", "boolean", "date", "datetime", "any"]
"""What kind of values an attribute has: `name` is one of the client's ten, a text that is no number or date."""

_FITS: Mapping[SourceType, frozenset[str]] = {
    "name": frozenset({"text", "choice", "choices"}),
    "text": frozenset({"text", "choice", "choices", "number", "boolean", "date", "datetime"}),
    "number": frozenset({"text", "choice", "choices", "number"}),
    "boolean": frozenset({"text", "choice", "choices", "boolean"}),
    "date": frozenset({"text", "date", "datetime"}),
    "datetime": frozenset({"text", "date", "datetime"}),
    "any": frozenset({"text", "choice", "choices", "number", "boolean", "date", "datetime"}),
}
_MATCHING = ("email", "phone")


class MappingInvalid(CRMSyncError):
    """Rows that cannot work; `rows` maps the CRM's field to what is wrong with which input of its row."""

    code = "mapping_invalid"
    says = "The mapping cannot work like this."
    advice = "Correct the marked fields."

    def __init__(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(" ".join(sentence for wrong in rows.values() for sentence in wrong.values()))
        self.rows = {name: dict(wrong) for name, wrong in rows.items()}


@dataclass(frozen=True, slots=True)
class Ground:
    """What rows are checked against: the CRM's fields, the adapter's own among them, and the host's attributes."""

    fields: Sequence[RemoteField]
    specs: Sequence[FieldSpec] = ()
    custom: Mapping[str, SourceType] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    """How many characters a source's column takes, where it sets a bound."""

    def field(self, name: str) -> RemoteField | None:
        """Return the CRM's description of a field."""
        return next((one for one in self.fields if one.name == name), None)

    def spec(self, name: str) -> FieldSpec | None:
        """Return the adapter's own field of the name, None for a further one."""
        return next((one for one in self.specs if one.name == name), None)

    def source_type(self, source: str) -> SourceType | None:
        """Return what kind of values a source has, None where the host has no such attribute."""
        if source.startswith(CUSTOM):
            return self.custom.get(source.removeprefix(CUSTOM))
        if source == "tags":
            return "any"
        return "name" if source in CLIENT_FIELDS else None


def check_rows(rows: Sequence[MappingRow], ground: Ground, *, kept: Collection[MappingRow] = ()) -> None:
    """Refuse rows that cannot work; raise MappingInvalid, which says at each row what is wrong.

    What is `kept` as it was is not looked at again: a field that is gone from the CRM stops no other row.
    """
    wrong: dict[str, dict[str, str]] = {}
    seen: set[str] = set()
    for row in rows:
        found = {} if row in kept else dict(wrong_with(row, ground))
        if row.field in seen:
            found["field"] = "Another row fills this field already."
        seen.add(row.field)
        if found:
            wrong[row.field] = found
    if len(rows) > MOST_ROWS:
        wrong.setdefault(rows[-1].field, {})["field"] = f"A mapping has up to {MOST_ROWS} rows."
    if wrong:
        raise MappingInvalid(wrong)


def wrong_with(row: MappingRow, ground: Ground) -> Iterator[tuple[str, str]]:
    """Yield the inputs of a row that are wrong, each with a sentence."""
    if row.kind not in KINDS or row.mode not in MODES or row.here not in SENSES or row.there not in SENSES:
        yield "kind", "Choose one of these."
        return
    spec, target = ground.spec(row.field), ground.field(row.field)
    if spec is not None:
        yield from _wrong_with_own(row, spec, ground)
    elif target is None:
        yield "field", "The CRM has no such field (any more)."
    elif not target.writable:
        yield "field", "The CRM does not let this field be written."
    elif row.kind == "off":
        yield "kind", "Only a field that is sent by default can be switched off; delete the row instead."
    elif row.kind == "consent":
        yield from _wrong_with_consent(row, target, ground)
    else:
        yield from _wrong_with_value(row, target, ground)


def hints(row: MappingRow, ground: Ground) -> Iterator[str]:
    """Yield what may go wrong with single clients, though the row as such can work."""
    target = ground.field(row.field)
    if row.kind not in ("attribute", "template") or target is None:
        return
    room = ground.lengths.get(row.source) if row.kind == "attribute" else None
    if target.type != "text":
        anything = row.kind == "template" or ground.source_type(row.source) in ("name", "text", "any")
        if anything and not row.default:
            yield "A value that does not fit the field is refused, with an entry in the log."
    elif target.max_length is not None and (room is None or room > target.max_length):
        yield f"Values of more than {target.max_length:,} characters are refused, each with an entry in the log."


def _wrong_with_own(row: MappingRow, spec: FieldSpec, ground: Ground) -> Iterator[tuple[str, str]]:
    """The adapter's own fields: clients are matched by two of them, which therefore stay as they are."""
    if spec.source in _MATCHING and (row.kind != "attribute" or row.source != spec.source or row.values or row.default):
        yield "kind", "Clients are matched by this field: it is always sent as the client has it."
    elif row.kind == "consent":
        yield "kind", "This field holds a text, and no yes or no."
    elif row.kind != "off":
        as_text = RemoteField(spec.name, spec.label, "text", max_length=spec.max_length, lines=spec.source == "street")
        yield from _wrong_with_value(row, as_text, ground)


def _wrong_with_consent(row: MappingRow, target: RemoteField, ground: Ground) -> Iterator[tuple[str, str]]:
    kind = ground.source_type(row.source)
    if target.type != "boolean":
        yield "field", "A consent needs a field that holds yes or no."
    if not row.source:
        yield "source", "Choose an attribute."
    elif kind is None:
        yield "source", "This app has no such attribute of a client (any more)."
    elif kind not in ("boolean", "any"):
        yield "source", "A consent needs an attribute that is yes or no."


def _wrong_with_value(row: MappingRow, target: RemoteField, ground: Ground) -> Iterator[tuple[str, str]]:
    if row.kind == "template":
        yield from _wrong_with_template(row, target, ground)
    else:
        yield from _wrong_with_source(row, target, ground)
    if row.mode == "append" and not (target.type == "choices" or (target.type == "text" and target.lines)):
        yield "mode", "Only a text of several lines, or a field of several choices, can be added to."
    yield from _wrong_with_texts(row, target)


def _wrong_with_template(row: MappingRow, target: RemoteField, ground: Ground) -> Iterator[tuple[str, str]]:
    """Whatever a template makes must be what the field takes, as far as that is known before it is filled."""
    if not row.template.strip():
        yield "template", "Write a template, or choose an attribute."
        return
    try:
        check_template(row.template, ground.custom)
        faults = [_unfit(target, exchanged(row, text)) for text in sorted(fixed_texts(row.template))]
    except TemplateWrong as error:
        yield "template", str(error)
        return
    if faults and all(faults) and not (target.options and row.default):  # which stands for what is no option
        yield "template", faults[0]


def _wrong_with_source(row: MappingRow, target: RemoteField, ground: Ground) -> Iterator[tuple[str, str]]:
    kind = ground.source_type(row.source)
    if not row.source:
        yield "source", "Choose an attribute."
    elif kind is None:
        yield "source", "This app has no such attribute of a client (any more)."
    elif target.type not in _FITS[kind] and not row.values:
        yield "source", _MISFITS[target.type]


_MISFITS = {
    "text": "This attribute is no text.",
    "number": "The field takes a number, and this attribute is none.",
    "boolean": "The field takes yes or no, and this attribute is neither.",
    "date": "The field takes a date, and this attribute is none.",
    "datetime": "The field takes a date and time, and this attribute is none.",
    "choice": "The field takes one of its options, and this attribute cannot be one.",
    "choices": "The field takes some of its options, and this attribute cannot be one.",
}


def _wrong_with_texts(row: MappingRow, target: RemoteField) -> Iterator[tuple[str, str]]:
    """The value map and the default must be what the field takes; a required field needs a default."""
    ours = [one for one, _ in row.values]
    if len(row.values) > MOST_VALUES:
        yield "values", f"There are up to {MOST_VALUES} values."
    elif len(set(ours)) < len(ours) or not all(ours):
        yield "values", "Each of our values stands once, and none of them is blank."
    for text in (theirs for _, theirs in row.values):
        if fault := _unfit(target, text):
            yield "values", fault
    if fault := _unfit(target, row.default):
        yield "default", fault
    elif target.required and not row.default and row.kind == "attribute":
        yield "default", "The CRM requires a value here: say what is sent for a client that has none."


def _unfit(target: RemoteField, text: str) -> str:
    if len(text) > LONGEST_VALUE:
        return f"A value has up to {LONGEST_VALUE:,} characters."
    if not text.strip():
        return ""
    try:
        in_form(target, text)
    except Unfit as error:
        return error.quoting
    return ""
