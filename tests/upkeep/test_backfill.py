"""Backfill: the newest first, slice by slice, paused, resumed and stopped; with the notes of what was said before."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_crm_sync.host.attributes import column_attribute
from flask_crm_sync.host.bound import Bound
from flask_crm_sync.host.newest import newest
from flask_crm_sync.models.operation import ADD_NOTE, BULK, CREATE_LEAD, LIVE
from flask_crm_sync.sync import catch_up as catching
from flask_crm_sync.sync import qualified, reasons
from flask_crm_sync.sync.backfill import begin_backfill, estimate, pause_backfill, resume_backfill
from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.progress import cancel, progress
from flask_crm_sync.sync.refusals import NotFound
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import ACCOUNT, START, World
from tests.web.helpdesk import THEIRS, Helpdesk

CRM = "hubspot"


def run_to_the_end(world: World) -> None:
    """Owe and send, slice after slice, as the jobs do."""
    while catch_up(world.sync) or world.pending():
        world.run()


def test_the_newest_clients_are_owed_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching, "SLICE", 3)
    ids = world.clients(8, told=False)
    begin_backfill(world.sync, ACCOUNT, CRM)
    assert catch_up(world.sync)
    assert {op.subject_id for op in world.pending()} == set(ids[-3:])
    assert {(op.lane, op.kind) for op in world.pending()} == {(BULK, CREATE_LEAD)}


def test_records_that_the_crm_has_are_linked_and_not_doubled(world: World, crm: FakeCRM) -> None:
    world.clients(5, told=False)
    there = crm.add(email="person2@example.com", first_name="Known")
    begin_backfill(world.sync, ACCOUNT, CRM)
    run_to_the_end(world)
    assert len(crm.records) == 5
    assert crm.records[there].values["first_name"] == "Known"


def test_a_slice_waits_until_little_of_the_ones_before_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching, "SLICE", 3)
    monkeypatch.setattr(catching, "MOST_WAITING", 6)
    world.clients(20, told=False)
    begin_backfill(world.sync, ACCOUNT, CRM)
    most = 0
    while catch_up(world.sync) or world.pending():
        most = max(most, len(world.pending()))
        if not catch_up(world.sync):
            world.drain()
    assert most == 6
    assert len(world.operations(status="success")) == 20


def test_a_paused_run_sends_nothing_and_goes_on_where_it_was(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching, "SLICE", 3)
    world.clients(7, told=False)
    begin_backfill(world.sync, ACCOUNT, CRM)
    catch_up(world.sync)
    assert pause_backfill(world.sync, ACCOUNT, CRM, by="7")
    assert not pause_backfill(world.sync, ACCOUNT, CRM)
    assert not catch_up(world.sync)
    world.run()
    assert crm.records == {}
    assert {op.reason for op in world.pending()} == {reasons.BACKFILL_PAUSED}
    seen = progress(world.sync, world.connection_id)
    assert seen is not None
    assert seen.paused
    assert resume_backfill(world.sync, ACCOUNT, CRM)
    run_to_the_end(world)
    assert len(crm.records) == 7
    assert {op.reason for op in world.operations()} == {""}


def test_a_client_who_is_edited_meanwhile_goes_at_once(world: World, crm: FakeCRM) -> None:
    first, *_ = world.clients(3, told=False)
    begin_backfill(world.sync, ACCOUNT, CRM)
    catch_up(world.sync)
    pause_backfill(world.sync, ACCOUNT, CRM)
    world.edit(first, city="Linz")
    world.run()
    assert [record.values["city"] for record in crm.records.values()] == ["Linz"]
    assert world.last(first).lane == LIVE


def test_a_stopped_run_takes_back_what_it_owed_also_while_it_rests(world: World, crm: FakeCRM) -> None:
    world.clients(5, told=False)
    begin_backfill(world.sync, ACCOUNT, CRM)
    catch_up(world.sync)
    pause_backfill(world.sync, ACCOUNT, CRM)
    assert cancel(world.sync, ACCOUNT, CRM) == 5
    assert not resume_backfill(world.sync, ACCOUNT, CRM)
    run_to_the_end(world)
    assert crm.records == {}


def test_a_run_that_is_stopped_while_it_rests_leaves_nothing_resting(world: World, crm: FakeCRM) -> None:
    first, second = world.clients(2, told=False)
    begin_backfill(world.sync, ACCOUNT, CRM)
    catch_up(world.sync)
    world.set_operation(world.operation(subject_id=first).id, attempts=1)
    pause_backfill(world.sync, ACCOUNT, CRM)
    cancel(world.sync, ACCOUNT, CRM)
    run_to_the_end(world)
    assert [world.link(one) is not None for one in (first, second)] == [True, False]


def test_past_conversations_get_their_notes_where_that_is_asked_for(world: World, crm: FakeCRM) -> None:
    ids = world.clients(3, told=False)
    for id in ids[:2]:
        world.conversation(id, told=False, status="closed")
    begin_backfill(world.sync, ACCOUNT, CRM, notes=True)
    run_to_the_end(world)
    assert len(crm.notes) == 2
    done = progress(world.sync, world.connection_id)
    assert done is not None
    assert (done.done, done.total) == (3, 3)
    begin_backfill(world.sync, ACCOUNT, CRM, notes=True)
    run_to_the_end(world)
    assert len(crm.notes) == 2
    assert len(world.operations(kind=ADD_NOTE)) == 2


def test_without_asking_no_past_conversation_is_told(world: World, crm: FakeCRM) -> None:
    (one,) = world.clients(1, told=False)
    world.conversation(one, told=False, status="closed")
    begin_backfill(world.sync, ACCOUNT, CRM)
    run_to_the_end(world)
    assert crm.notes == {}


def test_a_worker_that_dies_between_slices_loses_nothing_and_doubles_nothing(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching, "SLICE", 2)
    world.clients(6, told=False)
    begin_backfill(world.sync, ACCOUNT, CRM)
    catch_up(world.sync)
    world.restart()
    run_to_the_end(world)
    assert len(crm.records) == 6
    assert len(world.operations()) == 6


def test_the_estimate_says_how_many_clients_calls_and_seconds(world: World) -> None:
    world.clients(250, told=False)
    told = estimate(world.sync, ACCOUNT, CRM, in_full=True)
    assert (told.clients, told.calls, told.is_bounded) == (250, 9, False)
    assert told.seconds == pytest.approx(4.5)


def test_only_the_accounts_own_run_can_be_begun_or_paused(desk: Helpdesk) -> None:
    desk.connect()
    for do in (begin_backfill, pause_backfill, resume_backfill, estimate):
        with pytest.raises(NotFound):
            do(desk.sync, THEIRS, CRM)


# Where keys tell nothing of age


class _Base(DeclarativeBase):
    pass


class _Person(_Base):
    __tablename__ = "person"
    id: Mapped[uuid.UUID] = mapped_column(sa.Uuid(), primary_key=True)
    updated_at: Mapped[datetime | None]


@pytest.fixture
def people() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    _Base.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def bound() -> Bound:
    mapper = sa.inspect(_Person)
    id, at = column_attribute(mapper, "id"), column_attribute(mapper, "updated_at")
    assert id is not None
    assert at is not None
    return Bound(_Person, mapper, id, {"updated_at": at})


def test_rows_with_random_keys_come_by_their_time_and_those_without_one_last(people: sa.Connection) -> None:
    at = START.replace(tzinfo=None)
    same: list[dict[str, object]] = [{"id": uuid.UUID(int=n), "updated_at": at} for n in (5, 3)]
    older: list[dict[str, object]] = [{"id": uuid.UUID(int=n), "updated_at": at - timedelta(days=n)} for n in (9, 8, 1)]
    undated: list[dict[str, object]] = [{"id": uuid.UUID(int=n), "updated_at": None} for n in (7, 2)]
    people.execute(sa.insert(_Person), same + older + undated)
    seen, place = list[int](), ""
    while page := newest(bound(), people, [], place, 2):
        seen += [uuid.UUID(id).int for id, _, _ in page]
        place = page[-1][2]
    assert seen == [5, 3, 1, 8, 9, 7, 2]


def test_no_past_note_is_left_out_because_others_have_many(
    world: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qualified, "PAST", 3)
    for id in world.clients(4, told=False):
        for _ in range(2):
            world.conversation(id, told=False, status="closed")
    begin_backfill(world.sync, ACCOUNT, CRM, notes=True)
    run_to_the_end(world)
    assert len(crm.notes) == 8
