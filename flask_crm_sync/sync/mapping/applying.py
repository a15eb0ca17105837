"""From a client to what its mapping sends. Pure: the same client gives the same values, whatever the CRM holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ...crm.base import Adapter, FieldSpec, RemoteField, Values
from ...crm.further import in_form
from ...errors import InvalidRecord
from ...host.records import ClientRecord
from ...host.values import flag
from .filters import attribute
from .rows import FieldMapping, MappingRow
from .templates import TemplateWrong, template


def translated(adapter: type[Adapter] | Adapter, mapping: FieldMapping, client: ClientRecord) -> Values:
    """Return every field that is sent, in the CRM's names and forms: the adapter's own, then the further ones.

    Raises InvalidRecord naming all usual fields whose value cannot be sent; of the further ones see `mapped`.
    """
    if not mapping.rows:
        return adapter.translate(client)
    own = adapter.translate(as_mapped(adapter.fields, mapping, client))
    off = {row.field for row in mapping.rows if row.kind == "off"}
    kept = {name: value for name, value in own.items() if name not in off}
    return {**kept, **mapped(mapping, client)}


def as_mapped(specs: Iterable[FieldSpec], mapping: FieldMapping, client: ClientRecord) -> ClientRecord:
    """Return the client with what rows put into the adapter's own fields; raise InvalidRecord."""
    sources = {spec.name: spec.source for spec in specs}
    texts: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for row in mapping.rows:
        if row.field in sources and row.kind in ("attribute", "template"):
            try:
                texts[sources[row.field]] = _filled(row, client)
            except TemplateWrong as error:
                wrong[row.field] = str(error)
    _refuse(wrong)
    return replace(client, **texts) if texts else client


def mapped(mapping: FieldMapping, client: ClientRecord) -> Values:
    """Return the further fields of a mapping for a client, each in the form of its type.

    A value that cannot be sent is left out: it stops no client, and `unfit` says for the log what is wrong with it.
    """
    return _further(mapping, client)[0]


def unfit(mapping: FieldMapping, client: ClientRecord, sent: Values) -> dict[str, str]:
    """Return the further fields that were not sent, with what is wrong with each; asks only where any is missing."""
    due = [field.name for field in mapping.fields if (row := mapping.row(field.name)) and row.kind != "off"]
    return _further(mapping, client)[1] if any(name not in sent for name in due) else {}


def _further(mapping: FieldMapping, client: ClientRecord) -> tuple[dict[str, str], dict[str, str]]:
    values: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for field in mapping.fields:
        row = mapping.row(field.name)
        if row is None or row.kind == "off":
            continue
        try:
            values[field.name] = value_of(row, field, client)
        except (TemplateWrong, ValueError) as error:
            wrong[field.name] = str(error)
    return values, wrong


def value_of(row: MappingRow, field: RemoteField, client: ClientRecord) -> str:
    """Return the text that a row sends for a client; raise TemplateWrong or ValueError where there is none."""
    if row.kind == "consent":
        return _consent(row, attribute(client, row.source))
    text = _filled(row, client)
    if field.options and row.default:  # whatever the CRM has no option for falls back too
        try:
            return in_form(field, text)
        except ValueError:
            text = row.default
    return in_form(field, text)


def _filled(row: MappingRow, client: ClientRecord) -> str:
    text = template(row.template).render(client) if row.kind == "template" else attribute(client, row.source)
    if row.values:
        text = exchanged(row, text)
    return text if text.strip() else row.default


def exchanged(row: MappingRow, text: str) -> str:
    """Return what stands for a value of ours, letter by letter or else without regard to case; itself for others."""
    own = text.strip()
    exact = dict(row.values)
    if own in exact:
        return exact[own]
    folded = {ours.casefold(): theirs for ours, theirs in row.values}
    return folded.get(own.casefold(), text)


def _consent(row: MappingRow, text: str) -> str:
    """Return what the CRM's field is to hold; a blank says nothing about the person's will."""
    if not text.strip():
        return ""
    refused = flag(text) == (row.here == "opt_out")
    return row.strict if refused else lenient(row)


def lenient(row: MappingRow) -> str:
    """Return what a consent's field holds while the person has not refused."""
    return "false" if row.strict == "true" else "true"


def _refuse(wrong: dict[str, str]) -> None:
    if wrong:
        raise InvalidRecord("; ".join(f"{name}: {fault}" for name, fault in wrong.items()), fields=wrong)
