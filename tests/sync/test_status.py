"""How things stand: counts that end somewhere, and who is alive."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Change, Heartbeat
from flask_crm_sync.models.heartbeat import SCHEDULER, WORKER
from flask_crm_sync.models.operation import FAILED, SKIPPED, SUCCESS
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.status import status
from tests.web.helpdesk import OURS, THEIRS, Helpdesk, open_helpdesk


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def beat(desk: Helpdesk, kind: str, at: datetime, name: str = "one") -> None:
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Heartbeat).values(name=f"{kind}-{name}", kind=kind, beat_at=at))


def test_each_connection_is_counted_by_status_and_reason(desk: Helpdesk) -> None:
    view = desk.connect()
    oldest = desk.clock.now()
    desk.add_operation(view, "1")
    desk.clock.sleep(60)
    desk.add_operation(view, "2", reason=reasons.WAITING_FOR_RETRY)
    desk.add_operation(view, "3", status=FAILED, reason="invalid_record")
    desk.add_operation(view, "4", status=SKIPPED)
    desk.add_operation(view, "5", status=SUCCESS)
    desk.add_operation(view, "6", status=SUCCESS, settled_at=desk.clock.now() - timedelta(hours=25))
    desk.add_operation(view, "7", status=FAILED, settled_at=desk.clock.now() - timedelta(hours=25))
    (one,) = status(desk.sync, OURS).connections
    assert one.waiting == {"": 1, reasons.WAITING_FOR_RETRY: 1}
    assert (one.pending, one.failed, one.failed_lately, one.sent_lately) == (2, 2, 1, 1)
    assert one.oldest_pending_at == oldest


def test_an_account_sees_its_own_and_an_operator_everything(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), status=FAILED)
    desk.add_operation(desk.connect(THEIRS), status=FAILED)
    with desk.sync.database.write() as database:
        row = {"subject_type": "client", "subject_id": "1", "kind": "created", "created_at": desk.clock.now()}
        database.execute(sa.insert(Change).values(**row))
    ours = status(desk.sync, OURS)
    assert (len(ours.connections), ours.failed, ours.changes) == (1, 1, None)
    everything = status(desk.sync)
    assert (len(everything.connections), everything.failed, everything.changes) == (2, 2, 1)


def test_counting_stops_at_its_bound(desk: Helpdesk) -> None:
    view = desk.connect()
    for number in range(8):
        desk.add_operation(view, str(number))
        desk.add_operation(view, str(number), status=FAILED)
        desk.add_operation(view, str(number), status=SUCCESS)
    (one,) = status(desk.sync, OURS, count_to=5).connections
    assert (one.pending, one.failed, one.sent_lately) == (5, 5, 5)


def test_counting_reads_indexes_and_never_the_whole_table(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect())
    with desk.statements() as sent:
        status(desk.sync, OURS)
    counting = [statement for statement in sent if "crm_sync_operation" in statement]
    assert counting
    with desk.sync.database.read() as database:
        for statement in counting:
            plan = database.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple("x" * statement.count("?")))
            steps = [row[3] for row in plan if "crm_sync_operation" in row[3]]
            assert steps
            assert all("SEARCH crm_sync_operation USING" in step for step in steps)


def test_who_beat_lately_is_alive(desk: Helpdesk) -> None:
    now = desk.clock.now()
    beat(desk, WORKER, now - timedelta(hours=3), "dead")
    beat(desk, WORKER, now - timedelta(seconds=40), "living")
    beat(desk, SCHEDULER, now - timedelta(minutes=3))
    pulse = status(desk.sync, OURS).pulse
    assert (pulse.is_alive(WORKER), pulse.is_alive(SCHEDULER)) == (True, False)
    assert pulse.last(SCHEDULER) == now - timedelta(minutes=3)
    assert pulse.silent() == (SCHEDULER,)


def test_nobody_ever_seen_is_silent(desk: Helpdesk) -> None:
    assert status(desk.sync, OURS).pulse.silent() == (WORKER, SCHEDULER)
