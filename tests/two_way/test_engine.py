"""Both ways through the engine: what people change in the CRM comes home once, and what is ours is no news."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.crm.base import RemoteChange, RemoteChanges, Values
from flask_crm_sync.errors import InvalidRecord, OutcomeUnknown
from flask_crm_sync.host.records import ClientRecord
from flask_crm_sync.models import Conflict, Delivery
from flask_crm_sync.sync.conflict_inbox import conflicts_page, settle_conflict
from flask_crm_sync.sync.connections import connect_account
from flask_crm_sync.sync.merge import FieldRule
from flask_crm_sync.sync.now import sync_now
from flask_crm_sync.sync.plan import Side
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.sync.undo import Stretch, put_back
from flask_crm_sync.testing import FakeAdapter
from tests.sync.dying import killed_at, once_at
from tests.sync.host_models import Client
from tests.sync.world import ACCOUNT

from .conftest import BothWays

ASK = FieldRule("both", "ask")


def test_an_edit_in_the_crm_comes_home_and_is_not_sent_back(both: BothWays) -> None:
    client, record = both.person()
    both.crm.edit(record, city="Wien")
    both.tell(record)
    both.world.run_until_done()
    assert both.city(client) == "Wien"
    last = both.world.last(client)
    assert (last.kind, last.status, last.details["brought"]) == ("apply_remote", "success", ["city"])
    written = len(both.crm.records[record].versions)
    both.world.run_until_done()
    assert len(both.crm.records[record].versions) == written
    assert len(both.world.operations()) == 2


def test_our_own_write_told_by_a_webhook_owes_nothing(both: BothWays) -> None:
    client, record = both.person()
    both.world.edit(client, city="Linz")
    both.world.run_until_done()
    before = len(both.world.operations())
    both.tell(record, record)
    both.world.run_until_done()
    assert len(both.world.operations()) == before
    assert (both.world.connection.pulled, both.world.connection.echoes) == (1, 1)
    assert all(row.used_at for row in both.world.rows(Delivery))


def test_clearing_in_the_crm_clears_here(both: BothWays) -> None:
    client, record = both.person()
    both.crm.edit(record, city="")
    both.tell(record)
    both.world.run_until_done()
    assert both.city(client) == ""


def test_both_changed_and_the_crm_wins_with_an_entry_of_it(both: BothWays) -> None:
    client, record = both.person()
    both.crm.edit(record, city="Wien")
    both.world.edit(client, city="Linz")
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[record].values["city"]) == ("Wien", "Wien")
    assert both.conflicts() == [("city", "settled", "theirs")]


def test_both_changed_and_the_platform_wins(both: BothWays) -> None:
    both.rules(city=FieldRule("both", "platform"))
    client, record = both.person()
    both.crm.edit(record, city="Wien")
    both.world.edit(client, city="Linz")
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[record].values["city"]) == ("Linz", "Linz")
    assert both.conflicts() == [("city", "settled", "ours")]


@pytest.mark.parametrize("step", [Step.CRM_READ, Step.PROPOSED])
def test_an_edit_made_while_another_field_is_sent_comes_home(both: BothWays, step: Step) -> None:
    client, record = both.person()
    both.world.edit(client, last_name="King")
    both.world.fan_out()
    both.world.clock.advance(minutes=61)
    with once_at(step, lambda: both.crm.edit(record, city="Wien")):
        both.world.drain()
    both.tell(record)
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[record].values["last_name"]) == ("Wien", "King")


@pytest.mark.parametrize(("later", "agreed"), [("here", "Linz"), ("there", "Wien")])
def test_the_newer_edit_wins_also_where_ours_waits_for_its_round(both: BothWays, later: str, agreed: str) -> None:
    both.rules(city=FieldRule("both", "newest"))
    client, record = both.person()

    def edit_here() -> None:
        both.world.clock.advance(10)
        both.world.edit(client, city="Linz")
        both.world.run()

    def edit_there() -> None:
        both.world.clock.advance(10)
        both.crm.edit(record, city="Wien")
        both.tell(record)

    for edit in (edit_here, edit_there) if later == "there" else (edit_there, edit_here):
        edit()
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[record].values["city"]) == (agreed, agreed)
    assert both.conflicts() == [("city", "settled", "theirs" if later == "there" else "ours")]


@pytest.mark.parametrize(("choice", "agreed"), [("ours", "Linz"), ("theirs", "Wien")])
def test_a_conflict_waits_for_a_person_and_is_carried_out(both: BothWays, choice: Side, agreed: str) -> None:
    both.rules(city=ASK)
    client, record = both.person()
    both.crm.edit(record, city="Wien")
    both.world.edit(client, city="Linz")
    both.world.run_until_done()
    (open_one,) = conflicts_page(both.world.sync, ACCOUNT).conflicts
    assert (both.city(client), both.crm.records[record].values["city"]) == ("Linz", "Wien")
    settle_conflict(both.world.sync, ACCOUNT, open_one.id, choice, by="7")
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[record].values["city"]) == (agreed, agreed)
    assert both.conflicts() == [("city", "settled", choice)]


def test_a_decision_about_values_that_moved_since_is_asked_again(both: BothWays) -> None:
    both.rules(city=ASK)
    client, record = both.person()
    both.crm.edit(record, city="Wien")
    both.world.edit(client, city="Linz")
    both.world.run_until_done()
    (conflict,) = both.world.rows(Conflict)
    both.crm.edit(record, city="Bregenz")
    settle_conflict(both.world.sync, ACCOUNT, conflict.id, "ours")
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[record].values["city"]) == ("Linz", "Bregenz")
    assert both.conflicts() == [("city", "open", "")]


def test_a_deleted_and_restored_record_is_followed(both: BothWays) -> None:
    client, record = both.person()
    kept = both.crm.records[record]
    both.crm.delete(record)
    both.tell(record)
    both.world.run_until_done()
    assert both.world.link(client).state == "tombstone"
    both.crm.records[record] = kept
    both.crm.edit(record, city="Wien")
    both.tell(record)
    both.world.run_until_done()
    assert (both.world.link(client).state, both.city(client)) == ("active", "Wien")


def test_a_merged_record_takes_the_link_with_it(both: BothWays) -> None:
    client, record = both.person()
    kept = both.crm.add(last_name="King", city="Wien")
    both.crm.merge(kept, record)
    both.tell(record)
    both.world.run_until_done()
    assert both.world.link(client).remote_id == kept
    assert both.world.last(client).details["moved_from"] == record


@pytest.mark.parametrize("way", ["webhook", "poll"])
def test_a_merge_that_our_own_write_met_first_is_news_of_the_survivor(
    both: BothWays, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, record = both.person()
    kept = both.crm.add(last_name="Other", city="Wien")
    both.world.edit(client, last_name="King")
    both.world.fan_out()
    both.world.clock.advance(minutes=61)
    with once_at(Step.CRM_READ, lambda: both.crm.merge(kept, record)):
        both.world.drain()
    assert both.world.link(client).remote_id == kept
    if way == "webhook":
        both.tell(record, kept)
    else:
        told = RemoteChanges((RemoteChange(record, "merged", became=kept),), "there")
        monkeypatch.setattr(FakeAdapter, "changes_since", lambda *_: told)
        both.world.set_connection(pull_at=both.world.clock.now())
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[kept].values["city"]) == ("Wien", "Wien")


def test_a_field_that_goes_back_and_forth_is_stopped_and_said(both: BothWays) -> None:
    both.world.restart(flips=2)
    client, record = both.person()
    for number in range(8):
        both.crm.edit(record, city=f"There {number}")
        both.tell(record)
        both.world.run_until_done()
        both.world.edit(client, city=f"Here {number}")
        both.world.run()
        both.world.clock.advance(1)
        both.world.set_connection(next_interval_at=None)
        for op in both.world.pending():
            both.world.set_operation(op.id, due_at=both.world.clock.now())
        both.world.run()
        if both.conflicts():
            break
    assert ("city", "open", "") in both.conflicts()
    stopped = both.world.rows(Conflict)[-1]
    assert stopped.cause == "flips"
    before = both.city(client)
    both.crm.edit(record, city="Once more")
    both.tell(record)
    both.world.run_until_done()
    assert both.city(client) == before
    assert "automations" in both.world.last(client).details["left"]["city"]


def test_with_both_ways_off_an_edit_in_the_crm_stays_there(both: BothWays) -> None:
    both.world.set_connection(two_way=False)
    client, record = both.person()
    both.crm.edit(record, city="Wien")
    both.tell(record)
    both.world.edit(client, last_name="King")
    both.world.run_until_done()
    assert both.city(client) == "Graz"
    with both.world.engine.connect() as database:
        assert database.execute(sa.select(Client.last_name)).scalar() == "King"


def test_a_value_that_the_host_refuses_holds_back_no_other_of_the_same_record(both: BothWays) -> None:
    client, record = both.person()

    def refuse(_: Any, __: Any, client: Client) -> None:
        if client.city == "Nowhere":
            raise ValueError("there is no such place")

    both.crm.edit(record, city="Nowhere", last_name="King")
    both.tell(record)
    sa.event.listen(Client, "before_update", refuse)
    try:
        both.world.run_until_done()
    finally:
        sa.event.remove(Client, "before_update", refuse)
    (here,) = both.world.rows(Client)
    assert (here.city, here.last_name) == ("Graz", "King")
    entry = both.world.last(client)
    assert (entry.status, entry.reason, entry.details["brought"]) == ("failed", "host_refused", ["last_name"])
    assert list(entry.details["history"][-1]["left"]) == ["city"]
    both.tell(record)
    both.world.run_until_done()
    assert both.city(client) == "Nowhere"
    assert both.world.last(client).details["brought"] == ["city"]


@pytest.fixture
def dated(both: BothWays) -> Iterator[None]:
    """The host dates its new clients itself, as an event of its model."""

    def date(_: Any, __: Any, client: Client) -> None:
        client.updated_at = both.world.clock.now().replace(tzinfo=None)

    sa.event.listen(Client, "before_insert", date)
    yield
    sa.event.remove(Client, "before_insert", date)


def test_a_new_client_that_the_host_refuses_is_said_and_leaves_nothing(both: BothWays) -> None:
    both.world.set_connection(create_clients=True)
    both.tell(both.crm.add(email="eve@example.com"))
    both.world.run_until_done()
    assert both.world.outcomes() == [("apply_remote", "failed", "host_refused")]
    assert both.world.rows(Client) == []


@pytest.mark.usefixtures("dated")
def test_a_record_without_a_client_gets_one_where_the_account_asks_for_it(both: BothWays) -> None:
    record = both.crm.add(first_name="Eve", last_name="Low", email="eve@example.com", city="Wels")
    both.tell(record)
    both.world.run_until_done()
    assert both.world.operations() == []
    both.world.set_connection(create_clients=True)
    both.tell(record)
    both.world.run_until_done()
    (entry,) = both.world.operations()
    assert (entry.kind, entry.status) == ("apply_remote", "success")
    client = entry.details["created_client"]
    assert (both.city(client), both.world.link(client).remote_id) == ("Wels", record)
    both.crm.edit(record, city="Steyr")
    both.tell(record)
    both.world.run_until_done()
    assert both.city(client) == "Steyr"


@pytest.mark.usefixtures("dated")
def test_a_record_without_a_client_gets_one_also_where_qualified_clients_alone_are_sent(both: BothWays) -> None:
    both.world.set_connection(create_clients=True, qualified_only=True)
    both.tell(both.crm.add(last_name="Low", email="eve@example.com"))
    both.world.run_until_done()
    assert [row.email for row in both.world.rows(Client)] == ["eve@example.com"]


def test_a_client_that_is_here_already_is_matched_and_not_made_twice(both: BothWays) -> None:
    both.world.set_connection(create_clients=True)
    client = both.world.client("Eve", email="eve@example.com", told=False)
    record = both.crm.add(last_name="Low", email="eve@example.com")
    both.tell(record)
    both.world.run_until_done()
    assert both.world.link(client).remote_id == record
    with both.world.engine.connect() as database:
        assert database.execute(sa.select(sa.func.count()).select_from(Client)).scalar() == 1


def test_a_client_with_the_same_phone_is_matched_and_not_made_twice(both: BothWays) -> None:
    both.world.set_connection(create_clients=True)
    client = both.world.client("Eve", phone="+436601234567", told=False)
    record = both.crm.add(last_name="Low", phone="+436601234567")
    both.tell(record)
    both.world.run_until_done()
    assert [row.id for row in both.world.rows(Client)] == [int(client)]
    assert both.world.link(client).remote_id == record


def test_sync_now_looks_at_the_crm_at_once(both: BothWays) -> None:
    client, record = both.person()
    later = both.world.clock.now() + timedelta(minutes=5)
    both.crm.edit(record, city="Wien")
    both.tell(record)
    both.world.set_connection(pull_at=later)
    both.world.run()
    assert both.city(client) == "Graz"
    sync_now(both.world.sync, ACCOUNT)
    both.world.run()
    assert both.city(client) == "Wien"


def test_moving_to_another_account_in_the_crm_forgets_its_place_and_its_conflicts(both: BothWays) -> None:
    both.rules(city=ASK)
    client, record = both.person()
    both.crm.edit(record, city="Wien")
    both.world.edit(client, city="Linz")
    both.world.run_until_done()
    both.world.set_connection(poll_cursor="there", pull_code="rate_limited")
    both.crm.portal = "another"
    connect_account(both.world.sync, ACCOUNT, "hubspot", "token", {"token": "pat-na1-other"}, replace=True)
    assert both.conflicts() == []
    found = both.world.connection
    assert (found.two_way, found.poll_cursor, found.polled_at, found.pull_code) == (True, None, None, "")


def test_a_record_that_cannot_be_read_holds_up_no_news_of_others(both: BothWays) -> None:
    ada, record = both.person()
    bo = both.world.client("Bo", email="bo@example.com", city="Graz")
    both.world.run_until_done()
    other = str(both.world.link(bo).remote_id)
    for one in (record, other):
        both.crm.edit(one, city="Wien")
    both.crm.fail("read", InvalidRecord("It cannot be read."), only=lambda id: id == record, times=None)
    both.tell(record)
    both.tell(other)
    both.world.run_until_done()
    assert both.world.operation(subject_id=bo, kind="apply_remote").status == "success"
    assert both.world.last(ada).reason == InvalidRecord.code


@pytest.mark.usefixtures("dated")
def test_a_new_client_takes_what_comes_home_and_how_it_is_reached(both: BothWays) -> None:
    both.rules(city=FieldRule("out"), email=FieldRule("out"))
    both.world.set_connection(create_clients=True)
    record = both.crm.add(first_name="Eve", last_name="x" * 999, email="eve@example.com", city="Wels")
    both.tell(record)
    both.world.run_until_done()
    (entry,) = both.world.operations()
    (made,) = both.world.rows(Client)
    assert (made.first_name, made.last_name, made.email, made.city) == ("Eve", "", "eve@example.com", "")
    assert list(entry.details["left"]) == ["last_name"]
    both.world.edit(entry.details["created_client"], first_name="Eva")
    both.world.run_until_done()
    assert {both.crm.records[record].values[name] for name in ("first_name", "city")} == {"Eva", "Wels"}


@pytest.mark.usefixtures("dated")
def test_a_client_whose_address_has_other_letters_is_matched_as_well(both: BothWays) -> None:
    both.world.set_connection(create_clients=True)
    client = both.world.client("Eve", email="Eve.Low@Example.com", told=False)
    record = both.crm.add(last_name="Low", email="eve.low@example.com")
    both.tell(record)
    both.world.drain()
    assert len(both.world.rows(Client)) == 1
    assert both.world.operation(subject_type="record").reason == "client_known"
    both.world.run_until_done()
    assert both.world.link(client).remote_id == record


@pytest.mark.usefixtures("dated")
def test_no_client_is_made_of_what_an_unanswered_write_of_ours_may_have_made(both: BothWays) -> None:
    both.world.set_connection(create_clients=True)
    both.crm.fail("upsert", OutcomeUnknown(), after=True)
    client = both.world.client("Ada", email="ada@example.com")
    both.world.run()
    (record,) = both.crm.records
    both.world.edit(client, email="ada@example.org")  # nobody here has the record's address any more
    both.tell(record)
    both.world.run_until_done()
    assert [row.id for row in both.world.rows(Client)] == [int(client)]
    assert (both.world.link(client).remote_id, both.crm.records[record].values["email"]) == (record, "ada@example.org")


@pytest.mark.usefixtures("dated")
def test_a_new_client_that_could_not_be_sent_again_is_not_made(both: BothWays, monkeypatch: pytest.MonkeyPatch) -> None:
    translate = FakeAdapter.translate

    def as_the_host_holds_it(client: ClientRecord) -> Values:
        if client.id:
            raise InvalidRecord("city: not a place", fields={"city": "not a place"})
        return translate(client)

    monkeypatch.setattr(FakeAdapter, "translate", staticmethod(as_the_host_holds_it))
    both.world.set_connection(create_clients=True)
    both.tell(both.crm.add(last_name="Low", email="eve@example.com"))
    both.world.run_until_done()
    assert both.world.outcomes() == [("apply_remote", "failed", InvalidRecord.code)]
    assert both.world.rows(Client) == []


@pytest.mark.usefixtures("dated")
def test_a_new_client_may_have_the_key_of_one_who_was_deleted(both: BothWays) -> None:
    """SQLite gives it again."""
    both.world.set_connection(create_clients=True)
    client, record = both.person()
    both.world.remove(client)
    newer = both.crm.add(last_name="Low", email="eve@example.com", city="Wels")
    both.tell(newer)
    both.world.run_until_done()
    assert both.world.last(newer, "record").details["created_client"] == client
    assert (both.world.link(client).remote_id, both.city(client)) == (newer, "Wels")
    both.crm.edit(record, city="Wien")
    both.crm.edit(newer, city="Steyr")
    both.tell(record, newer)
    both.world.run_until_done()
    assert both.city(client) == "Steyr"


@pytest.mark.parametrize("fails", ["no answer", "no worker"])
def test_a_value_that_was_put_back_is_nobodys_edit_before_that_is_known(both: BothWays, fails: str) -> None:
    client, record = both.person()
    both.world.edit(client, city="Linz")
    both.world.run_until_done()
    put_back(both.world.sync, ACCOUNT, "hubspot", Stretch(client_id=client))
    if fails == "no answer":
        both.crm.fail("upsert", OutcomeUnknown(), after=True)
        both.world.run()
    else:
        with killed_at(Step.CRM_WRITTEN):
            both.world.run()
    assert both.crm.records[record].values["city"] == "Graz"
    sync_now(both.world.sync, ACCOUNT)
    both.world.edit(client, last_name="King")
    both.tell(record)
    both.world.run_until_done()
    assert (both.city(client), both.crm.records[record].values["city"]) == ("Linz", "Graz")
    assert both.world.link(client).intents is None


def test_edit_of_a_field_that_this_app_has_not_owes_nothing(both: BothWays) -> None:
    _, record = both.person()
    owed = len(both.world.operations())
    both.crm.edit(record, company="Lovelace Ltd")
    both.tell(record)
    both.world.run_until_done()
    assert (len(both.world.operations()), both.crm.records[record].values["company"]) == (owed, "Lovelace Ltd")
