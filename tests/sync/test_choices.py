"""What a person may do with an operation that did not succeed, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from flask_crm_sync.errors import error_classes
from flask_crm_sync.models import Operation
from flask_crm_sync.models.operation import FAILED, LIVE, PENDING, SKIPPED, SUCCESS, UPDATE
from flask_crm_sync.sync import choices, reasons
from flask_crm_sync.sync.log import find_entry
from flask_crm_sync.sync.operations import pending_key
from flask_crm_sync.sync.refusals import ChoiceNotPossible, NotFound
from tests.web.helpdesk import OURS, THEIRS, Helpdesk, open_helpdesk

CANDIDATES = {"candidates": [{"id": "77", "label": "Record 77"}, {"id": "78", "label": "Record 78"}]}


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def failed(desk: Helpdesk, reason: str, **values: Any) -> int:
    view = desk.connect()
    return desk.add_operation(view, status=FAILED, reason=reason, lane=UPDATE, **values)


def test_retrying_makes_it_due_at_once_in_the_live_lane(desk: Helpdesk) -> None:
    number = failed(desk, "invalid_record", attempts=4, crashes=2, retried_seconds=500.0, crm_message="No.")
    choices.retry(desk.sync, OURS, number)
    row = desk.operation(number)
    assert (row.status, row.lane, row.due_at, row.settled_at) == (PENDING, LIVE, desk.clock.now(), None)
    assert (row.reason, row.crm_message, row.crashes, row.retried_seconds) == ("", "", 0, 0.0)
    assert row.pending_key == pending_key(row.connection_id, row.kind, row.subject_id)


def test_retrying_keeps_what_a_second_record_could_come_from(desk: Helpdesk) -> None:
    number = failed(desk, "retry_hours_over", attempts=9, unknown=True)
    choices.retry(desk.sync, OURS, number)
    assert (desk.operation(number).attempts, desk.operation(number).unknown) == (9, True)


def test_a_decision_for_a_candidate_is_kept_for_the_engine(desk: Helpdesk) -> None:
    number = failed(desk, "ambiguous_match", details=CANDIDATES)
    choices.decide(desk.sync, OURS, number, "use:78")
    assert (desk.operation(number).status, desk.operation(number).decision) == (PENDING, "use:78")


@pytest.mark.parametrize("decision", ["use:99", "use:", "use", "", "drop table", "create_new "])
def test_a_decision_that_was_not_offered_is_refused(desk: Helpdesk, decision: str) -> None:
    number = failed(desk, "ambiguous_match", details=CANDIDATES)
    with pytest.raises(ChoiceNotPossible):
        choices.decide(desk.sync, OURS, number, decision)
    assert desk.operation(number).status == FAILED


def test_an_outcome_that_cannot_be_confirmed_is_never_simply_sent_again(desk: Helpdesk) -> None:
    number = failed(desk, "cannot_confirm", unknown=True)
    with pytest.raises(ChoiceNotPossible):
        choices.retry(desk.sync, OURS, number)
    choices.decide(desk.sync, OURS, number, "create_new")
    assert desk.operation(number).decision == "create_new"


def test_leaving_it_settles_it_and_says_who_decided(desk: Helpdesk) -> None:
    number = failed(desk, "ambiguous_match", details=CANDIDATES)
    choices.decide(desk.sync, OURS, number, "leave")
    row = desk.operation(number)
    assert (row.status, row.reason, row.settled_at) == (SKIPPED, reasons.LEFT_BY_PERSON, desk.clock.now())


def test_a_record_deleted_in_the_crm_can_be_created_again(desk: Helpdesk) -> None:
    view = desk.connect()
    number = desk.add_operation(view, status=SKIPPED, reason=reasons.RECORD_DELETED_IN_CRM)
    choices.decide(desk.sync, OURS, number, "create_new")
    assert (desk.operation(number).status, desk.operation(number).decision) == (PENDING, "create_new")


@pytest.mark.parametrize("status", [SUCCESS, PENDING, SKIPPED])
def test_what_did_not_fail_offers_nothing(desk: Helpdesk, status: str) -> None:
    number = desk.add_operation(desk.connect(), status=status)
    assert choices.choices(find_entry(desk.sync, OURS, number)) == ()
    with pytest.raises(ChoiceNotPossible):
        choices.dismiss(desk.sync, OURS, number)


def test_a_newer_waiting_operation_takes_over_decision_attempts_and_doubt(desk: Helpdesk) -> None:
    old = failed(desk, "ambiguous_match", details=CANDIDATES, attempts=2, unknown=True)
    newer = desk.add_operation(desk.connect(), attempts=1)
    after = choices.decide(desk.sync, OURS, old, "use:77")
    assert after.id == newer
    assert (desk.operation(old).status, desk.operation(old).reason) == (SKIPPED, reasons.SUPERSEDED)
    taken = desk.operation(newer)
    assert (taken.decision, taken.attempts, taken.unknown, taken.lane) == ("use:77", 3, True, LIVE)


def test_a_newer_one_that_begins_to_wait_in_between_is_seen_at_the_second_look(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = failed(desk, "invalid_record")
    once = choices._resume_once
    calls: list[int] = []

    def loses_the_race(*args: Any) -> int:
        calls.append(1)
        if len(calls) == 1:
            calls.append(desk.add_operation(desk.connect()))
            raise IntegrityError("UPDATE", {}, Exception("pending_key"))
        return once(*args)

    monkeypatch.setattr(choices, "_resume_once", loses_the_race)
    assert choices.retry(desk.sync, OURS, old).id == calls[1]
    assert desk.operation(old).reason == reasons.SUPERSEDED


def test_an_entry_that_moved_on_meanwhile_is_left_alone(desk: Helpdesk) -> None:
    number = failed(desk, "invalid_record")
    seen = find_entry(desk.sync, OURS, number)
    desk.change(Operation, status=SUCCESS, reason="")
    with pytest.raises(ChoiceNotPossible):
        choices._resume(desk.sync, seen, None)
    assert desk.operation(number).status == SUCCESS


def test_another_accounts_entry_is_not_there(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(THEIRS), status=FAILED, reason="invalid_record")
    for act in (choices.retry, choices.dismiss):
        with pytest.raises(NotFound):
            act(desk.sync, OURS, number)
    with pytest.raises(NotFound):
        choices.decide(desk.sync, OURS, number, "create_new")
    assert desk.operation(number).status == FAILED


def test_whatever_failed_can_be_left(desk: Helpdesk) -> None:
    view = desk.connect()
    for error in error_classes():
        number = desk.add_operation(view, status=FAILED, reason=error.code)
        assert choices.DISMISS in choices.choices(find_entry(desk.sync, OURS, number))
    with desk.sync.database.read() as database:
        assert database.execute(sa.select(sa.func.count()).select_from(Operation)).scalar_one() > 10
