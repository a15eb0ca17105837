"""All that failed for one cause: in slices, once each, and never what asks for a decision."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_crm_sync.models.operation import ADD_NOTE, FAILED, PENDING, SKIPPED
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.causes import Cause, Extent, Retried, count_failed, extent_of, retry_slice
from flask_crm_sync.sync.refusals import ChoiceNotPossible
from tests.web.helpdesk import OURS, THEIRS, Helpdesk, open_helpdesk

CAUSE = Cause("invalid_record")


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def failed(desk: Helpdesk, number: int, reason: str = CAUSE.reason, account_id: str = OURS, **values: object) -> int:
    return desk.add_operation(desk.connect(account_id), str(number), status=FAILED, reason=reason, **values)


def extent(desk: Helpdesk, cause: Cause = CAUSE) -> Extent:
    with desk.sync.database.read() as database:
        return extent_of(database, OURS, cause)


def retry(desk: Helpdesk, cause: Cause = CAUSE, *, up_to: int, after: int = 0, slice_size: int = 100) -> Retried:
    with desk.sync.database.write() as database:
        now = desk.clock.now()
        return retry_slice(database, OURS, cause, now, after=after, up_to=up_to, slice_size=slice_size)


def test_slices_take_each_entry_once_and_come_to_an_end(desk: Helpdesk) -> None:
    ids = [failed(desk, number) for number in range(5)]
    up_to, after, taken = ids[-1], 0, []
    assert extent(desk) == Extent(ids[0], up_to, 5)
    while True:
        step = retry(desk, after=after, up_to=up_to, slice_size=2)
        taken.append(step.done)
        if step.finished:
            break
        after = step.reached
    assert taken == [2, 2, 1]
    assert {desk.operation(number).status for number in ids} == {PENDING}
    assert count_failed(desk.sync, OURS, CAUSE) == 0


def test_others_and_what_fails_meanwhile_are_left_alone(desk: Helpdesk) -> None:
    mine = failed(desk, 1)
    up_to = extent(desk).last
    others = [failed(desk, 2, "permission_missing"), failed(desk, 3, account_id=THEIRS), failed(desk, 4)]
    assert retry(desk, up_to=up_to).done == 1
    assert desk.operation(mine).status == PENDING
    assert {desk.operation(number).status for number in others} == {FAILED}


def test_a_cause_can_be_held_to_one_crm(desk: Helpdesk) -> None:
    failed(desk, 1)
    elsewhere = Cause(CAUSE.reason, "salesforce")
    assert count_failed(desk.sync, OURS, elsewhere) == 0
    assert retry(desk, elsewhere, up_to=99).done == 0


@pytest.mark.parametrize("reason", ["cannot_confirm"])
def test_what_could_make_a_second_record_is_never_retried_in_a_heap(desk: Helpdesk, reason: str) -> None:
    number = failed(desk, 1, reason)
    with pytest.raises(ChoiceNotPossible):
        extent(desk, Cause(reason))
    assert desk.operation(number).status == FAILED


def test_one_whose_work_waits_already_hands_it_on(desk: Helpdesk) -> None:
    old = failed(desk, 1, attempts=3)
    newer = desk.add_operation(desk.connect(), "1")
    other = failed(desk, 1, kind=ADD_NOTE, subject_id="9")
    assert retry(desk, up_to=other).done == 2
    assert (desk.operation(old).status, desk.operation(old).reason) == (SKIPPED, reasons.SUPERSEDED)
    assert desk.operation(newer).attempts == 3
    assert desk.operation(other).status == PENDING
