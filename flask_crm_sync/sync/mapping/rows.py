"""A connection's mapping: one row for each field of the CRM that is filled in another way than by default.

A connection's row holds the version in force as JSON (`Connection.mapping`), so that a drain reads it with its
settings; `read_mapping` takes it out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property, lru_cache
from typing import Any, Literal, get_args

from ...crm.base import RemoteField
from ...crm.further import field_from_json, field_to_json
from ..manners import Manner
from .filters import Filter

Kind = Literal["attribute", "template", "consent", "off"]
"""Where a field's value comes from: an attribute of the client, a template, a consent, or nowhere."""
Mode = Literal["merge", "overwrite", "if_new", "if_empty", "append"]
"""When a value is written: like the usual fields, also over what was there before us, for new records only, where the
CRM's is blank, behind the CRM's own."""
Sense = Literal["opt_out", "opt_in"]
"""What yes means in a consent: that the person does not want it, or that the person does."""

KINDS: tuple[str, ...] = get_args(Kind)
MODES: tuple[str, ...] = get_args(Mode)
SENSES: tuple[str, ...] = get_args(Sense)


@dataclass(frozen=True, slots=True)
class MappingRow:
    """How one field of the CRM (`field`, by its name there) is filled.

    `source` is an attribute: one of the client's ten, `tags`, or `custom.` and the host's own name. `values` are pairs
    of ours and theirs; `default` stands where there is no value, or none that the CRM has as an option. Of a consent,
    `here` and `there` say what yes means on either side.
    """

    field: str
    kind: Kind = "attribute"
    source: str = ""
    template: str = ""
    mode: Mode = "merge"
    values: tuple[tuple[str, str], ...] = ()
    default: str = ""
    here: Sense = "opt_out"
    there: Sense = "opt_out"

    @property
    def strict(self) -> str:
        """Return what the CRM's field holds when the person does not want it, "" where the row is no consent."""
        if self.kind != "consent":
            return ""
        return "true" if self.there == "opt_out" else "false"

    def to_json(self) -> dict[str, Any]:
        """Return the form that is stored: what differs from the usual."""
        told = {**asdict(self), "values": [list(pair) for pair in self.values]}
        usual = {**asdict(_USUAL), "values": []}
        return {name: value for name, value in told.items() if name == "field" or value != usual[name]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> MappingRow:
        """Read a row as it is stored; what a later version knows beside is left out."""
        known = {one.name: told[one.name] for one in fields(cls) if one.name in told}
        pairs = tuple((str(ours), str(theirs)) for ours, theirs in told.get("values", ()))
        return cls(**{**known, "values": pairs})


_USUAL = MappingRow("")


@dataclass(frozen=True)
class FieldMapping:
    """One version of a connection's mapping. `fields` describes those fields of its rows that the adapter has not.

    `has_left_out` tells that a former version had a filter: what that left out may be owed by now.
    """

    version: int = 0
    rows: tuple[MappingRow, ...] = ()
    fields: tuple[RemoteField, ...] = ()
    filter: Filter = field(default_factory=Filter)
    has_left_out: bool = False

    def row(self, name: str) -> MappingRow | None:
        """Return the row of a field, None where it is filled as usual."""
        return self._rows_by_field.get(name)

    def field(self, name: str) -> RemoteField | None:
        """Return the description of a further field, None where the field is the adapter's own."""
        return next((one for one in self.fields if one.name == name), None)

    @cached_property
    def _rows_by_field(self) -> dict[str, MappingRow]:
        return {row.field: row for row in reversed(self.rows)}

    @cached_property
    def manners(self) -> dict[str, Manner]:
        """Return how each field is written that does not simply go by the three-way merge."""
        found = {row.field: self._manner(row) for row in self.rows}
        return {name: manner for name, manner in found.items() if manner is not None}

    def _manner(self, row: MappingRow) -> Manner | None:
        if row.kind == "consent":
            return Manner("strictest", strict=row.strict)
        if row.kind == "off" or row.mode == "merge":
            return None
        field = self.field(row.field)
        several = field is not None and field.type == "choices"
        return Manner(row.mode, between=";" if several else "\n")

    def to_json(self) -> dict[str, Any]:
        """Return the form that is stored."""
        return {
            "version": self.version,
            "rows": [row.to_json() for row in self.rows],
            "fields": [field_to_json(one) for one in self.fields],
            "filter": self.filter.to_json(),
            "has_left_out": self.has_left_out,
        }


EMPTY = FieldMapping()


def read_mapping(connection: Mapping[Any, Any]) -> FieldMapping:
    """Return the mapping that a connection's row goes by; the empty one where nobody has changed anything.

    A drain asks for each of its clients, always with the same row: what was read of it last is at hand.
    """
    stored = connection["mapping"]
    if not stored:
        return EMPTY
    last, found = _lately.get(id(stored), (None, EMPTY))
    if last is not stored:
        found = mapping_from_json(stored)
        if len(_lately) >= _KEPT:
            _lately.clear()
        _lately[id(stored)] = stored, found
    return found


_KEPT = 64
_lately: dict[int, tuple[Any, FieldMapping]] = {}
"""What was read of rows' values lately, each kept as long as what it was read of."""


def mapping_from_json(stored: Mapping[str, Any]) -> FieldMapping:
    """Read a mapping as it is stored; one of the same content is read once."""
    return _read(json.dumps(stored, sort_keys=True))


@lru_cache(maxsize=256)
def _read(stored: str) -> FieldMapping:
    told = json.loads(stored)
    return FieldMapping(
        int(told.get("version", 0)),
        tuple(MappingRow.from_json(row) for row in told.get("rows", ())),
        tuple(field_from_json(one) for one in told.get("fields", ())),
        Filter.from_json(told.get("filter")),
        bool(told.get("has_left_out", False)),
    )
