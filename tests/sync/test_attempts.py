"""Each attempt is noted with what was read and meant, also one that failed; never with a value of a client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flask_crm_sync.errors import Duplicate, InvalidRecord, OutcomeUnknown, RecordLocked, RejectedByCRM, Unreachable
from flask_crm_sync.sync.choices import retry
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import ACCOUNT, World

EMAIL = "ada@example.com"


def history(world: World, subject_id: str = "", subject_type: str = "client") -> list[dict[str, Any]]:
    found = world.last(subject_id, subject_type) if subject_id else world.operation()
    return list((found.details or {}).get("history", ()))


def told(noted: dict[str, Any], *names: str) -> list[Any]:
    return [noted.get(name) for name in names]


def test_a_create_that_was_refused_tells_that_nothing_was_found_and_what_it_meant(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", InvalidRecord("bad", fields={"city": "too long"}, crm_message="CITY_LEN"))
    world.client("Ada", email=EMAIL)
    world.run()
    (noted,) = history(world)
    assert told(noted, "code", "end", "crm", "by") == ["invalid_record", "failed", "CITY_LEN", "nothing"]
    assert set(noted["tried"]) >= {"first_name", "email"}


@pytest.mark.parametrize("error", [RecordLocked(crm_message="Locked"), OutcomeUnknown(crm_message="Locked")])
def test_an_attempt_that_is_put_back_tells_the_same(world: World, crm: FakeCRM, error: Exception) -> None:
    crm.fail("upsert", error)
    world.client("Ada", email=EMAIL)
    world.run()
    (noted,) = history(world)
    assert told(noted, "end", "crm", "by") == [None, "Locked", "nothing"]
    assert "email" in noted["tried"]


def test_an_update_that_failed_leads_to_its_record_and_says_what_it_left(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email=EMAIL, city="Graz")
    world.run()
    record = crm.record_with(email=EMAIL)
    crm.edit(record.id, first_name="Augusta")
    world.edit(ada, city="Linz")
    crm.fail("upsert", RejectedByCRM())
    world.run_until_done()
    (noted,) = history(world, ada)
    assert told(noted, "by", "record", "url", "tried") == ["link", record.id, world.link(ada).remote_url, ["city"]]
    assert "first_name" in noted["left"]


@pytest.mark.parametrize(("copies", "by"), [(1, "email"), (2, "many")])
def test_how_a_record_was_found_is_noted(world: World, crm: FakeCRM, copies: int, by: str) -> None:
    for _ in range(copies):
        crm.add(email=EMAIL)
    crm.fail("upsert", RejectedByCRM(), times=None)
    world.client("Ada", email=EMAIL)
    world.run()
    assert history(world)[0]["by"] == by


def test_a_record_that_the_crm_names_itself_is_told_so(world: World, crm: FakeCRM) -> None:
    there = crm.add(email="other@example.com")
    crm.fail("upsert", Duplicate(existing_id=there))
    crm.fail("upsert", RejectedByCRM())
    world.client("Ada", email=EMAIL)
    world.run()
    assert told(history(world)[0], "by", "record") == ["named", there]


def test_where_the_crm_could_not_be_read_nothing_is_claimed(world: World, crm: FakeCRM) -> None:
    crm.fail("find", RecordLocked())
    world.client("Ada", email=EMAIL)
    world.run()
    (noted,) = history(world)
    assert not noted.keys() & {"by", "record", "tried", "left"}


def test_a_failure_is_kept_when_a_person_has_it_tried_again(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", RejectedByCRM("First.", crm_message="No."))
    world.client("Ada", email=EMAIL)
    world.run()
    retry(world.sync, ACCOUNT, world.operation().id)
    world.run()
    assert world.operation().status == "success"
    assert [told(one, "code", "crm", "end") for one in history(world)] == [["rejected", "No.", "failed"]]


def test_a_note_that_failed_tells_for_which_record(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email=EMAIL)
    world.run()
    crm.fail("add_notes", RejectedByCRM())
    conversation = world.conversation(ada)
    world.run()
    (noted,) = history(world, conversation, "conversation")
    assert told(noted, "by", "record", "end") == ["of_note", world.link(ada).remote_id, "failed"]


def test_no_value_of_a_client_is_noted(world: World, crm: FakeCRM) -> None:
    crm.add(email=EMAIL, city="Wien")
    crm.fail("upsert", RecordLocked(), times=None)
    world.client("Adelheid", email=EMAIL, city="Graz", phone="+43 1 5880000")
    world.run()
    text = json.dumps(history(world))
    assert "tried" in text
    assert not [value for value in ("Adelheid", EMAIL, "Graz", "Wien", "5880000") if value in text]


def test_a_trouble_of_the_whole_connection_is_no_attempt_of_the_entry(world: World, crm: FakeCRM) -> None:
    crm.fail("find", Unreachable())
    world.client("Ada", email=EMAIL)
    world.run()
    assert history(world) == []
