"""What the engine must not decide: several records that match, a record that is another client's."""

from __future__ import annotations

import pytest

from flask_crm_sync.errors import InvalidRecord, OutcomeUnknown
from flask_crm_sync.sync.choices import decide, retry
from flask_crm_sync.testing import FakeCRM
from tests.sync.conftest import Portal
from tests.sync.world import World


def ambiguous(world: World, crm: FakeCRM) -> tuple[str, list[str]]:
    """Come to a client that two records could be; return it and their ids."""
    records = [crm.add(first_name=name, phone="+43 1 234") for name in ("One", "Two")]
    ada = world.client("Ada", phone="+43 1 234")
    world.run()
    return ada, records


def test_several_matches_write_nothing_and_name_the_candidates(world: World, crm: FakeCRM) -> None:
    ada, records = ambiguous(world, crm)
    failed = world.last(ada)
    assert (failed.status, failed.reason) == ("failed", "ambiguous_match")
    assert [(one["id"], one["by"]) for one in failed.details["candidates"]] == [(id, "phone") for id in records]
    assert all(one["url"] for one in failed.details["candidates"])
    assert "Ada" not in str(failed.details)
    assert not any(who == "sync" for record in crm.records.values() for who, _ in record.versions)
    assert world.link(ada) is None


def test_a_person_chooses_one_of_them(world: World, crm: FakeCRM) -> None:
    ada, records = ambiguous(world, crm)
    decide(world.sync, "1", world.last(ada).id, f"use:{records[1]}")
    world.run()
    assert world.last(ada).status == "success"
    assert world.link(ada).remote_id == records[1]
    assert len(crm.records) == 2
    assert crm.records[records[1]].values["first_name"] == "Two"  # it was there before: only blanks are filled


def test_a_person_has_a_new_one_created(world: World, crm: FakeCRM) -> None:
    ada, records = ambiguous(world, crm)
    decide(world.sync, "1", world.last(ada).id, "create_new")
    world.run()
    assert world.last(ada).details["created"]
    assert world.link(ada).remote_id not in records
    assert len(crm.records) == 3


@pytest.mark.parametrize("arrived", [True, False])
def test_a_new_one_without_an_answer_is_looked_for_by_our_key_alone(world: World, crm: FakeCRM, arrived: bool) -> None:
    """The person has seen the others that match; only the one that was to be made is in question."""
    ada, records = ambiguous(world, crm)
    decide(world.sync, "1", world.last(ada).id, "create_new")
    crm.fail("upsert", OutcomeUnknown(), after=arrived)
    world.run_until_done()
    assert world.last(ada).status == "success"
    assert world.link(ada).remote_id not in records
    assert len(crm.records) == 3


def test_a_person_leaves_it(world: World, crm: FakeCRM) -> None:
    ada, _ = ambiguous(world, crm)
    decide(world.sync, "1", world.last(ada).id, "leave")
    world.run()
    assert world.outcomes() == [("create_lead", "skipped", "left_by_person")]
    assert len(crm.records) == 2


def test_a_choice_that_is_gone_by_now_says_so(world: World, crm: FakeCRM) -> None:
    ada, records = ambiguous(world, crm)
    decide(world.sync, "1", world.last(ada).id, f"use:{records[0]}")
    crm.delete(records[0])
    world.run()
    assert world.last(ada).reason == "record_missing"


def test_duplicates_merged_in_the_crm_are_no_question_any_more(world: World, crm: FakeCRM) -> None:
    ada, records = ambiguous(world, crm)
    crm.merge(*records)
    retry(world.sync, "1", world.last(ada).id)
    world.run()
    assert world.link(ada).remote_id == records[0]


def test_a_record_stands_for_one_client_only(world: World, crm: FakeCRM) -> None:
    first = world.client("Ada", email="ada@example.com")
    world.run()
    second = world.client("Ada again", email="Ada@Example.com")
    world.run()
    assert world.last(second).reason == "already_linked"
    assert first in world.last(second).message
    assert len(crm.records) == 1
    assert crm.record_with().values["first_name"] == "Ada"


def test_ten_clients_with_one_email_in_one_batch_make_one_record(world: World, crm: FakeCRM) -> None:
    ids = world.clients([{"first_name": f"N{n}", "email": "one@example.com"} for n in range(10)] + people(5))
    world.run_until_done()
    assert len(crm.records) == 6
    assert sorted(op.reason for op in world.operations() if op.subject_id in ids[:10]) == ["", *["already_linked"] * 9]
    assert {op.status for op in world.operations() if op.subject_id in ids[10:]} == {"success"}


def test_over_the_wire_ten_clients_with_one_email_make_one_record(wired: World, portal: Portal) -> None:
    wired.clients([{"first_name": f"N{n}", "email": "one@example.com"} for n in range(10)] + people(5))
    wired.run_until_done()
    assert len(portal.people()) == 6
    assert sorted(op.reason for op in wired.operations()) == [*[""] * 6, *["already_linked"] * 9]


def test_a_twin_goes_when_the_first_one_is_refused(world: World, crm: FakeCRM) -> None:
    ids = world.clients([{"first_name": name, "email": "one@example.com", "city": name} for name in ("bad", "good")])
    crm.fail("upsert", InvalidRecord("no"), only=lambda write: write.values["city"] == "bad", times=None)
    world.run_until_done()
    assert [world.last(id).status for id in ids] == ["failed", "success"]


def people(number: int) -> list[dict[str, str]]:
    return [{"first_name": f"P{n}", "email": f"p{n}@example.com"} for n in range(number)]


def test_a_match_by_email_is_linked_and_only_its_blanks_are_filled(world: World, crm: FakeCRM) -> None:
    record = crm.add(first_name="Adelheid", email="ada@example.com")
    ada = world.client("Ada", last_name="Berg", email="ADA@example.com")
    world.run()
    assert crm.records[record].values["first_name"] == "Adelheid"
    assert crm.records[record].values["last_name"] == "Berg"
    done = world.last(ada)
    assert done.details["matched_by"] == "email"
    assert done.details["left"] == {"first_name": "had a value in the CRM before it was linked"}


def test_a_person_s_value_survives_when_the_platform_changes_other_fields(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com", city="Graz", phone="+43 1")
    world.run()
    record = crm.record_with(email="ada@example.com")
    crm.edit(record.id, city="Wien", last_name="Berg")
    world.edit(ada, phone="+43 2")
    world.run_until_done()
    assert {n: record.values[n] for n in ("city", "last_name", "phone")} == {
        "city": "Wien",
        "last_name": "Berg",
        "phone": "+43 2",
    }


def test_a_field_cleared_here_is_cleared_there(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com", city="Graz")
    world.run()
    world.edit(ada, city="")
    world.run_until_done()
    assert crm.record_with(email="ada@example.com").values["city"] == ""


def test_an_edit_that_changes_nothing_over_there_is_told_as_such(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    world.edit(ada, email="ADA@example.com ")
    world.run_until_done()
    assert world.last(ada).reason == "nothing_to_change"
    assert [name for name, _ in crm.calls].count("upsert") == 1
