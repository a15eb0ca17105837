"""Settings, catching up and the progress of both: what is owed, what is not, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import AuditEntry, Connection, Link, Operation
from flask_crm_sync.models.link import ACTIVE, TOMBSTONE
from flask_crm_sync.models.operation import BULK, CREATE_LEAD, LIVE, SUCCESS, UPDATE_CONTACT
from flask_crm_sync.sync import catch_up as catching
from flask_crm_sync.sync import progress as running
from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.connections import ConnectionSettings, ConnectionView, disconnect, pause
from flask_crm_sync.sync.now import sync_now
from flask_crm_sync.sync.progress import cancel, progress
from flask_crm_sync.sync.reach import reach
from flask_crm_sync.sync.refusals import NotFound
from flask_crm_sync.sync.settings import catch_up_now, save_settings
from flask_crm_sync.testing import FakeCRM
from tests.sync.world import World
from tests.web.helpdesk import OURS, START, THEIRS, TOKEN, Client, Helpdesk, open_helpdesk

ON = ConnectionSettings(True, True, True, 60)
OFF = ConnectionSettings(False, True, True, 60)


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def add_clients(desk: Helpdesk, number: int, account: int = 1, first: int = 1) -> None:
    rows = [
        {"id": n, "account_id": account, "first_name": "", "last_name": "", "email": f"c{n}@example.com"}
        for n in range(first, first + number)
    ]
    with desk.sync.database.engine.begin() as connection:
        connection.execute(sa.insert(Client), [row | {"updated_at": START.replace(tzinfo=None)} for row in rows])


def link(desk: Helpdesk, view: ConnectionView, client: int, state: str = ACTIVE, version: str = "") -> None:
    values = {"connection_id": view.id, "subject_type": "client", "subject_id": str(client), "state": state}
    told = {"remote_type": "contact", "remote_id": f"r{client}", "base": {}, "host_version": version}
    at = desk.clock.now()
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Link).values(**values, **told, created_at=at, updated_at=at))


def owed(desk: Helpdesk) -> list[tuple[str, str, int]]:
    wanted = sa.select(Operation.kind, Operation.client_id, Operation.lane).order_by(Operation.id)
    with desk.sync.database.read() as database:
        return [tuple(row) for row in database.execute(wanted)]


def settle(desk: Helpdesk, number: int) -> None:
    some = sa.select(Operation.id).where(Operation.status == "pending").order_by(Operation.id).limit(number)
    with desk.sync.database.write() as database:
        ids = database.execute(some).scalars().all()
        done = {"status": SUCCESS, "pending_key": None, "due_at": None, "settled_at": desk.clock.now()}
        database.execute(sa.update(Operation).where(Operation.id.in_(ids)).values(done))


def trail(desk: Helpdesk) -> list[Any]:
    with desk.sync.database.read() as database:
        return list(database.execute(sa.select(AuditEntry.__table__).where(AuditEntry.action == "settings")))


def test_switching_on_with_catching_up_owes_what_the_crm_lacks_in_the_last_lane(desk: Helpdesk) -> None:
    view = desk.connect()
    version = START.replace(tzinfo=None).isoformat()
    add_clients(desk, 5)
    add_clients(desk, 2, account=2, first=50)
    desk.add_client(6)  # neither e-mail nor phone
    link(desk, view, 1, version=version)
    link(desk, view, 2, version="older")
    link(desk, view, 3, state=TOMBSTONE)
    save_settings(desk.sync, OURS, "hubspot", OFF)
    save_settings(desk.sync, OURS, "hubspot", ON, catch_up=True)
    assert owed(desk) == []
    assert not catch_up(desk.sync)
    expected = {(UPDATE_CONTACT, "2", BULK), (CREATE_LEAD, "4", BULK), (CREATE_LEAD, "5", BULK)}
    assert set(owed(desk)) == expected


def test_starting_from_now_owes_nothing(desk: Helpdesk) -> None:
    desk.connect()
    add_clients(desk, 3)
    save_settings(desk.sync, OURS, "hubspot", OFF)
    save_settings(desk.sync, OURS, "hubspot", ON)
    assert not catch_up(desk.sync)
    assert owed(desk) == []


def test_catching_up_goes_slice_by_slice_from_the_kept_place(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching, "SLICE", 3)
    desk.connect()
    add_clients(desk, 7)
    assert catch_up_now(desk.sync, OURS, "hubspot") == 7
    assert [catch_up(desk.sync), len(owed(desk))] == [True, 3]
    assert [catch_up(desk.sync), len(owed(desk))] == [True, 6]
    assert [catch_up(desk.sync), len(owed(desk))] == [False, 7]
    assert [catch_up(desk.sync), len(owed(desk))] == [False, 7]


def test_a_new_lead_that_waits_already_stays_in_its_faster_lane(desk: Helpdesk) -> None:
    view = desk.connect()
    add_clients(desk, 1)
    desk.add_operation(view, "1")
    catch_up_now(desk.sync, OURS, "hubspot")
    catch_up(desk.sync)
    assert owed(desk) == [(CREATE_LEAD, "1", LIVE)]


def test_a_connection_that_was_switched_off_meanwhile_is_owed_nothing_more(desk: Helpdesk) -> None:
    desk.connect()
    add_clients(desk, 3)
    catch_up_now(desk.sync, OURS, "hubspot")
    save_settings(desk.sync, OURS, "hubspot", OFF)
    assert not catch_up(desk.sync)
    assert owed(desk) == []
    with pytest.raises(NotFound):
        catch_up_now(desk.sync, OURS, "hubspot")


def test_progress_says_how_much_is_sent_how_fast_and_for_how_long(desk: Helpdesk) -> None:
    view = desk.connect()
    add_clients(desk, 10)
    assert progress(desk.sync, view.id) is None
    catch_up_now(desk.sync, OURS, "hubspot")
    before = progress(desk.sync, view.id)
    assert before is not None
    assert (before.done, before.total, before.percent, before.seconds_left) == (0, 10, 0, None)
    catch_up(desk.sync)
    settle(desk, 4)
    desk.clock.sleep(60)
    found = progress(desk.sync, view.id)
    assert found is not None
    assert (found.done, found.total, found.percent, found.is_over) == (4, 10, 40, False)
    assert (found.per_minute, found.seconds_left) == (4.0, 90.0)
    settle(desk, 6)
    found = progress(desk.sync, view.id)
    assert found is not None
    assert found.is_over
    desk.clock.sleep(3601)
    assert progress(desk.sync, view.id) is None


def test_what_is_too_much_to_count_is_told_as_an_estimate(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "COUNT_TO", 5)
    view = desk.connect()
    add_clients(desk, 100)
    catch_up_now(desk.sync, OURS, "hubspot")
    catch_up(desk.sync)
    settle(desk, 50)
    found = progress(desk.sync, view.id)
    assert found is not None
    assert found.is_estimate
    assert found.done == pytest.approx(50, abs=2)


def test_cancelling_takes_back_what_nobody_has_begun(desk: Helpdesk) -> None:
    view = desk.connect()
    add_clients(desk, 10)
    catch_up_now(desk.sync, OURS, "hubspot")
    catch_up(desk.sync)
    settle(desk, 4)
    desk.change(Operation, attempts=0)
    assert cancel(desk.sync, OURS, "hubspot", by="1") == 6
    assert not catch_up(desk.sync)
    assert len(owed(desk)) == 4
    found = progress(desk.sync, view.id)
    assert found is not None
    assert found.cancelled
    assert found.is_over


def test_cancelling_in_the_middle_stops_the_slices(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching, "SLICE", 3)
    desk.connect()
    add_clients(desk, 9)
    catch_up_now(desk.sync, OURS, "hubspot")
    catch_up(desk.sync)
    cancel(desk.sync, OURS, "hubspot")
    assert not catch_up(desk.sync)
    assert owed(desk) == []


def test_a_slice_that_was_cancelled_while_it_was_made_is_not_owed(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.connect()
    add_clients(desk, 3)
    catch_up_now(desk.sync, OURS, "hubspot")
    real: Callable[..., Any] = catching._owed

    def meanwhile(*given: Any) -> Any:
        rows = real(*given)
        cancel(desk.sync, OURS, "hubspot")
        return rows

    monkeypatch.setattr(catching, "_owed", meanwhile)
    catch_up(desk.sync)
    assert owed(desk) == []


def test_sync_now_shows_its_progress_and_can_be_taken_back(desk: Helpdesk) -> None:
    view = desk.connect()
    later = desk.clock.now()
    desk.clock.sleep(-60)
    for number in range(1, 5):
        desk.add_client(number)
        desk.add_operation(view, str(number), kind=UPDATE_CONTACT, due_at=later)
    assert sync_now(desk.sync, OURS) == 4
    settle(desk, 1)
    found = progress(desk.sync, view.id)
    assert found is not None
    assert (found.what, found.done, found.total) == ("now", 1, 4)
    assert cancel(desk.sync, OURS, "hubspot") == 3
    found = progress(desk.sync, view.id)
    assert found is not None
    assert found.is_over


def test_sync_now_does_not_hide_that_a_connection_still_catches_up(desk: Helpdesk) -> None:
    view = desk.connect()
    add_clients(desk, 5)
    catch_up_now(desk.sync, OURS, "hubspot")
    catch_up(desk.sync)
    assert sync_now(desk.sync, OURS) == 5
    found = progress(desk.sync, view.id)
    assert found is not None
    assert (found.what, found.done, found.total) == ("catch_up", 0, 5)
    settle(desk, 5)
    add_clients(desk, 1, first=9)
    desk.add_operation(view, "9")
    assert sync_now(desk.sync, OURS) == 1
    found = progress(desk.sync, view.id)
    assert found is not None
    assert (found.what, found.total) == ("now", 1)


def test_another_accounts_run_is_not_there(desk: Helpdesk) -> None:
    desk.connect()
    add_clients(desk, 3)
    catch_up_now(desk.sync, OURS, "hubspot")
    with pytest.raises(NotFound):
        cancel(desk.sync, THEIRS, "hubspot")


def test_a_shorter_interval_brings_waiting_updates_forward(desk: Helpdesk) -> None:
    view = desk.connect()
    number = desk.add_operation(view, "1", kind=UPDATE_CONTACT, due_at=desk.clock.now().replace(hour=20))
    save_settings(desk.sync, OURS, "hubspot", ConnectionSettings(True, True, True, 5))
    assert (desk.operation(number).due_at - desk.clock.now()).total_seconds() == 300
    assert (desk.stored(view.id).next_interval_at - desk.clock.now()).total_seconds() == 300


@pytest.mark.parametrize("minutes", [4, 1441, 0, -5])
def test_an_impossible_interval_is_refused(desk: Helpdesk, minutes: int) -> None:
    view = desk.connect()
    with pytest.raises(ValueError, match="between 5 and 1440"):
        save_settings(desk.sync, OURS, "hubspot", ConnectionSettings(True, True, True, minutes))
    assert desk.stored(view.id).interval_minutes == 60


def test_the_trail_tells_what_was_changed_by_whom(desk: Helpdesk) -> None:
    desk.connect()
    save_settings(desk.sync, OURS, "hubspot", ON, by="1")
    save_settings(desk.sync, OURS, "hubspot", ConnectionSettings(True, True, False, 15), by="1")
    (told,) = trail(desk)
    assert (told.user_id, told.crm) == ("1", "hubspot")
    assert told.before == {"sync_notes": True, "interval_minutes": 60}
    assert told.after == {"sync_notes": False, "interval_minutes": 15}


def test_reach_counts_the_accounts_own_clients(desk: Helpdesk) -> None:
    view = desk.connect()
    add_clients(desk, 4)
    add_clients(desk, 3, account=2, first=50)
    desk.add_client(9)
    link(desk, view, 1)
    found = reach(desk.sync, OURS, view.id)
    assert (found.clients, found.reachable, found.linked, found.missing) == (5, 4, 1, 3)


def test_the_connection_is_gone_so_nothing_is_caught_up(desk: Helpdesk) -> None:
    desk.connect()
    add_clients(desk, 3)
    catch_up_now(desk.sync, OURS, "hubspot")
    desk.change(Connection, state="disconnected")
    assert not catch_up(desk.sync)
    assert owed(desk) == []


def test_connecting_and_pausing_are_in_the_trail_without_the_key(desk: Helpdesk) -> None:
    view = desk.connect(by="7")
    pause(desk.sync, OURS, "hubspot", by="8")
    disconnect(desk.sync, OURS, "hubspot", by="9")
    with desk.sync.database.read() as database:
        told = database.execute(sa.select(AuditEntry.__table__).order_by(AuditEntry.id)).all()
    assert [(row.action, row.user_id) for row in told] == [("connect", "7"), ("pause", "8"), ("disconnect", "9")]
    assert {row.subject_id for row in told} == {str(view.id)}
    assert told[0].after == {"account": "Portal 111", "method": "token"}
    assert TOKEN not in str(told)


def test_everybody_who_was_missing_arrives_once_on_each_database(
    anywhere: World, crm: FakeCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching, "SLICE", 4)
    ids = anywhere.clients(11, told=False)
    anywhere.clients(3, told=False, account="2")
    assert catch_up_now(anywhere.sync, "1", "hubspot") == 11
    catch_up(anywhere.sync)
    before = progress(anywhere.sync, anywhere.connection_id)
    assert before is not None
    assert (before.done, before.total) == (0, 11)
    assert catch_up(anywhere.sync)
    assert not catch_up(anywhere.sync)
    anywhere.run()
    assert len(crm.records) == 11
    assert all(anywhere.link(id).state == ACTIVE for id in ids)
    after = progress(anywhere.sync, anywhere.connection_id)
    assert after is not None
    assert (after.done, after.total, after.percent) == (11, 11, 100)
    assert reach(anywhere.sync, "1", anywhere.connection_id).missing == 0


def test_a_run_is_cancelled_on_each_database(anywhere: World, crm: FakeCRM) -> None:
    anywhere.clients(5, told=False)
    catch_up_now(anywhere.sync, "1", "hubspot")
    catch_up(anywhere.sync)
    assert cancel(anywhere.sync, "1", "hubspot") == 5
    assert not catch_up(anywhere.sync)
    anywhere.run()
    assert crm.records == {}
