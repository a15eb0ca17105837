"""What every adapter must do with fields beside those of every client, seen from both sides of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_crm_sync.crm.base import Adapter, RemoteField, RemoteRecord, Write, Written
from flask_crm_sync.errors import CRMError

from .cases import capable
from .conftest import Bench

_STATUS = (("NEW", "New"), ("OPEN", "Open"), ("UNQUALIFIED", "Unqualified"))
_STAGES = (
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Not Converted",
)

FURTHER: Mapping[str, tuple[RemoteField, ...]] = {
    "hubspot": (
        RemoteField("hs_lead_status", "Lead status", "choice", options=_STATUS, on=("contact",)),
        RemoteField("jobtitle", "Job title", "text", on=("contact",)),
    ),
    "salesforce": (
        RemoteField(
            "Status", "Status", "choice", options=tuple((v, v) for v in _STAGES), on=("Lead",), default=_STAGES[0]
        ),
        RemoteField("Title", "Title", "text", on=("Lead", "Contact")),
    ),
    "dynamics": (
        RemoteField(
            "customertypecode", "Relationship type", "choice", options=(("1", "None"), ("2", "Other")), default="1"
        ),
        RemoteField("jobtitle", "Job title", "text"),
    ),
    "autochat": (RemoteField("status", "status", "text"), RemoteField("notes", "notes", "text")),
}
"""Of each CRM its status and a plain text."""

SECOND = {"hubspot": "OPEN", "salesforce": _STAGES[1], "dynamics": "2", "autochat": "open"}
"""A status that no new record has by itself."""


def _written(outcome: Written | CRMError) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def _read(adapter: Adapter, record_id: str) -> RemoteRecord:
    (found,) = adapter.read([record_id])
    assert isinstance(found, RemoteRecord), found
    return found


def _stored(bench: Bench, record_id: str) -> Mapping[str, Any]:
    (found,) = [record for record in bench.records() if record["id"] == record_id]
    properties: Mapping[str, Any] = found["properties"]
    return properties


@capable("further")
def test_further_fields_are_written_and_read_like_any_others(bench: Bench, adapter: Adapter) -> None:
    status, text = FURTHER[bench.name]
    adapter.write_also((status, text, RemoteField(adapter.fields[0].name, "Ours anyway", "text")))
    assert [field.name for field in adapter.further] == [status.name, text.name]
    assert adapter.status_field == status.name
    new = bench.write("key1", first_name="Ann", email="ann@example.com", company="Acme")
    outcome = _written(adapter.upsert([Write("key1", {**new.values, status.name: SECOND[bench.name]})])[0])
    assert outcome.record.values[status.name] == SECOND[bench.name]
    assert outcome.record.values[text.name] == ""
    record_id = outcome.record.id
    changed = _written(adapter.upsert([Write("key1", {text.name: "Buyer"}, record_id)])[0])
    assert changed.record.values[text.name] == "Buyer"
    read = _read(adapter, record_id).values
    assert (read[status.name], read[text.name]) == (SECOND[bench.name], "Buyer")
    assert str(_stored(bench, record_id)[text.name]) == "Buyer"
    assert _read(adapter, record_id).values.keys() == {spec.name for spec in adapter.fields} | {status.name, text.name}


@capable("further")
def test_further_field_is_cleared_and_the_others_stay(bench: Bench, adapter: Adapter) -> None:
    status, text = FURTHER[bench.name]
    adapter.write_also((status, text))
    new = bench.write("key1", first_name="Ann", email="ann@example.com", company="Acme")
    sent = {**new.values, status.name: SECOND[bench.name], text.name: "Buyer"}
    record_id = _written(adapter.upsert([Write("key1", sent)])[0]).record.id
    adapter.upsert([Write("key1", {text.name: ""}, record_id)])
    read = _read(adapter, record_id).values
    assert (read[status.name], read[text.name]) == (SECOND[bench.name], "")


@capable("further")
def test_record_found_by_a_search_holds_further_fields_too(bench: Bench, adapter: Adapter) -> None:
    status, text = FURTHER[bench.name]
    adapter.write_also((status, text))
    new = bench.write("key1", first_name="Ann", email="ann@example.com", company="Acme")
    adapter.upsert([Write("key1", {**new.values, status.name: SECOND[bench.name]})])
    (found,) = adapter.find([adapter.lookup("other", new.values, by_key=False)])
    assert isinstance(found, tuple)
    assert found[0].record.values[status.name] == SECOND[bench.name]


@capable("further")
def test_what_a_new_record_gets_of_itself_is_what_its_creation_tells(bench: Bench, adapter: Adapter) -> None:
    """Else the CRM's own first stage would look like one that somebody has chosen."""
    status, _text = FURTHER[bench.name]
    adapter.write_also((status,))
    new = bench.write("key1", first_name="Ann", email="ann@example.com", company="Acme")
    outcome = _written(adapter.upsert([new])[0])
    assert outcome.record.values[status.name] == _read(adapter, outcome.record.id).values[status.name]
