"""Clients who turned out to be one person are erased as one, wherever each had a record."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Judgement, Link, Operation
from flask_crm_sync.models.link import MERGED
from flask_crm_sync.sync.client_merges import merge_clients
from flask_crm_sync.sync.erasure import erase_client, erasures
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import ACCOUNT, World


@pytest.fixture
def people(world: World) -> list[str]:
    """Four clients with a record each."""
    found = [world.client(name, email=f"{name}@example.com") for name in ("ada", "countess", "byron", "bob")]
    world.run_until_done()
    return found


def merge(world: World, kept: str, gone: str) -> None:
    """Do what a host does: merge, then delete the client that is gone; the log of it is cleared in time."""
    with world.sync.database.write() as database:
        merge_clients(world.sync, database, kept, gone)
    world.remove(gone)
    world.run_until_done()
    with world.sync.database.write() as database:
        database.execute(sa.delete(Operation))


def addresses(crm: FakeCRM) -> list[str]:
    return [record.values["email"] for record in crm.records.values()]


def receipts(world: World) -> dict[str, list[str]]:
    return {view.client_id: [one.how for one in view.receipts] for view in erasures(world.sync, ACCOUNT).erasures}


def test_the_records_of_all_who_were_merged_into_a_client_go_with_it(
    world: World, crm: FakeCRM, people: list[str]
) -> None:
    first, second, third, other = people
    merge(world, second, third)
    merge(world, first, second)
    assert len(crm.records) == 4
    erase_client(world.sync, ACCOUNT, first, by="7")
    world.run_until_done()
    assert addresses(crm) == ["bob@example.com"]
    assert receipts(world) == {first: ["deleted"], second: ["deleted"], third: ["deleted"]}
    assert world.link(other).state == "active"


def test_who_became_a_client_whose_own_record_moved_on_goes_too(world: World, crm: FakeCRM, people: list[str]) -> None:
    first, second, third, _ = people
    newest = world.client("Ada", email="", told=False)
    merge(world, second, third)
    merge(world, newest, second)
    merge(world, newest, first)
    assert world.link(newest).remote_id is not None
    erase_client(world.sync, ACCOUNT, newest)
    world.run_until_done()
    assert addresses(crm) == ["bob@example.com"]
    assert set(receipts(world)) == {newest, first, second, third}
    assert world.rows(Link, Link.subject_type == MERGED) == []


def test_what_is_kept_here_of_one_who_had_no_record_is_cleared(world: World, people: list[str]) -> None:
    gone = world.client("Ada", email="", told=False)
    said = {
        "account_id": ACCOUNT,
        "client_id": gone,
        "conversation_id": "1",
        "set_name": "default",
        "after": "qualified",
    }
    with world.sync.database.write() as database:
        database.execute(
            sa.insert(Judgement).values(**said, decided_by="rules", reason="Ada asks", at=world.clock.now())
        )
    merge(world, people[0], gone)
    erase_client(world.sync, ACCOUNT, people[0])
    assert world.rows(Judgement) == []


def test_one_who_is_somebody_again_is_not_erased_with_the_other(world: World, crm: FakeCRM, people: list[str]) -> None:
    first, second, *_ = people
    nameless = world.client("Ada", email="", told=False)
    with world.sync.database.write() as database:
        merge_clients(world.sync, database, first, second)
        merge_clients(world.sync, database, second, nameless)
    world.run_until_done()
    world.remove(second)
    world.run_until_done()
    erase_client(world.sync, ACCOUNT, first)
    world.run_until_done()
    assert "countess@example.com" in addresses(crm)


def test_who_is_to_be_erased_is_so_though_a_merge_comes_in_between(
    world: World, crm: FakeCRM, people: list[str]
) -> None:
    first, second, *_ = people
    erase_client(world.sync, ACCOUNT, second)
    merge(world, first, second)
    assert sorted(addresses(crm)) == ["ada@example.com", "bob@example.com", "byron@example.com"]


def test_a_key_that_the_host_gave_to_somebody_else_is_nobodys_past(world: World, people: list[str]) -> None:
    first, second, *_ = people
    with world.sync.database.write() as database:
        merge_clients(world.sync, database, first, second)
    erase_client(world.sync, ACCOUNT, first)
    assert set(receipts(world)) == {first}


def test_it_works_on_each_database(anywhere: World, crm: FakeCRM) -> None:
    first, second = (anywhere.client(name, email=f"{name}@example.com") for name in ("ada", "countess"))
    anywhere.run_until_done()
    newest = anywhere.client("Ada", email="", told=False)
    for gone in (first, second):
        merge(anywhere, newest, gone)
    erase_client(anywhere.sync, ACCOUNT, newest)
    anywhere.run_until_done()
    assert crm.records == {}
    assert set(receipts(anywhere)) == {newest, first, second}
    assert anywhere.rows(Link) == []
