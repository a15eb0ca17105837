"""Where a CRM's values go in the host when they come home, by a connection's mapping. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...crm.base import FieldSpec, Values
from ...host.attributes import CUSTOM
from .rows import FieldMapping, MappingRow


def sources_at_home(specs: Iterable[FieldSpec], mapping: FieldMapping) -> dict[str, str]:
    """Return the host's field for each of the CRM's that can come home: the usual ones, and consents.

    One that is filled from something else than its usual attribute has no value there to be changed.
    """
    found = {spec.name: spec.source for spec in specs}
    for row in mapping.rows:
        if row.kind == "consent":
            found[row.field] = row.source
        elif row.field in found and (row.kind != "attribute" or row.source != found[row.field] or row.values):
            del found[row.field]
    return found


def at_home(sources: Mapping[str, str], mapping: FieldMapping, brings: Values) -> dict[str, str]:
    """Return the host's fields with what comes home; of a consent, nothing but a refusal ever does."""
    found = {}
    for name, value in brings.items():
        row = mapping.row(name)
        found[sources[name]] = refusal_at_home(row) if row is not None and row.kind == "consent" else value
    return found


def refusals(mapping: FieldMapping, record: Values) -> dict[str, str]:
    """Return the host's fields for the consents that a CRM's record refuses."""
    asked = (row for row in mapping.rows if row.kind == "consent")
    return {row.source: refusal_at_home(row) for row in asked if record.get(row.field) == row.strict}


def refusal_at_home(row: MappingRow) -> str:
    """Return what the host's attribute of a consent holds when the person does not want it."""
    return "true" if row.here == "opt_out" else "false"


def usual_only(values: Mapping[str, str]) -> dict[str, str]:
    """Return those of the host's values that every client has, without the host's own attributes."""
    return {name: value for name, value in values.items() if not name.startswith(CUSTOM)}
