"""What every adapter must do with fields beside those of every client, seen from both sides of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.crm.base import Adapter, RemoteField, RemoteRecord, Write, Written
from flask_crm_sync.errors import CRMError, InvalidRecord, ReconnectRequired
from flask_crm_sync.models import Qualification
from flask_crm_sync.models.change import QUALIFICATION
from flask_crm_sync.sync.follow_ups import FollowUp, FollowUps, read_follow_ups

from .cases import capable
from .conftest import Bench
from .test_engine import _Connected, world

__all__ = ["world"]

_STATUS = (("NEW", "New"), ("OPEN", "Open"), ("UNQUALIFIED", "Unqualified"))
_RELATIONS = (("1", "None"), ("2", "Prospect"), ("4", "Not qualified"))
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
        RemoteField("customertypecode", "Relationship type", "choice", options=_RELATIONS, default="1"),
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


@pytest.mark.parametrize("bench", ["dynamics", "hubspot"], indirect=True)
def test_option_that_the_crm_does_not_have_is_named_so_that_the_rest_can_go_without_it(
    bench: Bench, adapter: Adapter
) -> None:
    """Of the others, one takes any text there, and the other describes no options."""
    status, _text = FURTHER[bench.name]
    adapter.write_also((status,))
    new = bench.write("key1", first_name="Ann", email="ann@example.com", company="Acme")
    (outcome,) = adapter.upsert([Write("key1", {**new.values, status.name: "77"})])
    assert isinstance(outcome, InvalidRecord)
    assert outcome.fields.keys() == {status.name}


@pytest.mark.parametrize("bench", ["hubspot"], indirect=True)
def test_property_that_is_gone_from_the_portal_is_named_with_where_it_was_chosen(
    bench: Bench, adapter: Adapter
) -> None:
    adapter.write_also((RemoteField("taken_out", "Taken out", "text"),))
    new = bench.write("key1", first_name="Ann", email="ann@example.com")
    (outcome,) = adapter.upsert([Write("key1", {**new.values, "taken_out": "a"})])
    assert isinstance(outcome, ReconnectRequired)
    assert "taken_out" in str(outcome)
    assert "what follows" in str(outcome)


@pytest.fixture
def qualified(world: _Connected, bench: Bench) -> _Connected:
    """Return a host of whose one client a conversation is provisionally qualified; the status follows from that."""
    status, _text = FURTHER[bench.name]
    first, second = ("WORKED", "LOST") if not status.options else (SECOND[bench.name], status.options[-1][0])
    chosen = FollowUps(status, None, {"provisional": FollowUp(status=first), "downgraded": FollowUp(status=second)})
    world.set_connection(follow_ups=chosen.to_json())
    client = world.client("Ann", last_name="Lee", email="ann@example.com")
    now = world.clock.now()
    row = {"account_id": "1", "conversation_id": "1", "client_id": client, "set_name": "default", "status": "qualified"}
    with world.engine.begin() as database:
        database.execute(sa.insert(Qualification).values(**row, ever_qualified_at=now, created_at=now, updated_at=now))
    return world


def downgrade(world: _Connected) -> None:
    """Let the client qualify no longer, and the fan-out hear of it."""
    with world.engine.begin() as database:
        database.execute(sa.update(Qualification).values(status="unqualified", decided_by="review"))
    world.tell("client", ["1"], QUALIFICATION)
    world.run_until_done()


@capable("further")
def test_status_follows_what_a_client_is_found_to_be(qualified: _Connected, bench: Bench) -> None:
    chosen = read_follow_ups({"follow_ups": qualified.connection.follow_ups})
    assert chosen.status is not None
    qualified.run_until_done()
    (record,) = bench.records()
    assert str(record["properties"][chosen.status.name]) == chosen.of("provisional").status
    downgrade(qualified)
    assert qualified.last("1").details["written"] == [chosen.status.name]
    assert str(_stored(bench, record["id"])[chosen.status.name]) == chosen.of("downgraded").status


@capable("further")
def test_stage_that_a_person_moved_in_the_crm_stays(qualified: _Connected, bench: Bench) -> None:
    status, _text = FURTHER[bench.name]
    qualified.run_until_done()
    (record,) = bench.records()
    theirs = status.options[0][0] if status.options else "theirs"
    typed: Any = int(theirs) if bench.name == "dynamics" else theirs
    bench.api("PATCH", f"contacts/{record['id']}", {"properties": {status.name: typed}})
    downgrade(qualified)
    assert str(_stored(bench, record["id"])[status.name]) == theirs
    assert qualified.last("1").details["left"] == {status.name: "moved by somebody"}
