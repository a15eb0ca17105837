"""Clients on their way to the CRM: created, updated, matched, left alone."""

from __future__ import annotations

from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.world import World


def test_a_new_client_becomes_a_record_and_a_link(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", last_name="Berg", email=" Ada@Example.com ")
    world.run()
    record = crm.record_with(first_name="Ada", last_name="Berg", email="ada@example.com")
    operation = world.operation()
    assert (operation.kind, operation.status, operation.attempts) == ("create_lead", "success", 1)
    assert operation.remote_id == record.id == world.link(ada).remote_id
    assert operation.details == {"written": ["first_name", "last_name", "email"], "created": True}


def test_over_the_wire_a_client_and_its_note_arrive_once(wired: World, portal: Portal) -> None:
    ada = wired.client("Ada", email="ada@example.com")
    wired.conversation(ada, "Do you sell bicycles?")
    wired.run()
    (person,) = portal.rows()
    (note,) = portal.notes()
    assert person["properties"]["firstname"] == "Ada"
    assert note["contacts"] == [person["id"]]
    assert "Do you sell bicycles?" in note["properties"]["hs_note_body"]
    assert [op.status for op in wired.operations()] == ["success", "success"]
