"""Forgetting the old part of the log: what is done goes, what somebody may still need stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Operation
from flask_crm_sync.models.operation import FAILED, PENDING, SKIPPED, SUCCESS
from flask_crm_sync.sync import reasons, retention
from flask_crm_sync.sync.context import Sync
from flask_crm_sync.sync.retention import purge_log
from tests.web.helpdesk import Helpdesk, open_helpdesk


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def keeping(desk: Helpdesk, days: int) -> Sync:
    return replace(desk.sync, settings=replace(desk.sync.settings, log_days=days))


def numbers(desk: Helpdesk) -> list[int]:
    with desk.sync.database.read() as database:
        return list(database.execute(sa.select(Operation.id).order_by(Operation.id)).scalars())


def test_only_what_was_done_long_ago_goes(desk: Helpdesk) -> None:
    view = desk.connect()
    for number, (status, reason) in enumerate([(SUCCESS, ""), (SKIPPED, reasons.NOTHING_TO_CHANGE)]):
        desk.add_operation(view, str(number), status=status, reason=reason)
    kept = [
        desk.add_operation(view, "11", status=PENDING),
        desk.add_operation(view, "12", status=FAILED, reason="invalid_record"),
        desk.add_operation(view, "13", status=SKIPPED, reason=reasons.RECORD_DELETED_IN_CRM),
        desk.add_operation(view, "14", status=SKIPPED, reason=reasons.LEFT_BY_PERSON, unknown=True),
    ]
    desk.clock.sleep(31 * 86400)
    kept.append(desk.add_operation(view, "15", status=SUCCESS))
    assert purge_log(keeping(desk, 30)) == 2
    assert numbers(desk) == kept


def test_what_was_queued_long_ago_and_done_lately_stays(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=SUCCESS)
    desk.clock.sleep(31 * 86400)
    desk.change(Operation, settled_at=desk.clock.now())
    assert purge_log(keeping(desk, 30)) == 0
    assert numbers(desk) == [number]


def test_nothing_goes_where_the_log_is_kept_for_ever(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), status=SUCCESS)
    desk.clock.sleep(10_000 * 86400)
    assert purge_log(keeping(desk, 0)) == 0


def test_a_long_log_goes_slice_by_slice_and_never_looks_twice(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    view = desk.connect()
    for number in range(6):
        desk.add_operation(view, str(number), status=FAILED if number < 2 else SUCCESS)
    desk.clock.sleep(31 * 86400)
    sync = keeping(desk, 30)
    assert [purge_log(sync, slices=1) for _ in range(3)] == [0, 2, 2]
    assert len(numbers(desk)) == 2


def test_the_log_rests_between_two_walks(desk: Helpdesk) -> None:
    sync, view = keeping(desk, 30), desk.connect()
    assert purge_log(sync) == 0
    desk.add_operation(view, "1", status=SUCCESS, created_at=desk.clock.now() - timedelta(days=40))
    desk.change(Operation, settled_at=desk.clock.now() - timedelta(days=40))
    assert purge_log(sync) == 0
    desk.clock.sleep(13 * 3600)
    assert purge_log(sync) == 1
