"""The engine with every adapter, both ways: what people do in the CRM comes home once, and nothing goes round."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.host.capture import install_capture
from flask_crm_sync.models import Change, Connection, Delivery, Link
from flask_crm_sync.sync.erasure import erase_client, erasures
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.sync.two_way import TwoWay, save_two_way
from tests.sync.dying import once_at
from tests.sync.host_models import Client
from tests.sync.world import ACCOUNT

from .cases import able, capable
from .conftest import Bench
from .test_engine import _Connected, world  # noqa: F401

_numbers = count(1)


class Both:
    """A host synced both ways with a CRM, whose polls or (where it tells of nothing) webhooks are looked at."""

    def __init__(self, world: _Connected, bench: Bench) -> None:  # noqa: F811
        self.world, self.bench = world, bench
        bench.switch(**bench.case.found_at_once)
        self.client = world.client("Ada", last_name="Lee", email="ada@example.com", city="Graz")
        world.run_until_done()
        save_two_way(world.sync, ACCOUNT, bench.name, TwoWay(True))
        self.look()

    @property
    def record(self) -> str:
        return str(self.world.link(self.client).remote_id)

    def city(self) -> str:
        with self.world.engine.connect() as database:
            (found,) = self.world.sync.host.load_clients(database, [self.client]).values()
        return str(getattr(found, "city", found))

    def stored_city(self) -> str | None:
        (record,) = self.bench.records()
        return record["properties"].get(self.bench.field["city"])  # type: ignore[no-any-return]

    def look(self, *told: str) -> None:
        """Let time pass until the next poll; a CRM that tells of no changes sends webhooks of some records."""
        if "changes" not in self.bench.kind.capabilities:
            self._hint(told)
        self.world.clock.advance(minutes=6)
        self.world.run_until_done()

    def _hint(self, records: tuple[str, ...]) -> None:
        now = self.world.clock.now()
        for record in records:
            row = {"connection_id": self.world.connection_id, "digest": f"event {next(_numbers)}", "event": "changed"}
            with self.world.engine.begin() as database:
                database.execute(sa.insert(Delivery).values(remote_id=record, happened_at=now, received_at=now, **row))
                database.execute(sa.update(Connection).values(pull_at=now))


@pytest.fixture
def both(world: _Connected, bench: Bench) -> Iterator[Both]:  # noqa: F811
    table: Any = sa.inspect(Change).local_table
    capture = install_capture(world.sync.host, table, lambda: None, clock=world.clock)
    yield Both(world, bench)
    capture.remove()


@pytest.fixture
def dated(both: Both) -> Iterator[None]:
    """Let the host's own code date what it adds, as hosts do."""

    def date(_mapper: Any, _connection: Any, client: Client) -> None:
        client.updated_at = both.world.clock.now().replace(tzinfo=None)

    sa.event.listen(Client, "before_insert", date)
    yield
    sa.event.remove(Client, "before_insert", date)


def test_edit_in_the_crm_comes_home_once(both: Both) -> None:
    both.bench.person_edits(both.record, city="Wien")
    both.look(both.record)
    assert both.city() == "Wien"
    before = len(both.world.operations())
    both.look(both.record)
    assert len(both.world.operations()) == before
    assert both.stored_city() == "Wien"


def test_our_own_write_is_no_news(both: Both) -> None:
    both.world.edit(both.client, city="Linz")
    both.world.run_until_done()
    before = len(both.world.operations())
    both.look(both.record)
    assert (both.stored_city(), both.city()) == ("Linz", "Linz")
    assert len(both.world.operations()) == before
    assert both.world.connection.echoes > 0


def test_field_that_was_cleared_in_the_crm_is_cleared_here(both: Both) -> None:
    both.bench.person_edits(both.record, city="")
    both.look(both.record)
    assert both.city() in ("", "None")


def test_edits_of_different_fields_on_both_sides_both_stay(both: Both) -> None:
    both.bench.person_edits(both.record, city="Wien")
    both.world.edit(both.client, last_name="Byron")
    both.look(both.record)
    (stored,) = both.bench.records()
    assert (both.city(), stored["properties"][both.bench.field["last_name"]]) == ("Wien", "Byron")


def test_edit_that_is_made_while_our_own_goes_out_comes_home(both: Both) -> None:
    def somebody_is_quick() -> None:
        both.world.clock.advance(20)  # what AutoChat CRM told is written back whole for less than that
        both.bench.person_edits(both.record, city="Wien")

    both.world.edit(both.client, last_name="King")
    both.world.fan_out()
    both.world.clock.advance(minutes=61)
    with once_at(Step.PROPOSED, somebody_is_quick):
        both.world.drain()
    both.look(both.record)
    assert (both.stored_city(), both.city()) == ("Wien", "Wien")
    (stored,) = both.bench.records()
    assert stored["properties"][both.bench.field["last_name"]] == "King"


def test_deletion_in_the_crm_is_learnt_and_nothing_is_made_again(both: Both) -> None:
    both.bench.person_deletes(both.record)
    both.look(both.record)
    assert both.world.rows(Link)[0].state == "tombstone"
    both.world.edit(both.client, city="Linz")
    both.world.run_until_done()
    assert both.bench.records() == []


@capable("restore")
def test_record_that_was_brought_back_is_the_clients_again(both: Both) -> None:
    record = both.record
    both.bench.person_deletes(record)
    both.look()
    both.bench.api("POST", f"contacts/{record}/restore")
    both.bench.person_edits(record, city="Wien")
    both.look()
    assert (both.world.rows(Link)[0].state, both.record, both.city()) == ("active", record, "Wien")


@able("merges")
def test_link_follows_a_merge(both: Both) -> None:
    other = both.bench.person_adds(email="other@example.com", city="Graz")
    survivor = both.bench.person_merges(other, both.record)
    both.look()
    assert both.record == survivor
    both.bench.person_edits(survivor, city="Wien")
    both.look()
    assert both.city() == "Wien"


@capable("erase")
@pytest.mark.usefixtures("dated")
def test_erased_person_leaves_the_crm_and_does_not_come_back(both: Both) -> None:
    both.world.conversation(both.client)
    both.world.run_until_done()
    record = both.record
    both.world.set_connection(create_clients=True)
    erase_client(both.world.sync, ACCOUNT, both.client)
    both.world.run_until_done()
    (receipt,) = [one for view in erasures(both.world.sync, ACCOUNT).erasures for one in view.receipts]
    assert receipt.how == ("anonymised" if "deleting" in both.bench.case.cannot else "deleted")
    left = [text for row in both.bench.records() for text in row["properties"].values()]
    assert not {"Ada", "Lee", "ada@example.com", "Graz"} & set(left)
    clients = len(both.world.rows(Client))
    for _time in range(2):
        both.look(record)
    assert len(both.world.rows(Client)) == clients
    assert len(both.bench.records()) == ("deleting" in both.bench.case.cannot)


@pytest.mark.usefixtures("dated")
def test_new_record_in_the_crm_makes_a_client_where_that_is_asked_for(both: Both) -> None:
    both.world.set_connection(create_clients=True)
    added = both.bench.person_adds(email="new@example.com", first_name="New", city="Linz")
    for _time in range(2):
        both.look(added)
    assert sorted(str(row.email) for row in both.world.rows(Client)) == ["ada@example.com", "new@example.com"]
    assert len(both.bench.records()) == 2


@pytest.mark.parametrize("bench", ["autochat"], indirect=True)
def test_a_stand_in_is_no_company_though_the_name_that_it_was_made_of_is_another(both: Both) -> None:
    both.bench.person_edits(both.record, first_name="Anna")
    both.look(both.record)
    (came,) = [one for one in both.world.operations() if one.kind == "apply_remote"]
    assert came.details["brought"] == ["first_name"]
    assert "company_name" not in came.details.get("left", {})
    both.look(both.record)
    again = [one for one in both.world.operations() if one.kind == "apply_remote"][1:]
    assert [(one.reason, (one.details or {}).get("left")) for one in again] in ([], [("echo", None)])
