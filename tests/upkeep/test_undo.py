"""What our writes replaced is kept encrypted, and put back where nobody has changed it since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
import sqlalchemy as sa

from flask_crm_sync.errors import InvalidRecord, OutcomeUnknown, ServerFault
from flask_crm_sync.models import AuditEntry, Overwritten
from flask_crm_sync.models.operation import CREATE_NEW
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.backfill import begin_backfill
from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.choices import decide, dismiss, retry
from flask_crm_sync.sync.overwritten import purge_overwritten
from flask_crm_sync.sync.progress import cancel
from flask_crm_sync.sync.refusals import ChoiceNotPossible, NotFound
from flask_crm_sync.sync.secrets import ROTATED, rotate
from flask_crm_sync.sync.steps import Step
from flask_crm_sync.sync.undo import Stretch, count_kept, kept_of_entry, kept_page, put_back
from flask_crm_sync.testing import FakeCRM, FakeRecord
from tests.sync.dying import killed_at
from tests.sync.world import ACCOUNT, KEY, RESTS, World

CRM = "hubspot"


@pytest.fixture
def ada(world: World) -> str:
    """A client whose city went from Graz to Linz, in the CRM as well."""
    client = world.client("Ada", email="ada@example.com", city="Graz")
    world.run_until_done()
    move(world, client, "Linz")
    return client


def move(world: World, client: str, city: str) -> None:
    world.edit(client, city=city)
    world.run_until_done()


def city(crm: FakeCRM) -> str:
    (record,) = crm.records.values()
    return record.values["city"]


def undo(world: World, **stretch: object) -> None:
    put_back(world.sync, ACCOUNT, CRM, Stretch(**stretch))  # type: ignore[arg-type]
    world.run_until_done()


def states(world: World) -> list[str]:
    return [row.state for row in world.rows(Overwritten)]


def test_a_value_that_we_replaced_is_kept_and_not_readable(world: World, ada: str) -> None:
    (row,) = world.rows(Overwritten)
    assert (row.field, row.client_id, row.state) == ("city", ada, "kept")
    assert row.operation_id == world.last(ada).id
    assert "Graz" not in str(row)


def test_a_text_that_the_crm_has_cut_in_half_a_character_stops_nobody(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept like any other when it is replaced; no call can bring it back."""
    whole = FakeRecord.write

    def cut(record: FakeRecord, who: str, values: Mapping[str, str]) -> None:
        whole(record, who, {name: value.replace("Graz \U0001f600", "Graz \ud83d") for name, value in values.items()})

    monkeypatch.setattr(FakeRecord, "write", cut)
    ada = world.client("Ada", email="ada@example.com", city="Graz \U0001f600")
    world.run_until_done()
    assert city(crm) == "Graz \ud83d"
    move(world, ada, "Linz")
    assert (city(crm), world.last(ada).status, world.last(ada).crashes) == ("Linz", "success", 0)
    undo(world)
    assert city(crm) == "Linz"
    assert states(world) == ["changed"]


def test_filling_blanks_and_new_records_keep_nothing(world: World, crm: FakeCRM) -> None:
    crm.add(email="bob@example.com")
    for email in ("bob@example.com", "new@example.com"):
        world.client("Bob", email=email, city="Graz")
    world.run_until_done()
    assert world.rows(Overwritten) == []


def test_one_entry_is_put_back_and_stays_so(world: World, crm: FakeCRM, ada: str) -> None:
    entry = world.last(ada).id
    assert [kept.field for kept in kept_of_entry(world.sync, ACCOUNT, entry)] == ["city"]
    undo(world, operation_id=entry)
    assert city(crm) == "Graz"
    assert states(world) == ["returned"]
    done = world.last(ada)
    assert (done.kind, done.status, done.details) == ("put_back", "success", {"written": ["city"]})
    world.edit(ada, last_name="Byron")
    world.run_until_done()
    assert city(crm) == "Graz"
    move(world, ada, "Wien")
    assert city(crm) == "Wien"


def test_what_a_person_changed_since_stays(world: World, crm: FakeCRM, ada: str) -> None:
    (record,) = crm.records
    crm.edit(record, city="Salzburg")
    undo(world)
    assert city(crm) == "Salzburg"
    assert states(world) == ["changed"]
    assert world.last(ada).reason == reasons.CHANGED_SINCE


def test_a_later_write_of_ours_is_not_undone_with_an_earlier_one(world: World, crm: FakeCRM, ada: str) -> None:
    entry = world.last(ada).id
    move(world, ada, "Wien")
    undo(world, operation_id=entry)
    assert city(crm) == "Wien"


def test_a_stretch_goes_back_to_what_was_there_before_it(world: World, crm: FakeCRM, ada: str) -> None:
    since = world.clock.now() + timedelta(minutes=1)
    world.clock.advance(hours=1)
    move(world, ada, "Wien")
    world.clock.advance(hours=1)
    move(world, ada, "Bregenz")
    assert count_kept(world.sync, ACCOUNT, CRM, Stretch(since=since)) == 2
    undo(world, since=since)
    assert city(crm) == "Linz"
    undo(world)
    assert city(crm) == "Graz"


def test_only_a_backfills_writes_go_back_where_that_is_asked(world: World, crm: FakeCRM, ada: str) -> None:
    undo(world, backfill_only=True)
    assert city(crm) == "Linz"
    with world.engine.begin() as database:
        database.execute(sa.update(Overwritten).values(lane=2))
    undo(world, backfill_only=True)
    assert city(crm) == "Graz"


@pytest.mark.parametrize("step", [Step.CLAIMED, Step.CRM_READ, Step.CRM_WRITTEN, Step.SETTLING])
def test_a_worker_that_dies_on_the_way_is_made_good(world: World, crm: FakeCRM, ada: str, step: Step) -> None:
    put_back(world.sync, ACCOUNT, CRM, Stretch())
    with killed_at(step):
        world.drain()
    world.restart()
    world.run_until_done()
    assert city(crm) == "Graz"
    assert states(world) == ["returned"]


def test_a_lost_answer_is_read_back(world: World, crm: FakeCRM, ada: str) -> None:
    put_back(world.sync, ACCOUNT, CRM, Stretch())
    crm.fail("upsert", OutcomeUnknown(), after=True)
    world.run()
    world.clock.advance(RESTS)
    world.run_until_done()
    assert (city(crm), states(world)) == ("Graz", ["returned"])
    assert len([one for who, one in next(iter(crm.records.values())).versions if one["city"] == "Graz"]) >= 1


def test_stopping_a_backfill_takes_no_former_value_off_its_way(world: World, crm: FakeCRM, ada: str) -> None:
    begin_backfill(world.sync, ACCOUNT, CRM)
    catch_up(world.sync)
    put_back(world.sync, ACCOUNT, CRM, Stretch())
    cancel(world.sync, ACCOUNT, CRM)
    world.run_until_done()
    assert city(crm) == "Graz"


def test_it_waits_for_an_outage(world: World, crm: FakeCRM, ada: str) -> None:
    crm.fail("upsert", ServerFault("Down."), whole=True, times=3)
    undo(world)
    assert city(crm) == "Graz"


def test_a_refusal_can_be_tried_again_or_asked_for_anew(world: World, crm: FakeCRM, ada: str) -> None:
    for again in (lambda: retry(world.sync, ACCOUNT, world.last(ada).id), lambda: undo(world)):
        crm.fail("upsert", InvalidRecord("No."))
        undo(world)
        assert world.last(ada).status == "failed"
        assert (city(crm), states(world)[-1]) == ("Linz", "kept")
        again()
        world.run_until_done()
        assert (city(crm), states(world)[-1]) == ("Graz", "returned")
        move(world, ada, "Wien")
        move(world, ada, "Graz")
        move(world, ada, "Linz")
        with world.engine.begin() as database:
            database.execute(sa.delete(Overwritten).where(Overwritten.operation_id != world.last(ada).id))


def test_what_somebody_left_alone_goes_back_only_when_it_is_asked_for_again(
    world: World, crm: FakeCRM, ada: str
) -> None:
    crm.fail("upsert", InvalidRecord("No."))
    undo(world)
    assert not kept_page(world.sync, ACCOUNT, CRM).values[0].is_owed
    dismiss(world.sync, ACCOUNT, world.last(ada).id)
    since = world.clock.now() + timedelta(minutes=1)
    world.clock.advance(hours=1)
    world.edit(ada, first_name="Adele")
    world.run_until_done()
    undo(world, since=since)
    assert [record.values["first_name"] for record in crm.records.values()] == ["Ada"]
    assert city(crm) == "Linz"
    undo(world)
    assert city(crm) == "Graz"


def test_a_write_that_was_refused_leaves_nothing_to_put_back(world: World, crm: FakeCRM) -> None:
    client = world.client("Ada", email="ada@example.com", city="Graz")
    world.run_until_done()
    crm.fail("upsert", InvalidRecord("No."), times=1)
    world.edit(client, city="Linz")
    world.run_until_done()
    assert world.last(client).status == "failed"
    assert world.rows(Overwritten) == []


def test_a_record_that_only_the_write_met_keeps_what_it_had(world: World, crm: FakeCRM) -> None:
    there = crm.add(email="ada@example.com", city="Graz")
    world.set_connection(two_way=True, field_rules={"city": {"direction": "both", "conflict": "platform"}})
    hidden, crm.matches = crm.matches, lambda lookup: ()  # type: ignore[method-assign]
    client = world.client("Ada", email="ada@example.com", city="Linz")
    world.run_until_done()
    crm.matches = hidden  # type: ignore[method-assign]
    assert crm.records[there].values["city"] == "Linz"
    assert [(row.field, row.client_id) for row in world.rows(Overwritten)] == [("city", client)]


def test_a_record_that_was_deleted_in_the_crm_is_not_made_again(world: World, crm: FakeCRM, ada: str) -> None:
    crm.delete(next(iter(crm.records)))
    undo(world)
    assert crm.records == {}
    assert world.last(ada).reason == reasons.RECORD_DELETED_IN_CRM
    assert states(world) == ["kept"]
    with pytest.raises(ChoiceNotPossible):
        decide(world.sync, ACCOUNT, world.last(ada).id, CREATE_NEW)


def test_values_are_forgotten_after_their_days_and_none_is_kept_where_that_is_off(world: World, ada: str) -> None:
    world.clock.advance(hours=24 * 29)
    assert purge_overwritten(world.sync) == 0
    world.clock.advance(hours=25)
    assert purge_overwritten(world.sync) == 1
    world.restart(undo_days=0)
    move(world, ada, "Wien")
    assert world.rows(Overwritten) == []


def test_rotation_takes_kept_values_along(world: World, crm: FakeCRM, ada: str) -> None:
    new = bytes(reversed(range(32)))
    world.restart(encryption_keys=(new, KEY))
    assert rotate(world.sync)[ROTATED] == 3
    world.restart(encryption_keys=(new,))
    undo(world)
    assert city(crm) == "Graz"


def test_nothing_is_asked_or_written_where_nothing_is_replaced(world: World) -> None:
    seen: list[str] = []
    sa.event.listen(world.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    client = world.client("Ada", email="ada@example.com")
    world.run_until_done()
    move(world, client, "Graz")
    assert [text for text in seen if "crm_sync_overwritten" in text] == []


def test_the_trail_says_who_put_what_back(world: World, ada: str) -> None:
    since = world.clock.now() - timedelta(hours=9)
    told = put_back(world.sync, ACCOUNT, CRM, Stretch(since=since), by="7")
    assert (told.values, told.clients, told.more) == (1, 1, False)
    (row,) = (row for row in world.rows(AuditEntry) if row.action == "put_back")
    assert (row.user_id, row.after) == ("7", {"since": since.isoformat()})


def test_another_account_sees_and_puts_back_nothing(world: World, ada: str) -> None:
    assert kept_of_entry(world.sync, "2", world.last(ada).id) == []
    for do in (lambda: put_back(world.sync, "2", CRM, Stretch()), lambda: kept_page(world.sync, "2", CRM)):
        with pytest.raises(NotFound):
            do()


def test_pages_go_on_where_the_last_one_ended(world: World, ada: str) -> None:
    world.clock.advance(hours=1)
    move(world, ada, "Wien")
    first = kept_page(world.sync, ACCOUNT, CRM, limit=1)
    second = kept_page(world.sync, ACCOUNT, CRM, before=first.older, limit=1)
    assert first.values[0].written_at > second.values[0].written_at
    assert second.older is None


def test_pages_leave_out_none_of_the_values_of_one_batch(anywhere: World, crm: FakeCRM) -> None:
    clients = [anywhere.client(name, email=f"{name}@example.com", city="Graz") for name in "abcde"]
    anywhere.run_until_done()
    for client in clients:
        anywhere.edit(client, city="Linz")
    anywhere.run_until_done()
    seen, older = list[str](), None
    while page := kept_page(anywhere.sync, ACCOUNT, CRM, before=older, limit=2):
        seen += [value.client_id for value in page.values]
        if not (older := page.older):
            break
    assert sorted(seen) == sorted(clients)
    assert len({row.written_at for row in anywhere.rows(Overwritten)}) == 1


def test_it_works_on_each_database(anywhere: World, crm: FakeCRM) -> None:
    client = anywhere.client("Ada", email="ada@example.com", city="Graz")
    anywhere.run_until_done()
    move(anywhere, client, "Linz")
    undo(anywhere)
    assert city(crm) == "Graz"
