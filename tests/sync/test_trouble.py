"""What people are told of trouble: once for each time that something changes, never for each record."""

from __future__ import annotations

from typing import Any

import pytest

from flask_crm_sync.errors import CredentialsRefused, InvalidRecord
from flask_crm_sync.models import Notice
from flask_crm_sync.sync.connections import connect_account, test_connection
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import ACCOUNT, World


def news(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    return [(row.event, row.crm, row.data) for row in world.rows(Notice)]


def test_a_connection_that_needs_a_person_is_told_of_once(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", CredentialsRefused())
    world.client(email="ada@example.com")
    world.run()
    world.client(email="bea@example.com")
    world.run()
    assert news(world) == [("connection_needs_attention", "hubspot", {"code": "credentials_refused"})]


def test_one_that_was_mended_and_breaks_again_is_told_of_again(world: World, crm: FakeCRM) -> None:
    for number in range(2):
        crm.fail("upsert", CredentialsRefused())
        world.client(email=f"{number}@example.com")
        world.run()
        crm.faults.clear()
        world.clock.advance(1)
        connect_account(world.sync, ACCOUNT, "hubspot", "token", {"token": "another"})
    assert len(news(world)) == 2


def test_a_test_that_fails_for_good_is_told_of_once(world: World, crm: FakeCRM) -> None:
    crm.fail("test", CredentialsRefused(), times=None)
    for _ in range(2):
        with pytest.raises(CredentialsRefused):
            test_connection(world.sync, world.connection_id)
    assert len(news(world)) == 1


def test_failures_are_told_of_when_there_are_so_many_within_an_hour(world: World, crm: FakeCRM) -> None:
    world.restart(failures_to_tell=5)
    crm.fail("upsert", InvalidRecord("no"), times=None)
    for number in range(9):
        world.client(email=f"{number}@example.com")
        world.run()
        assert len(news(world)) == (number >= 4)
    ((event, name, data),) = news(world)
    assert (event, name, data) == ("many_failures", "hubspot", {"code": "invalid_record", "number": 5})


def test_failures_far_apart_are_no_news(world: World, crm: FakeCRM) -> None:
    world.restart(failures_to_tell=3)
    crm.fail("upsert", InvalidRecord("no"), times=None)
    for number in range(6):
        world.client(email=f"{number}@example.com")
        world.run()
        world.clock.advance(minutes=40)
    assert news(world) == []


def test_a_batch_of_failures_is_one_piece_of_news(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", InvalidRecord("no"), times=None)
    world.clients(60)
    world.run()
    ((event, _, data),) = news(world)
    assert (event, data["number"]) == ("many_failures", 60)
