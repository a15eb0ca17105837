"""Clients that the host merges: the link follows the one that stays, nothing is deleted in the CRM, the log tells."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from flask_crm_sync.errors import InvalidRecord
from flask_crm_sync.models import Change, Link
from flask_crm_sync.sync.client_merges import merge_clients
from flask_crm_sync.sync.refusals import NotFound
from flask_crm_sync.sync.steps import Step
from tests.sync.dying import once_at
from tests.sync.host_models import Client, Conversation

from .conftest import BothWays


def merge(both: BothWays, kept: str, gone: str, *, fails: bool = False) -> None:
    """Do what a host does: move the conversations, delete the client, and tell, in one transaction."""
    with Session(both.world.engine) as session:
        moved = sa.update(Conversation).where(Conversation.client_id == int(gone))
        session.execute(moved.values(client_id=int(kept)))
        session.delete(session.get(Client, int(gone)))
        session.flush()
        merge_clients(both.world.sync, session.connection(), kept, gone)
        if fails:
            session.rollback()
        else:
            session.commit()


def test_the_link_moves_to_a_client_that_has_none(both: BothWays) -> None:
    gone, record = both.person()
    kept = both.world.client("Ada", last_name="King", email="ada@example.org", told=False)
    merge(both, kept, gone)
    both.world.run_until_done()
    assert both.world.link(kept).remote_id == record
    assert both.crm.records[record].values["email"] == "ada@example.org"
    assert len(both.crm.records) == 1
    both.crm.edit(record, city="Wien")
    both.tell(record)
    both.world.run_until_done()
    assert both.city(kept) == "Wien"


def test_a_client_with_a_record_of_its_own_keeps_it_and_the_other_is_left(both: BothWays) -> None:
    kept, own = both.person()
    gone = both.world.client("Eve", email="eve@example.com")
    both.world.run_until_done()
    others = str(both.world.link(gone).remote_id)
    merge(both, kept, gone)
    both.world.run_until_done()
    assert both.world.link(kept).remote_id == own
    assert both.world.link(gone).state == "tombstone"
    assert others in both.crm.records
    last = both.world.last(gone)
    assert (last.status, last.reason) == ("skipped", "client_merged")
    assert last.details == {"merged_into": kept, "link": "left"}
    both.world.set_connection(create_clients=True)
    both.crm.edit(others, city="Wien")
    both.tell(others)
    both.world.run_until_done()
    assert [row.id for row in both.world.rows(Client)] == [int(kept)]


def test_the_record_that_was_left_is_followed_no_more_though_its_client_stays_here(both: BothWays) -> None:
    kept, _ = both.person()
    gone = both.world.client("Eve", email="eve@example.com", city="Linz")
    both.world.run_until_done()
    others = str(both.world.link(gone).remote_id)
    with both.world.sync.database.write() as database:
        merge_clients(both.world.sync, database, kept, gone)
    both.world.run_until_done()
    owed = len(both.world.operations())
    both.crm.edit(others, city="Wien")
    both.tell(others)
    both.world.run_until_done()
    assert (both.world.link(gone).state, both.city(gone), len(both.world.operations())) == ("tombstone", "Linz", owed)


def test_the_link_follows_where_people_merge_the_two_records_in_the_crm_as_well(both: BothWays) -> None:
    kept, own = both.person()
    gone = both.world.client("Eve", email="eve@example.com")
    both.world.run_until_done()
    others = str(both.world.link(gone).remote_id)
    merge(both, kept, gone)
    both.crm.merge(others, own)
    both.tell(own, others)
    both.world.run_until_done()
    assert both.world.link(kept).remote_id == others
    both.world.edit(kept, city="Linz")
    both.world.run_until_done()
    assert both.crm.records[others].values["city"] == "Linz"


@pytest.mark.parametrize("step", [Step.LOADED, Step.CRM_READ])
def test_a_merge_while_the_kept_client_is_about_to_be_made_makes_no_second_record(both: BothWays, step: Step) -> None:
    gone, record = both.person()
    kept = both.world.client("Eve", email="eve@example.com")
    both.crm.fail("upsert", InvalidRecord("city: not a place"))
    both.world.run()
    both.world.edit(kept, city="Linz")
    with once_at(step, lambda: merge(both, kept, gone)):
        both.world.run()
    both.world.run_until_done()
    assert list(both.crm.records) == [record]
    assert (both.world.link(kept).remote_id, both.crm.records[record].values["city"]) == (record, "Linz")


def test_what_waited_ends_and_notes_follow(both: BothWays) -> None:
    kept, own = both.person()
    gone = both.world.client("Eve", email="eve@example.com")
    talk = both.world.conversation(gone, status="closed")
    both.world.fan_out()
    merge(both, kept, gone)
    both.world.run_until_done()
    assert [record for record in both.crm.records if record != own] == []
    assert [note.record_id for note in both.crm.notes.values()] == [own], talk


def test_a_merge_that_the_host_takes_back_never_was(both: BothWays) -> None:
    gone, record = both.person()
    kept = both.world.client("Ada", email="ada@example.org", told=False)
    before = both.world.rows(Change)
    merge(both, kept, gone, fails=True)
    assert both.world.link(gone).remote_id == record
    assert both.world.rows(Change) == before
    assert [row.subject_id for row in both.world.rows(Link)] == [gone]


def test_a_client_that_is_not_there_cannot_be_kept(both: BothWays) -> None:
    gone, _ = both.person()
    with pytest.raises(NotFound), both.world.sync.database.write() as database:
        merge_clients(both.world.sync, database, "999", gone)
    with pytest.raises(ValueError, match="itself"), both.world.sync.database.write() as database:
        merge_clients(both.world.sync, database, gone, gone)
