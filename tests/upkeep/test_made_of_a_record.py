"""What an erasure finds beside the client: what the log said of its record, and what was in hand when it was asked."""

from __future__ import annotations

from flask_crm_sync.models import Overwritten
from flask_crm_sync.models.operation import APPLY_REMOTE
from flask_crm_sync.sync.erasure import erase_client
from flask_crm_sync.sync.newcomers import newcomer_operation
from flask_crm_sync.sync.operations import owe
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.testing import FakeCRM
from tests.sync.dying import once_at
from tests.sync.world import ACCOUNT, World


def test_an_erasure_clears_the_entry_that_told_of_the_record(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run_until_done()
    record = str(world.link(ada).remote_id)
    told = newcomer_operation(world.connection._mapping, record, world.clock.now())
    with world.sync.database.write() as database:
        owe(database, [told])
    number = world.operation(subject_type="record").id
    said = {"remote_id": record, "details": {"created_client": ada}, "crm_message": "ada@example.com"}
    world.set_operation(number, status="success", pending_key=None, due_at=None, **said)
    erase_client(world.sync, ACCOUNT, ada)
    world.run_until_done()
    (entry,) = world.operations(kind=APPLY_REMOTE)
    assert (entry.remote_id, entry.details, entry.crm_message) == (None, None, "")


def test_what_was_in_hand_at_the_request_leaves_no_former_value(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com", city="Graz")
    world.run_until_done()
    world.edit(ada, city="Linz")
    world.fan_out()
    world.clock.advance(hours=2)
    with once_at(Step.CRM_READ, lambda: erase_client(world.sync, ACCOUNT, ada)):
        world.run_until_done()
    assert crm.records == {}
    assert world.rows(Overwritten) == []
