"""One bad record in a hundred fails alone, whatever way the CRM reports it."""

from __future__ import annotations

import pytest

from flask_crm_sync.errors import Duplicate, InvalidRecord, OutcomeUnknown, RecordLocked, RejectedByCRM
from flask_crm_sync.host.binding import ClientBinding
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.host_models import Client
from tests.sync.world import World

BAD = "person42@example.com"


def bad(write: object) -> bool:
    return write.values.get("email") == BAD  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (InvalidRecord("city: too long", fields={"city": "too long"}), "failed", "invalid_record"),
        (RejectedByCRM(crm_message="No."), "failed", "rejected"),
        (Duplicate(), "failed", "duplicate"),
        (RecordLocked(), "pending", "waiting_for_retry"),
        (OutcomeUnknown(), "pending", "waiting_for_read_back"),
    ],
)
def test_a_bad_row_fails_alone(world: World, crm: FakeCRM, error: Exception, status: str, reason: str) -> None:
    crm.fail("upsert", error, only=bad, times=None)
    ids = world.clients(100)
    world.run()
    assert len(crm.records) == 99
    outcome = world.last(ids[42])
    assert (outcome.status, outcome.reason) == (status, reason)
    assert {world.last(id).status for id in ids if id != ids[42]} == {"success"}


def test_the_crms_words_and_the_fields_stand_beside_the_failure(world: World, crm: FakeCRM) -> None:
    fields = {"city": "too long"}
    crm.fail("upsert", InvalidRecord("city: too long", fields=fields, crm_message="CITY_LEN", request_id="r-1"))
    world.client("Ada", email="ada@example.com")
    world.run()
    failed = world.operation()
    assert (failed.message, failed.crm_message) == ("city: too long", "CITY_LEN")
    assert (failed.details["fields"], failed.details["request_id"]) == (fields, "r-1")


def test_a_client_that_cannot_be_translated_fails_before_any_call(world: World, crm: FakeCRM) -> None:
    world.client("Ada", email="not an address")
    world.run()
    assert world.outcomes() == [("create_lead", "failed", "invalid_record")]
    assert crm.calls == []


def city_of(client: Client) -> str:
    if client.first_name == "Broken":
        raise ValueError("the host's own code fails")
    return client.city


def test_a_client_that_the_host_cannot_read_fails_alone(world: World, crm: FakeCRM) -> None:
    world.client_binding = ClientBinding(Client, city=city_of)
    world.restart()
    broken, fine = (world.client(name, email=f"{name}@example.com") for name in ("Broken", "Fine"))
    world.run()
    assert world.last(broken).reason == "host_record_unreadable"
    assert world.last(fine).status == "success"
    conversation = world.conversation(broken)
    world.run()
    assert world.last(conversation, "conversation").reason == "host_record_unreadable"


ODD = {
    "an e-mail with a newline": ({"email": "a@example.com\nbcc: b@example.com"}, "invalid_record"),
    "a very long name": ({"first_name": "x" * 200_000}, "invalid_record"),
    "half a character": ({"first_name": "\ud83d"}, "invalid_record"),
    "a NUL": ({"first_name": "a\x00b"}, "invalid_record"),
    "emoji": ({"first_name": "Zoë 👩\u200d🚀"}, ""),
    "right to left": ({"first_name": "\u202eעדה\u202c", "last_name": "كريم"}, ""),
    "markup": ({"first_name": "<b>&amp;</b>", "last_name": "{{7*7}}"}, ""),
    "separators": ({"first_name": "a\u2028b\tc", "city": "  Graz  "}, ""),
}


def test_over_the_wire_odd_values_are_refused_one_by_one_and_the_rest_is_synced(wired: World, portal: Portal) -> None:
    values = {number: odd for number, (odd, _) in enumerate(ODD.values())}
    words = {
        name: (lambda client, name=name: values.get(client.id - 1, {}).get(name, getattr(client, name)))
        for name in ("first_name", "last_name", "email", "city")
    }
    wired.client_binding = ClientBinding(Client, **words)
    wired.restart()
    ids = wired.clients(20)
    wired.run_until_done()
    expected = [reason for _, reason in ODD.values()] + [""] * (20 - len(ODD))
    assert [wired.last(id).reason for id in ids] == expected
    assert len(portal.people()) == expected.count("")
    assert "👩\u200d🚀" in portal.person("person4@example.com")["properties"]["firstname"]


@pytest.mark.parametrize("whole_batch", [False, True], ids=["row error", "whole batch 400"])
def test_over_the_wire_a_refused_record_fails_alone(wired: World, portal: Portal, whole_batch: bool) -> None:
    portal.fail("reject_matching", params={"text": BAD, "whole_batch": whole_batch})
    ids = wired.clients(100)
    wired.run()
    assert len(portal.people()) == 99
    assert [op.subject_id for op in wired.operations(status="failed")] == [ids[42]]
    assert wired.last(ids[42]).reason == "invalid_record"


@pytest.mark.parametrize("names_id", [True, False], ids=["with an id", "without one"])
def test_over_the_wire_a_whole_batch_409_costs_only_the_one_that_clashes(
    wired: World, portal: Portal, names_id: bool
) -> None:
    """Somebody takes the new e-mail of one client in the moment between our look and our write."""
    portal.sandbox.hubspot.dialect.change({"batch_conflict_names_id": names_id})
    ids = wired.clients(100)
    wired.run_until_done()
    portal.sandbox.hubspot.add_contact({"email": "taken@example.com"}, portal.id)
    wired.edit_all(ids, city="Linz")
    wired.edit(ids[42], email="taken@example.com")
    wired.run_until_done()
    assert [(op.subject_id, op.reason) for op in wired.operations(status="failed")] == [(ids[42], "duplicate")]
    assert sum(person.get("city") == "Linz" for person in portal.people()) == 99


@pytest.mark.parametrize("committed", [False, True], ids=["before commit", "after commit"])
@pytest.mark.parametrize("path", ["contacts/batch/upsert", "notes/batch/create"])
def test_over_the_wire_a_server_error_loses_and_doubles_nothing(
    wired: World, portal: Portal, committed: bool, path: str
) -> None:
    portal.fail("server_error", path, params={"committed": committed}, times=1)
    wired.conversations(wired.clients(30))
    wired.run_until_done()
    assert len(portal.people()) == 30
    assert len(portal.notes()) == 30
    assert {op.status for op in wired.operations()} == {"success"}


@pytest.mark.parametrize("kind", ["lose_reply", "malformed_json", "truncated"])
def test_over_the_wire_a_lost_answer_loses_and_doubles_nothing(wired: World, portal: Portal, kind: str) -> None:
    portal.fail(kind, "contacts/batch/upsert", times=2)
    portal.fail(kind, "notes/batch/create", times=2)
    wired.conversations(wired.clients(30))
    wired.run_until_done()
    assert len(portal.people()) == 30
    assert len(portal.notes()) == 30
    assert {op.status for op in wired.operations()} == {"success"}


def test_a_batch_without_an_answer_is_tried_in_smaller_parts_until_the_bad_one_is_alone(
    world: World, crm: FakeCRM
) -> None:
    """A CRM that breaks on one record, and never says on which."""
    crm.fail("upsert", OutcomeUnknown(), only=bad, whole=True, times=None)
    ids = world.clients(100)
    for _ in range(6):
        world.run()
        world.clock.advance(minutes=30)
    sizes = [size for call, size in crm.calls if call == "upsert"]
    assert len(crm.records) == 99
    assert world.last(ids[42]).reason == "waiting_for_read_back"
    assert sizes[:2] == [100, 10]
    assert sizes[-1] == 1
    assert len(sizes) < 40
