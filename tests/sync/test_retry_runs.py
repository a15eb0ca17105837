"""Retrying all that failed for one cause without anybody watching: once each, through crashes and beside others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from flask_crm_sync.models import RetryRun
from flask_crm_sync.models.operation import FAILED, PENDING
from flask_crm_sync.sync import audit, retry_runs
from flask_crm_sync.sync.audit import TrailFilter, trail
from flask_crm_sync.sync.causes import Cause, retry_slice
from flask_crm_sync.sync.progress import progress
from flask_crm_sync.sync.refusals import ChoiceNotPossible, NotFound
from flask_crm_sync.sync.retry_runs import (
    Retrying,
    begin_retrying,
    find_retrying,
    go_on,
    go_on_with_all,
    open_runs,
    stop_retrying,
)
from tests.web.helpdesk import OURS, THEIRS, Helpdesk, open_helpdesk

CAUSE = Cause("invalid_record")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Helpdesk:
    monkeypatch.setattr(retry_runs, "SLICE", 2)
    monkeypatch.setattr(retry_runs, "SLICES", 1)
    return open_helpdesk(tmp_path)


def fail(desk: Helpdesk, number: int, account_id: str = OURS) -> list[int]:
    view = desk.connect(account_id)
    return [desk.add_operation(view, str(n), status=FAILED, reason=CAUSE.reason) for n in range(number)]


def standing(desk: Helpdesk, ids: list[int]) -> list[str]:
    return [desk.operation(number).status for number in ids]


def test_a_run_takes_a_slice_at_a_time_and_each_entry_once(desk: Helpdesk) -> None:
    ids = fail(desk, 5)
    run = begin_retrying(desk.sync, OURS, CAUSE, by="1")
    assert (run.total, run.done, run.first, run.last) == (5, 0, ids[0], ids[-1])
    seen = []
    while go_on_with_all(desk.sync):
        seen.append(find_retrying(desk.sync, OURS, run.id).done)
    assert seen == [2, 4]
    assert standing(desk, ids) == [PENDING] * 5
    assert find_retrying(desk.sync, OURS, run.id).is_over


def test_what_fails_after_it_began_is_left_for_another_time(desk: Helpdesk) -> None:
    fail(desk, 3)
    begin_retrying(desk.sync, OURS, CAUSE)
    late = desk.add_operation(desk.connect(), "99", status=FAILED, reason=CAUSE.reason)
    while go_on_with_all(desk.sync):
        pass
    assert desk.operation(late).status == FAILED


def test_two_workers_with_the_same_slice_do_it_once(desk: Helpdesk) -> None:
    fail(desk, 5)
    seen = begin_retrying(desk.sync, OURS, CAUSE)
    first, second = go_on(desk.sync, seen), go_on(desk.sync, seen)
    assert (first.done, second) == (2, seen)
    assert find_retrying(desk.sync, OURS, seen.id).done == 2


def test_a_slice_that_dies_is_done_whole_or_not_at_all(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = fail(desk, 3)
    run = begin_retrying(desk.sync, OURS, CAUSE)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(retry_runs, "watch_retried", die)
        go_on_with_all(desk.sync)
        with pytest.raises(KeyboardInterrupt):
            go_on_with_all(desk.sync)
    assert len(open_runs(desk.sync, OURS)) == 1
    while go_on_with_all(desk.sync):
        pass
    assert standing(desk, ids) == [PENDING] * 3
    assert find_retrying(desk.sync, OURS, run.id).done == 3


def test_a_stopped_run_leaves_the_others_and_shows_the_sending_of_what_it_took(desk: Helpdesk) -> None:
    ids = fail(desk, 5)
    view = desk.connect()
    run = go_on(desk.sync, begin_retrying(desk.sync, OURS, CAUSE))
    stopped = stop_retrying(desk.sync, OURS, run.id, by="1")
    assert (stopped.cancelled, stopped.is_over, stopped.done) == (True, True, 2)
    assert not go_on_with_all(desk.sync)
    assert standing(desk, ids) == [PENDING] * 2 + [FAILED] * 3
    bar = progress(desk.sync, view.id)
    assert bar is not None
    assert bar.total == 2


def test_asking_twice_is_one_run_and_the_next_is_another(desk: Helpdesk) -> None:
    fail(desk, 3)
    first = begin_retrying(desk.sync, OURS, CAUSE)
    assert begin_retrying(desk.sync, OURS, CAUSE).id == first.id
    stop_retrying(desk.sync, OURS, first.id)
    assert begin_retrying(desk.sync, OURS, CAUSE).id != first.id


def test_every_account_gets_its_slice_and_touches_its_own_only(desk: Helpdesk) -> None:
    ours, theirs = fail(desk, 3), fail(desk, 3, THEIRS)
    mine = begin_retrying(desk.sync, OURS, CAUSE)
    begin_retrying(desk.sync, THEIRS, CAUSE)
    go_on_with_all(desk.sync)
    assert standing(desk, ours) == standing(desk, theirs) == [PENDING] * 2 + [FAILED]
    with pytest.raises(NotFound):
        find_retrying(desk.sync, THEIRS, mine.id)
    with pytest.raises(NotFound):
        stop_retrying(desk.sync, THEIRS, mine.id)


def test_what_needs_a_decision_on_each_is_not_begun(desk: Helpdesk) -> None:
    with pytest.raises(ChoiceNotPossible):
        begin_retrying(desk.sync, OURS, Cause("cannot_confirm"))
    assert open_runs(desk.sync, OURS) == ()


def test_where_nothing_failed_it_is_over_at_once(desk: Helpdesk) -> None:
    run = begin_retrying(desk.sync, OURS, CAUSE)
    assert (run.is_over, run.done) == (True, 0)


def test_the_trail_notes_who_asked_and_who_stopped_it(desk: Helpdesk) -> None:
    ids = fail(desk, 3)
    run = begin_retrying(desk.sync, OURS, CAUSE, by="1")
    stop_retrying(desk.sync, OURS, run.id, by="3")
    stop_retrying(desk.sync, OURS, run.id, by="3")
    found = trail(desk.sync, OURS, TrailFilter(action=audit.RETRY_ALL)).deeds
    assert [(deed.user_id, deed.after) for deed in found] == [
        ("3", {"reason": CAUSE.reason, "cancelled": True}),
        ("1", {"reason": CAUSE.reason, "up_to": ids[-1]}),
    ]


def test_runs_long_over_are_forgotten(desk: Helpdesk) -> None:
    for _ in range(3):
        begin_retrying(desk.sync, OURS, CAUSE)
    desk.clock.sleep(timedelta(days=31).total_seconds())
    begin_retrying(desk.sync, OURS, CAUSE)
    with desk.sync.database.read() as database:
        assert len(database.execute(sa.select(RetryRun.id)).all()) == 1


def test_of_more_than_is_counted_the_numbers_tell_about_how_many(desk: Helpdesk) -> None:
    now = desk.clock.now()
    run = Retrying(1, OURS, CAUSE, 1, 100_000, 50_000, 20_000, 10_000, False, now, None)
    shown = run.progress(now + timedelta(minutes=1))
    assert (shown.total, shown.percent, shown.is_estimate) == (40_000, 50, True)


@pytest.mark.parametrize("times", [1, 99])
def test_what_begins_to_wait_at_that_very_moment_stops_nobody(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The place of one of them is taken between the look and the write: seen next time, now or with the next wake."""
    ids, taken, retry = fail(desk, 2), [0], retry_slice

    def meets_a_newer_one(*given: object, **more: object) -> object:
        taken[0] += 1
        if taken[0] <= times:
            raise IntegrityError("UPDATE", {}, Exception("pending_key"))
        return retry(*given, **more)  # type: ignore[arg-type]

    begin_retrying(desk.sync, OURS, CAUSE)
    monkeypatch.setattr(retry_runs, "retry_slice", meets_a_newer_one)
    assert go_on_with_all(desk.sync)
    assert standing(desk, ids) == ([PENDING] * 2 if times == 1 else [FAILED] * 2)
