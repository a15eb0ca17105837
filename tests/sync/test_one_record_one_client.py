"""A record stands for one client only, however the two met: in one batch, by a merge, behind an unanswered create."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from flask_crm_sync.crm.base import Write, Written
from flask_crm_sync.errors import CRMError, Duplicate, OutcomeUnknown
from flask_crm_sync.host.bound import BindingFailure
from flask_crm_sync.host.reading import Host
from flask_crm_sync.testing import FakeAdapter, FakeCRM
from tests.sync.world import World


def reasons_of(world: World, *client_ids: str) -> list[tuple[str, str]]:
    found = (world.last(client_id) for client_id in client_ids)
    return [(operation.status, operation.reason) for operation in found]


def test_client_that_the_crm_takes_for_another_of_its_batch_writes_nothing_on_that_ones_record(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    upsert = FakeAdapter.upsert

    def by_a_duplicate_rule(adapter: FakeAdapter, writes: Sequence[Write]) -> list[Written | CRMError]:
        """Two people with one phone are one to the org's rule, whatever their e-mails."""
        outcomes = upsert(adapter, [w for w in writes if w.record_id or w.values["first_name"] != "Ben"])
        ada = next((record.id for record in crm.records.values()), None)
        for number, write in enumerate(writes):
            if not write.record_id and write.values["first_name"] == "Ben":
                outcomes.insert(number, Duplicate(existing_id=ada))
        return outcomes

    monkeypatch.setattr(FakeAdapter, "upsert", by_a_duplicate_rule)
    ada, ben = world.clients(
        [
            {"first_name": "Ada", "email": "ada@example.com", "phone": "+1 202-555-0123"},
            {"first_name": "Ben", "email": "ben@example.com", "phone": "+1 202-555-0123", "city": "Graz"},
        ]
    )
    world.run()
    assert reasons_of(world, ada, ben) == [("success", ""), ("failed", "already_linked")]
    assert crm.record_with(email="ada@example.com").values["city"] == ""


def test_client_that_matches_what_another_of_its_batch_found_writes_nothing_there(world: World, crm: FakeCRM) -> None:
    record = crm.add(first_name="Ada", email="ada@example.com")
    ada, ben = world.clients(
        [
            {"first_name": "Ada", "email": "ada@example.com"},
            {"first_name": "Ben", "email": "ben@example.com", "city": "Graz"},
        ]
    )
    # The CRM knows the second e-mail as another one of the same record, which its search did not show.
    crm.fail("upsert", Duplicate(existing_id=record), only=lambda write: write.values.get("first_name") == "Ben")
    world.run()
    assert reasons_of(world, ada, ben) == [("success", ""), ("failed", "already_linked")]
    assert crm.records[record].values["city"] == ""


def test_record_that_is_merged_into_another_clients_while_it_is_written_spoils_no_batch(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben, cleo = world.clients(3)
    world.run()
    kept, gone = (world.link(client).remote_id for client in (ada, ben))
    read = FakeAdapter.read

    def merged_after_it_was_read(adapter: FakeAdapter, record_ids: Sequence[str]) -> Any:
        found = read(adapter, record_ids)
        if gone in crm.records:
            crm.merge(kept, gone)
        return found

    monkeypatch.setattr(FakeAdapter, "read", merged_after_it_was_read)
    world.edit_all([ben, cleo], city="Tromsø")
    world.run()
    world.clock.advance(hours=1)
    world.run()
    assert reasons_of(world, ben, cleo) == [("failed", "already_linked"), ("success", "")]
    assert (world.link(ben).remote_id, world.link(ada).remote_id) == (gone, kept)


def test_second_client_with_an_email_waits_for_the_first_ones_unanswered_create(world: World, crm: FakeCRM) -> None:
    crm.unique_email = False
    crm.fail("upsert", OutcomeUnknown(), after=True)
    ada, ben = world.clients(
        [{"first_name": "Ada", "email": "one@example.com"}, {"first_name": "Ben", "email": "one@example.com"}]
    )
    world.run_until_done()
    outcomes = dict(zip(("Ada", "Ben"), reasons_of(world, ada, ben), strict=True))
    assert sorted(outcomes.values()) == [("failed", "already_linked"), ("success", "")]
    assert [outcomes[record.values["first_name"]][0] for record in crm.records.values()] == ["success"]


def test_second_client_with_an_email_makes_no_record_before_the_first_ones_late_create(
    world: World, crm: FakeCRM
) -> None:
    crm.unique_email = False
    crm.fail("upsert", OutcomeUnknown())
    ada, ben = world.clients(
        [{"first_name": "Ada", "email": "one@example.com"}, {"first_name": "Ben", "email": "one@example.com"}]
    )
    world.run()
    assert crm.records == {}
    world.run_until_done()
    assert sorted(reasons_of(world, ada, ben)) == [("failed", "already_linked"), ("success", "")]
    assert len(crm.records) == 1


def test_client_who_was_deleted_here_and_made_again_gets_the_record_back(world: World, crm: FakeCRM) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.client("Ben", email="ben@example.com")
    world.run()
    world.remove(ada)
    world.run()
    again = world.client("Ada", email="ada@example.com", city="Graz")
    assert again != ada
    world.run_until_done()
    record = crm.record_with(email="ada@example.com")
    assert (world.link(again).remote_id, record.values["city"]) == (record.id, "Graz")
    assert world.link(ada).remote_id is None


def test_record_of_a_client_that_the_host_cannot_read_is_no_others(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = world.client("Ada", email="ada@example.com")
    world.run()
    again = world.client("Ada", email="ada@example.com")
    load = Host.load_clients

    def unreadable(host: Host, on: Any, ids: Iterable[str]) -> dict[str, Any]:
        return {id: BindingFailure(id, "it is code") if id == ada else one for id, one in load(host, on, ids).items()}

    monkeypatch.setattr(Host, "load_clients", unreadable)
    world.run()
    assert reasons_of(world, again) == [("failed", "already_linked")]
