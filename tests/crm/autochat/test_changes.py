"""Asking for changes in a way that nothing documents: an answer is believed only where it can be one."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.crm.autochat.answers import ChangesUnsure
from flask_crm_sync.crm.base import RemoteRecord
from flask_crm_sync.errors import UnsupportedFeature

from .conftest import NOW, AdapterOf, Wire

_SINCE = f"{int(NOW.timestamp() * 1000) - 60_000};;"
_AT = "2026-11-20T22:29:30Z"
_WHOLE = {
    **dict.fromkeys(("first_name", "last_name", "phone", "company_name", "street", "city", "state", "zip", "country")),
    "email": "ann@example.com",
}


def test_without_a_parameter_nothing_is_asked(wire: Wire, adapter_of: AdapterOf) -> None:
    with pytest.raises(UnsupportedFeature):
        adapter_of().changes_since("")
    assert wire.calls == []


def test_time_is_asked_for_by_the_configured_parameter(wire: Wire, adapter_of: AdapterOf) -> None:
    wire.answers("GET", "/clients", {"data": []})
    told = adapter_of(autochat_changed_since="changed_after").changes_since(_SINCE)
    assert told.changes == ()
    assert wire.calls == ["GET /clients?changed_after=2026-11-20T22%3A29%3A00Z"]


def test_client_that_is_told_whole_needs_no_further_call_and_another_one_is_to_be_read(
    wire: Wire, adapter_of: AdapterOf
) -> None:
    rows = [{"id": "c1", "updated_at": _AT, **_WHOLE}, {"id": "c2", "updated_at": _AT, "email": "ben@example.com"}]
    wire.answers("GET", "/clients", {"data": rows})
    told = adapter_of(autochat_changed_since="updated_since").changes_since(_SINCE)
    records = {change.record_id: change.record for change in told.changes}
    assert isinstance(records["c1"], RemoteRecord)
    assert records["c1"].values["email"] == "ann@example.com"
    assert records["c2"] is None


def test_time_of_change_may_have_another_name(wire: Wire, adapter_of: AdapterOf) -> None:
    wire.answers("GET", "/clients", {"data": [{"id": "c1", "modified": _AT}]})
    adapter = adapter_of(autochat_changed_since="since", autochat_changed_field="modified")
    assert [change.record_id for change in adapter.changes_since(_SINCE).changes] == ["c1"]


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"id": "c1", "updated_at": "2026-11-19T00:00:00Z"}]},
        {"data": [{"id": "c1"}]},
        {"data": [{"id": "c1", "updated_at": 12}]},
        {"message": "hello"},
    ],
)
def test_answer_that_is_no_list_of_changes_is_not_believed(wire: Wire, adapter_of: AdapterOf, body: Any) -> None:
    wire.answers("GET", "/clients", body)
    with pytest.raises(ChangesUnsure):
        adapter_of(autochat_changed_since="updated_since").changes_since(_SINCE)


def test_list_whose_pages_repeat_ends_and_one_without_end_is_not_believed(wire: Wire, adapter_of: AdapterOf) -> None:
    wire.answers("GET", "/clients", {"data": [{"id": "c1", "updated_at": _AT}]})
    adapter = adapter_of(autochat_changed_since="since", autochat_paging=(("page", "p"), ("size", "per")))
    assert len(adapter.changes_since(_SINCE).changes) == 1
    assert [call.split("&", 1)[1] for call in wire.calls] == ["p=1&per=100", "p=2&per=100"]
    wire.mock.reset()
    for number in range(101):
        wire.answers("GET", "/clients", {"data": [{"id": f"c{number}", "updated_at": _AT}]})
    with pytest.raises(ChangesUnsure, match="did not end"):
        adapter.changes_since(_SINCE)


def test_schema_says_what_is_documented_and_what_we_propose_and_asks_nobody(wire: Wire, adapter_of: AdapterOf) -> None:
    schema = {field.name: field for field in adapter_of(autochat_client_fields=(("zip", ""),)).schema()}
    assert {name for name, field in schema.items() if "documented" in field.label} == {"id", "email", "company_name"}
    assert {name for name, field in schema.items() if not field.writable} == {"id", "zip"}
    assert wire.calls == []
