"""The fields of a client as far as they are known: AutoChat CRM describes none, so each label says where it is from."""

from __future__ import annotations

from ..base import FieldSpec, RemoteField
from .fields import FIELDS, Naming

DOCUMENTED = frozenset({"company_name", "email"})
"""The fields that its documentation shows, beside the id; the other names are our proposal."""
_ID = RemoteField("id", "Id (documented)", "text", writable=False, on=("client",))


def fields(naming: Naming) -> tuple[RemoteField, ...]:
    """Return the ten fields that we write and the id, without a call; one that is switched off cannot be written."""
    return (*(_field(spec, naming) for spec in FIELDS), _ID)


def _field(spec: FieldSpec, naming: Naming) -> RemoteField:
    label = f"{spec.label} (documented)" if spec.name in DOCUMENTED else f"{spec.label} (our proposal)"
    writable = spec.name not in naming.off
    return RemoteField(spec.name, label, "text", writable=writable, required=spec.required, on=("client",))
