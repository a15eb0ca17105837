"""A connection that moves to another account in the CRM: what was owed in the former one is told, not forgotten."""

from __future__ import annotations

from flask_crm_sync.sync.connections import connect_account, pause, resume
from flask_crm_sync.sync.erasure import erase_client, find_erasure
from flask_crm_sync.sync.undo import Stretch, count_kept
from tests.sync.world import ACCOUNT, World


def test_what_is_owed_in_an_account_that_the_connection_leaves_is_left_to_a_hand(world: World) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run_until_done()
    record = world.link(ada).remote_id
    pause(world.sync, ACCOUNT, "hubspot")
    id = erase_client(world.sync, ACCOUNT, ada).id
    world.set_connection(remote_account_id="another one")
    connect_account(world.sync, ACCOUNT, "hubspot", "token", {"token": world.token}, replace=True)
    resume(world.sync, ACCOUNT, "hubspot")
    world.run_until_done()
    (receipt,) = find_erasure(world.sync, ACCOUNT, id).receipts
    assert (receipt.how, [id for id, _ in receipt.records]) == ("by_hand", [record])
    assert world.operation(kind="erase").status == "skipped"


def test_what_was_overwritten_in_the_former_account_is_put_back_in_no_other(world: World) -> None:
    ada = world.client("Ada", email="ada@example.com", city="Graz")
    world.run_until_done()
    world.edit(ada, city="Linz")
    world.run_until_done()
    assert count_kept(world.sync, ACCOUNT, "hubspot", Stretch()) == 1
    world.set_connection(remote_account_id="another one")
    connect_account(world.sync, ACCOUNT, "hubspot", "token", {"token": world.token}, replace=True)
    assert count_kept(world.sync, ACCOUNT, "hubspot", Stretch()) == 0
