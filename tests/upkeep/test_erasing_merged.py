"""Clients who turned out to be one person are erased as one, wherever each had a record."""

from __future__ import annotations

from flask_crm_sync.sync.client_merges import merge_clients
from flask_crm_sync.sync.erasure import erase_client, erasures
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import ACCOUNT, World


def test_the_records_of_all_who_were_merged_into_a_client_go_with_it(world: World, crm: FakeCRM) -> None:
    people = [world.client(name, email=f"{name}@example.com") for name in ("ada", "countess", "byron", "bob")]
    world.run_until_done()
    first, second, third, other = people
    for kept, gone in ((second, third), (first, second)):
        with world.sync.database.write() as database:
            merge_clients(world.sync, database, kept, gone)
        world.remove(gone)
        world.run_until_done()
    assert len(crm.records) == 4
    erase_client(world.sync, ACCOUNT, first, by="7")
    world.run_until_done()
    assert [record.values["email"] for record in crm.records.values()] == ["bob@example.com"]
    told = {view.client_id: [one.how for one in view.receipts] for view in erasures(world.sync, ACCOUNT).erasures}
    assert told == {first: ["deleted"], second: ["deleted"], third: ["deleted"]}
    assert world.link(other).state == "active"
