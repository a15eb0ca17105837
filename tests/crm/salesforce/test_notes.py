"""Notes as tasks: their texts, and what goes over the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.base import NoteWrite, RemoteNote
from flask_crm_sync.crm.salesforce.tasktext import (
    DESCRIPTION_LIMIT,
    SUBJECT_LIMIT,
    description,
    markers,
    subject_line,
)
from flask_crm_sync.crm.texts import utf16_units
from flask_crm_sync.errors import OutcomeUnknown, RecordMissing, RejectedByCRM, Unreachable

from .conftest import API, BARE, CONTACT, KEY, KEYED, LEAD, TASK, adapter_for, payload, sent, written

_AT = datetime(2026, 11, 21, 0, 30, tzinfo=timezone(timedelta(hours=2)))
_COLLECTIONS = f"{API}/composite/sobjects"
_UPSERT = f"{_COLLECTIONS}/Task/{KEY}"
_NOBODY_CONVERTED = {"done": True, "records": []}


def _note(record_id: str = LEAD, key: str = "n1", note_id: str | None = None) -> NoteWrite:
    return NoteWrite(key, record_id, "Web chat", "Wants a room", _AT, note_id)


def _with_task(**changed: Any) -> dict[str, Any]:
    return {"objects": {**KEYED["objects"], "Task": {**KEYED["objects"]["Task"], **changed}}}


def test_lengths_are_those_of_real_activities() -> None:
    fields = {field["name"]: field["length"] for field in payload("event.describe")["fields"]}
    assert (fields["Subject"], fields["Description"]) == (SUBJECT_LIMIT, DESCRIPTION_LIMIT)


def test_note_is_a_completed_task_with_our_key(salesforce: responses.RequestsMock) -> None:
    salesforce.add("GET", f"{API}/query", json=_NOBODY_CONVERTED)
    salesforce.add("PATCH", _UPSERT, json=written({"id": TASK, "created": True}))
    picks = {"Status": "Completed", "Priority": "Normal"}
    (outcome,) = adapter_for(_with_task(picks=picks)).add_notes([_note()])
    assert sent(salesforce)["records"] == [
        {
            "attributes": {"type": "Task"},
            "Subject": "Web chat",
            "Description": "2026-11-20 22:30 UTC\n\nWants a room",
            "ActivityDate": "2026-11-20",
            "Status": "Completed",
            "Priority": "Normal",
            KEY: "n1",
            "WhoId": LEAD,
        }
    ]
    assert outcome == RemoteNote(TASK, f"https://acme.my.salesforce.com/lightning/r/{TASK}/view")


def test_org_without_our_field_gets_a_reference_in_the_text(salesforce: responses.RequestsMock) -> None:
    salesforce.add("POST", _COLLECTIONS, json=written({"id": TASK}))
    adapter_for(BARE).add_notes([_note(CONTACT)])
    (record,) = sent(salesforce)["records"]
    assert record["Description"].endswith("\n\nref: n1")
    assert record["TaskSubtype"] == "Task"
    assert KEY not in record


def test_note_of_a_converted_lead_stands_on_its_contact(salesforce: responses.RequestsMock) -> None:
    row = {"Id": LEAD, "IsConverted": True, "ConvertedContactId": CONTACT}
    salesforce.add("GET", f"{API}/query", json={"done": True, "records": [row]})
    salesforce.add("PATCH", _UPSERT, json=written({"id": TASK}))
    adapter_for().add_notes([_note()])
    assert sent(salesforce)["records"][0]["WhoId"] == CONTACT


def test_rewriting_changes_the_text_and_not_what_people_decided(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _COLLECTIONS, json=written({"id": TASK}))
    traits = _with_task(picks={"Status": "Completed", "Priority": "Normal"})
    (outcome,) = adapter_for(traits).add_notes([_note(note_id=TASK[:15])])
    (record,) = sent(salesforce)["records"]
    assert set(record) == {"attributes", "Id", "Subject", "Description", "ActivityDate", KEY}
    assert isinstance(outcome, RemoteNote)


def test_note_whose_record_was_merged_goes_to_the_survivor(salesforce: responses.RequestsMock) -> None:
    other = "0035g00000Z9y8XAAR"
    refused = {"statusCode": "INVALID_CROSS_REFERENCE_KEY", "fields": ["WhoId"]}
    salesforce.add("PATCH", _UPSERT, json=written(refused))
    salesforce.add("POST", f"{_COLLECTIONS}/Contact", json=[None])
    rows = [{"Id": CONTACT, "MasterRecordId": other}]
    salesforce.add("GET", f"{API}/queryAll", json={"done": True, "records": rows})
    salesforce.add("POST", f"{_COLLECTIONS}/Contact", json=[{"Id": other}])
    salesforce.add("PATCH", _UPSERT, json=written({"id": TASK}))
    (outcome,) = adapter_for().add_notes([_note(CONTACT)])
    assert sent(salesforce)["records"][0]["WhoId"] == other
    assert isinstance(outcome, RemoteNote)


def test_new_notes_are_not_sent_after_a_lost_answer(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _COLLECTIONS, json=[], status=502)
    old, new = adapter_for().add_notes([_note(note_id=TASK), _note(key="n2")])
    assert isinstance(old, OutcomeUnknown)
    assert isinstance(new, Unreachable)
    assert len(salesforce.calls) == 1


def test_user_who_may_not_create_tasks_is_told_per_note(salesforce: responses.RequestsMock) -> None:
    (outcome,) = adapter_for(_with_task(denied=["createable"])).add_notes([_note()])
    assert isinstance(outcome, RejectedByCRM)
    assert "tasks" in str(outcome)


def test_ids_that_are_none_are_missing_without_a_call(salesforce: responses.RequestsMock) -> None:
    outcomes = adapter_for().add_notes([_note("987654321"), _note(note_id="987654321")])
    assert [type(outcome) for outcome in outcomes] == [RecordMissing, RecordMissing]


@given(st.text(max_size=300), st.text(max_size=200))
def test_texts_fit_and_keep_their_reference(subject: str, text: str) -> None:
    assert 0 < utf16_units(subject_line(subject)) <= SUBJECT_LIMIT
    assert "\n" not in subject_line(subject)
    body = description(text * 200, datetime(2026, 11, 20, tzinfo=UTC), "k-1")
    assert utf16_units(body) <= DESCRIPTION_LIMIT
    assert "k-1" in markers(body)
    body.encode()


@pytest.mark.parametrize("text", ["ä" * 40_000, "👩" * 17_000, "x" * 31_999 + "👩"])
def test_long_text_is_cut_with_an_ellipsis_and_fills_its_field(text: str) -> None:
    body = description(text, datetime(2026, 11, 20, tzinfo=UTC), "")
    assert body.endswith("…")
    assert DESCRIPTION_LIMIT - 2 <= utf16_units(body) <= DESCRIPTION_LIMIT


def test_reference_in_the_middle_of_a_line_is_none() -> None:
    assert markers("see ref: n1\nref: n2\r\nref: n3") == {"n2", "n3"}
