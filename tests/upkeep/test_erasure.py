"""Erasing a person: out of each CRM, out of our tables, and not back again until a manager says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.crm.base import Erased as Outcome
from flask_crm_sync.crm.base import Write
from flask_crm_sync.errors import InvalidRecord, OutcomeUnknown, PermissionMissing, ServerFault, UnsupportedFeature
from flask_crm_sync.models import (
    AuditEntry,
    Base,
    Conflict,
    Erased,
    Judgement,
    Notice,
    Notification,
    Operation,
    Overwritten,
    Qualification,
)
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.choices import retry
from flask_crm_sync.sync.connections import disconnect, pause, resume
from flask_crm_sync.sync.erased import is_erased
from flask_crm_sync.sync.erasure import erase_client, erasures, find_erasure, lift_erasure
from flask_crm_sync.sync.newcomers import newcomer_operation
from flask_crm_sync.sync.operations import owe
from flask_crm_sync.sync.refusals import NotFound
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.sync.why import explain
from flask_crm_sync.testing import FakeAdapter, FakeCRM
from tests.sync.dying import killed_at
from tests.sync.world import ACCOUNT, RESTS, World

EMAIL, PHONE = "ada@example.com", "+43 1 234567"


@pytest.fixture
def ada(world: World) -> str:
    """A client with a record and a note in the CRM, beside somebody else."""
    client = world.client("Ada", email=EMAIL, phone=PHONE)
    world.conversation(client)
    other = world.client("Bob", email="bob@example.com")
    world.conversation(other)
    world.run_until_done()
    return client


def receipts(world: World) -> list[tuple[str, str, int]]:
    page = erasures(world.sync, ACCOUNT)
    return [(receipt.crm, receipt.how, receipt.notes) for view in page.erasures for receipt in view.receipts]


def everything_stored(world: World) -> str:
    """Return all that our tables hold, as text."""
    with world.engine.connect() as database:
        tables = [table for table in Base.metadata.sorted_tables if table.name != "crm_sync_installation"]
        return "\n".join(str(row) for table in tables for row in database.execute(sa.select(table)))


def retry_it(world: World, _client: str) -> object:
    return retry(world.sync, ACCOUNT, world.operation(kind="erase").id)


def erase_again(world: World, client: str) -> object:
    return erase_client(world.sync, ACCOUNT, client)


def test_the_record_and_its_notes_go_and_others_stay(world: World, crm: FakeCRM, ada: str) -> None:
    erase_client(world.sync, ACCOUNT, ada, by="7")
    world.run_until_done()
    assert [record.values["email"] for record in crm.records.values()] == ["bob@example.com"]
    assert len(crm.notes) == 1
    assert receipts(world) == [("hubspot", "deleted", 1)]
    assert world.link(ada) is None


def test_our_tables_hold_nothing_of_the_person(world: World, crm: FakeCRM, ada: str) -> None:
    record = world.link(ada).remote_id
    operation = world.last(ada)
    told = {
        "status": "failed",
        "message": "Ada Lovelace",
        "crm_message": EMAIL,
        "details": {"fields": {"email": EMAIL}},
    }
    world.set_operation(operation.id, **told)
    _hold_more(world, ada)
    erase_client(world.sync, ACCOUNT, ada)
    assert "Lovelace" not in everything_stored(world)  # at once, however long the CRM takes
    world.run_until_done()
    left = everything_stored(world)
    assert EMAIL not in left
    assert "Lovelace" not in left
    assert f"crm.invalid/{record}'" not in left
    for model in (Conflict, Judgement, Notice, Notification, Overwritten, Qualification):
        assert world.rows(model) == [], model


@pytest.mark.parametrize("again", [retry_it, erase_again], ids=["tried again", "asked for again"])
def test_an_erasure_that_failed_first_leaves_no_words_of_the_crm_behind(
    world: World, crm: FakeCRM, ada: str, again: Callable[[World, str], object]
) -> None:
    crm.fail("erase", InvalidRecord("No.", crm_message=f"{EMAIL} cannot be deleted"))
    erase_client(world.sync, ACCOUNT, ada)
    world.run_until_done()
    assert EMAIL in everything_stored(world)
    again(world, ada)
    world.run_until_done()
    assert EMAIL not in everything_stored(world)


def _hold_more(world: World, client: str) -> None:
    """Put rows about a client into the tables that erasure has to clear."""
    now, account = world.clock.now(), {"account_id": ACCOUNT}
    of = {**account, "connection_id": world.connection_id, "client_id": client}
    judged = {**account, "client_id": client, "conversation_id": "1", "set_name": "default"}
    rows: list[tuple[Any, dict[str, Any]]] = [
        (Conflict, {**of, "crm": "hubspot", "field": "city", "created_at": now}),
        (Judgement, {**judged, "decided_by": "review", "after": "qualified", "reason": "Lovelace asks", "at": now}),
        (Qualification, {**judged, "reason": "Lovelace asks", "created_at": now, "updated_at": now}),
        (Notice, {**account, "id": 5, "event": "x", "digest": "d", "client_id": client, "data": {}, "created_at": now}),
        (Notification, {**account, "channel_id": world.connection_id, "notice_id": 5, "created_at": now}),
        (
            Overwritten,
            {**of, "operation_id": 1, "lane": 0, "field": "city", "sealed": "", "sent": "", "written_at": now},
        ),
    ]
    with world.sync.database.write() as database:
        for model, row in rows:
            database.execute(sa.insert(model).values(row))


def test_what_waits_for_the_person_is_not_sent(world: World, crm: FakeCRM, ada: str) -> None:
    world.edit(ada, city="Linz")
    world.fan_out()
    erase_client(world.sync, ACCOUNT, ada)
    world.clock.advance(hours=2)
    world.run_until_done()
    assert world.operation(subject_id=ada, kind="update_contact").reason == reasons.ERASED
    assert len(crm.records) == 1


def test_an_outage_delays_it_and_the_receipt_says_so(world: World, crm: FakeCRM, ada: str) -> None:
    crm.fail("erase", ServerFault("Down."), whole=True, times=None)
    id = erase_client(world.sync, ACCOUNT, ada).id
    world.run()
    (waiting,) = find_erasure(world.sync, ACCOUNT, id).receipts
    assert (waiting.how, waiting.status) == ("", "pending")
    crm.heal()
    world.run_until_done()
    assert receipts(world) == [("hubspot", "deleted", 1)]
    assert find_erasure(world.sync, ACCOUNT, id).is_done


def test_a_lost_answer_is_asked_for_again(world: World, crm: FakeCRM, ada: str) -> None:
    crm.fail("erase", OutcomeUnknown(), after=True)
    erase_client(world.sync, ACCOUNT, ada)
    world.run()
    world.clock.advance(RESTS)
    world.run_until_done()
    assert [how for _, how, _ in receipts(world)] == ["deleted"]
    assert len(crm.records) == 1


@pytest.mark.parametrize("step", [Step.CLAIMED, Step.LOADED, Step.CRM_WRITTEN, Step.SETTLING, Step.SETTLED])
def test_a_worker_that_dies_on_the_way_loses_no_erasure(world: World, crm: FakeCRM, ada: str, step: Step) -> None:
    erase_client(world.sync, ACCOUNT, ada)
    with killed_at(step):
        world.drain()
    world.restart()
    world.run_until_done()
    assert [how for _, how, _ in receipts(world)] == ["deleted"]
    assert len(crm.records) == 1
    assert world.link(ada) is None


def test_a_paused_connection_does_it_later(world: World, crm: FakeCRM, ada: str) -> None:
    pause(world.sync, ACCOUNT, "hubspot")
    erase_client(world.sync, ACCOUNT, ada)
    world.run()
    assert len(crm.records) == 2
    resume(world.sync, ACCOUNT, "hubspot")
    world.run_until_done()
    assert len(crm.records) == 1


def test_what_an_unanswered_create_left_is_found_by_our_key(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", OutcomeUnknown(), after=True)
    eve = world.client("Eve", email="eve@example.com")
    world.run()
    assert len(crm.records) == 1
    assert world.link(eve).remote_id is None
    erase_client(world.sync, ACCOUNT, eve)
    world.run_until_done()
    assert crm.records == {}
    assert [how for _, how, _ in receipts(world)] == ["deleted"]


def test_a_create_that_takes_effect_late_is_erased_as_well(world: World, crm: FakeCRM) -> None:
    crm.fail("upsert", OutcomeUnknown())
    eve = world.client("Eve", email="eve@example.com")
    world.run()
    key = world.link(eve).id.hex
    erase_client(world.sync, ACCOUNT, eve)
    world.run()
    assert world.operation(kind="erase").reason == reasons.WAITING_FOR_READ_BACK
    crm.write(Write(key, {"email": "eve@example.com"}))
    world.run_until_done()
    assert crm.records == {}


def test_an_erasure_that_failed_is_made_good_by_the_next_one(world: World, crm: FakeCRM, ada: str) -> None:
    crm.fail("erase", InvalidRecord("No."))
    erase_client(world.sync, ACCOUNT, ada)
    world.run_until_done()
    assert receipts(world) == [("hubspot", "", 0)]
    erase_client(world.sync, ACCOUNT, ada)
    world.run_until_done()
    assert receipts(world) == [("hubspot", "deleted", 1)] * 2


def test_a_refusal_is_shown_and_can_be_tried_again(world: World, crm: FakeCRM, ada: str) -> None:
    crm.fail("erase", PermissionMissing("May not delete."), whole=False)
    id = erase_client(world.sync, ACCOUNT, ada).id
    world.run()
    (receipt,) = find_erasure(world.sync, ACCOUNT, id).receipts
    assert receipt.how == ""
    assert len(crm.records) == 2
    crm.heal()
    world.set_connection(state="connected", state_code="")
    operation = world.operation(kind="erase")
    if operation.status == "failed":
        retry(world.sync, ACCOUNT, operation.id)
    world.run_until_done()
    assert [how for _, how, _ in receipts(world)] == ["deleted"]


def test_a_crm_that_lets_no_app_remove_a_person_leaves_a_receipt_for_a_hand(
    world: World, crm: FakeCRM, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise UnsupportedFeature("Fake CRM", "removing a person")

    monkeypatch.setattr(FakeAdapter, "erase", refuse)
    record = world.link(ada).remote_id
    id = erase_client(world.sync, ACCOUNT, ada).id
    world.run_until_done()
    (receipt,) = find_erasure(world.sync, ACCOUNT, id).receipts
    assert (receipt.how, receipt.records) == ("by_hand", ((record, f"https://crm.invalid/{record}"),))
    assert world.operation(kind="erase").reason == reasons.ERASE_BY_HAND
    assert world.link(ada) is None


def test_a_person_made_anonymous_is_named_for_the_hand_that_goes_on(
    world: World, crm: FakeCRM, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Outcome("anonymised", "Names were taken out. Delete the record by hand.")
    monkeypatch.setattr(FakeAdapter, "erase", lambda self, ids, notes: [done for _ in ids])
    id = erase_client(world.sync, ACCOUNT, ada).id
    world.run_until_done()
    (receipt,) = find_erasure(world.sync, ACCOUNT, id).receipts
    assert (receipt.how, receipt.says, len(receipt.records)) == ("anonymised", done.says, 1)


def test_a_crm_without_a_record_says_that_there_was_nothing(world: World) -> None:
    bob = world.client("Bob", told=False, email="bob@example.com")
    erase_client(world.sync, ACCOUNT, bob)
    world.run_until_done()
    assert receipts(world) == [("hubspot", "nothing", 0)]


def test_a_disconnected_crm_is_left_to_a_hand_at_once(world: World, ada: str) -> None:
    record = world.link(ada).remote_id
    disconnect(world.sync, ACCOUNT, "hubspot")
    view = erase_client(world.sync, ACCOUNT, ada)
    (receipt,) = view.receipts
    assert (receipt.how, [id for id, _ in receipt.records]) == ("by_hand", [record])
    assert view.is_done


# Not back again


@pytest.fixture
def gone(world: World, ada: str) -> str:
    """The client after the erasure."""
    erase_client(world.sync, ACCOUNT, ada)
    world.run_until_done()
    return ada


def test_an_edit_of_the_erased_client_does_not_bring_it_back(world: World, crm: FakeCRM, gone: str) -> None:
    world.edit(gone, city="Linz")
    world.conversation(gone)
    world.run_until_done()
    assert len(crm.records) == 1
    assert {op.reason for op in world.operations(client_id=gone, status="skipped")} == {reasons.ERASED}
    (standing,) = explain(world.sync, ACCOUNT, gone).standings
    assert standing.reason == reasons.ERASED


@pytest.mark.parametrize(("email", "phone"), [("ADA@example.com ", ""), ("", "+43 (1) 234-567")])
def test_another_client_with_the_same_address_is_not_sent(
    world: World, crm: FakeCRM, gone: str, email: str, phone: str
) -> None:
    again = world.client("Ada again", email=email, phone=phone)
    world.run_until_done()
    assert world.last(again).reason == reasons.ERASED
    assert len(crm.records) == 1


def test_who_merely_shares_the_address_and_is_there_already_goes_on(world: World, crm: FakeCRM, ada: str) -> None:
    partner = world.client("Bea", email="bea@example.com")
    world.run_until_done()
    erase_client(world.sync, ACCOUNT, ada)
    world.edit(partner, phone=PHONE)
    world.run_until_done()
    assert world.last(partner).status == "success"


def test_no_client_is_made_of_a_record_that_the_crm_has_of_the_person(world: World, crm: FakeCRM, gone: str) -> None:
    record = crm.add(email=EMAIL, first_name="Ada")
    world.set_connection(two_way=True, create_clients=True)
    with world.sync.database.write() as database:
        owe(database, [newcomer_operation(world.connection._mapping, record, world.clock.now())])
    world.run()
    assert world.operation(subject_type="record").reason == reasons.ERASED


def test_a_lifted_erasure_lets_the_person_come_back_as_somebody_new(world: World, crm: FakeCRM, gone: str) -> None:
    (view,) = erasures(world.sync, ACCOUNT).erasures
    assert lift_erasure(world.sync, ACCOUNT, view.id, by="7").lifted_at == world.clock.now()
    assert world.rows(Erased) == []
    world.edit(gone, city="Linz")
    world.run_until_done()
    assert len(crm.records) == 2
    told = [(row.action, row.user_id) for row in world.rows(AuditEntry) if row.subject_type == "client"]
    assert told == [("erase", ""), ("lift_erasure", "7")]


def test_asked_twice_it_is_done_once_with_two_receipts(world: World, crm: FakeCRM, ada: str) -> None:
    erase_client(world.sync, ACCOUNT, ada)
    erase_client(world.sync, ACCOUNT, ada)
    world.run_until_done()
    assert [how for _, how, _ in receipts(world)] == ["deleted", "deleted"]
    assert len([call for call in crm.calls if call[0] == "erase"]) == 1
    newest = erasures(world.sync, ACCOUNT, client_id=ada, limit=1)
    lift_erasure(world.sync, ACCOUNT, newest.erasures[0].id)
    assert world.rows(Erased) == []


def test_a_client_of_another_account_is_not_there(world: World, ada: str) -> None:
    for account, client in (("2", ada), (ACCOUNT, "999"), (ACCOUNT, "no key at all")):
        with pytest.raises(NotFound):
            erase_client(world.sync, account, client)
    view = erase_client(world.sync, ACCOUNT, ada)
    for do in (find_erasure, lift_erasure):
        with pytest.raises(NotFound):
            do(world.sync, "2", view.id)
    with world.sync.database.read() as database:
        assert is_erased(world.sync, database, ACCOUNT, email=EMAIL)
        assert not is_erased(world.sync, database, "2", email=EMAIL)
    assert erasures(world.sync, "2").erasures == ()


def test_a_client_whom_the_host_has_deleted_can_still_be_erased(world: World, crm: FakeCRM, ada: str) -> None:
    world.remove(ada)
    world.run_until_done()
    erase_client(world.sync, ACCOUNT, ada)
    world.run_until_done()
    assert len(crm.records) == 1
    assert len(crm.notes) == 1


def test_a_client_whom_the_host_deletes_right_after_is_erased_all_the_same(
    world: World, crm: FakeCRM, ada: str
) -> None:
    erase_client(world.sync, ACCOUNT, ada)
    world.remove(ada)
    world.run_until_done()
    assert [record.values["email"] for record in crm.records.values()] == ["bob@example.com"]
    assert receipts(world) == [("hubspot", "deleted", 1)]


def test_nobody_is_asked_about_where_nobody_was_erased(world: World) -> None:
    seen: list[str] = []
    sa.event.listen(world.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    world.client("Ada", email=EMAIL)
    world.run()
    about = [text for text in seen if "crm_sync_erased" in text and "EXISTS" not in text]
    assert about == []


def test_it_works_on_each_database(anywhere: World, crm: FakeCRM) -> None:
    client = anywhere.client("Ada", email=EMAIL)
    anywhere.conversation(client)
    anywhere.run_until_done()
    _hold_more(anywhere, client)
    view = erase_client(anywhere.sync, ACCOUNT, client)
    anywhere.run_until_done()
    assert (crm.records, crm.notes) == ({}, {})
    lift_erasure(anywhere.sync, ACCOUNT, view.id)
    assert anywhere.rows(Operation, Operation.kind == "erase")[0].status == "success"
