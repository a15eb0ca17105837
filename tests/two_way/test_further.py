"""Further fields on a two-way connection: they only go out, and a person's hand on them comes home nowhere."""

from __future__ import annotations

from flask_crm_sync.crm.base import RemoteField
from flask_crm_sync.sync.follow_ups import FollowUp, FollowUps
from tests.two_way.conftest import BothWays

STATUS = RemoteField("status", "Status", "choice", options=(("New", "New"), ("Open", "Open")))


def _choose(both: BothWays) -> None:
    chosen = FollowUps(STATUS, None, {"provisional": FollowUp(status="Open")})
    both.world.set_connection(follow_ups=chosen.to_json())
    both.crm.schema = (STATUS,)


def test_stage_that_a_person_moves_owes_nothing(both: BothWays) -> None:
    _choose(both)
    _, record = both.person()
    before = len(both.world.operations())
    both.crm.edit(record, status="Open")
    both.tell(record)
    both.world.run_until_done()
    assert len(both.world.operations()) == before
    assert both.world.connection.echoes == 1
    assert both.conflicts() == []


def test_edit_beside_a_moved_stage_comes_home_and_leaves_the_stage(both: BothWays) -> None:
    _choose(both)
    client, record = both.person()
    both.crm.edit(record, status="Open", city="Wien")
    both.tell(record)
    both.world.run_until_done()
    assert both.city(client) == "Wien"
    assert both.crm.records[record].values["status"] == "Open"
    assert both.world.last(client).details["brought"] == ["city"]
