"""The audit trail: in the transaction of the change, scoped to the account, without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.sync import audit, choices
from flask_crm_sync.sync.audit import TrailFilter, record, trail
from flask_crm_sync.sync.paging import Place
from flask_crm_sync.sync.refusals import ChoiceNotPossible
from tests.web.helpdesk import OURS, THEIRS, Helpdesk, open_helpdesk


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def note(desk: Helpdesk, account_id: str = OURS, action: str = audit.PAUSE, **more: object) -> None:
    with desk.sync.database.write() as database:
        record(database, account_id, action, now=desk.clock.now(), **more)  # type: ignore[arg-type]


def actions(desk: Helpdesk, account_id: str = OURS) -> list[str]:
    return [deed.action for deed in trail(desk.sync, account_id).deeds]


def test_a_change_that_is_undone_leaves_no_trace(desk: Helpdesk) -> None:
    with desk.sync.database.engine.connect() as database:
        record(database, OURS, audit.PAUSE, now=desk.clock.now())
        database.rollback()
    assert actions(desk) == []


def test_the_trail_shows_one_account_only(desk: Helpdesk) -> None:
    note(desk, OURS, audit.PAUSE)
    note(desk, THEIRS, audit.DISCONNECT)
    assert actions(desk, OURS) == [audit.PAUSE]


@pytest.mark.parametrize("name", ["credentials", "access_token", "API_KEY", "client_secret", "Password"])
def test_what_sounds_like_a_secret_is_hidden(desk: Helpdesk, name: str) -> None:
    note(desk, before={name: "canary-before"}, after={name: "canary-after", "paused": True})
    deed = trail(desk.sync, OURS).deeds[0]
    assert "canary" not in str(deed)
    assert deed.after == {name: "(hidden)", "paused": True}


def test_pages_go_from_the_newest_to_the_oldest_and_back(desk: Helpdesk) -> None:
    for number in range(5):
        note(desk, subject_id=number)
    first = trail(desk.sync, OURS, place=Place(), limit=2)
    second = trail(desk.sync, OURS, place=Place(before=first.older), limit=2)
    back = trail(desk.sync, OURS, place=Place(after=second.newer), limit=2)
    assert [deed.subject_id for deed in first.deeds] == ["4", "3"]
    assert [deed.subject_id for deed in second.deeds] == ["2", "1"]
    assert (back.deeds, back.newer) == (first.deeds, None)


def test_the_trail_can_be_asked_for_by_action_crm_and_user(desk: Helpdesk) -> None:
    note(desk, action=audit.PAUSE, crm="hubspot", by="1")
    note(desk, action=audit.RESUME, crm="salesforce", by="2")
    for wanted in (TrailFilter(action=audit.RESUME), TrailFilter(crm="salesforce"), TrailFilter(user_id="2")):
        assert [deed.action for deed in trail(desk.sync, OURS, wanted).deeds] == [audit.RESUME]


def test_choices_note_who_made_them_and_what_they_changed(desk: Helpdesk) -> None:
    view = desk.connect()
    retried = desk.add_operation(view, "1", status=FAILED, reason="invalid_record")
    left = desk.add_operation(view, "2", status=FAILED, reason="invalid_record")
    made = desk.add_operation(view, "3", status=FAILED, reason="record_missing")
    choices.retry(desk.sync, OURS, retried, by="1")
    choices.dismiss(desk.sync, OURS, left, by="2")
    choices.decide(desk.sync, OURS, made, "create_new", by="3")
    seen = [(deed.user_id, deed.action, deed.subject_id) for deed in trail(desk.sync, OURS).deeds[:3]]
    expected = [("3", "decide", made), ("2", "dismiss", left), ("1", "retry", retried)]
    assert seen == [(user, action, str(number)) for user, action, number in expected]
    newest = trail(desk.sync, OURS).deeds[0]
    assert newest.before == {"status": "failed", "decision": None}
    assert newest.after == {"status": "pending", "decision": "create_new"}


def test_a_choice_that_is_refused_notes_nothing(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="cannot_confirm")
    before = actions(desk)
    with pytest.raises(ChoiceNotPossible):
        choices.retry(desk.sync, OURS, number, by="1")
    assert actions(desk) == before


def test_what_people_did_to_one_entry_is_told_in_order(desk: Helpdesk) -> None:
    note(desk, action=audit.RETRY, subject_type=audit.OPERATION, subject_id=7)
    note(desk, action=audit.DISMISS, subject_type=audit.OPERATION, subject_id=7)
    note(desk, action=audit.RETRY, subject_type=audit.OPERATION, subject_id=8)
    found = audit.deeds_on(desk.sync, OURS, audit.OPERATION, 7)
    assert [deed.action for deed in found] == [audit.RETRY, audit.DISMISS]
    assert audit.deeds_on(desk.sync, THEIRS, audit.OPERATION, 7) == []


def test_a_long_text_is_cut_where_everybody_sees_it(desk: Helpdesk) -> None:
    note(desk, after={"required": "word, " * 60, "why": "x" * 200})
    (deed,) = trail(desk.sync, OURS).deeds
    assert deed.after is not None
    assert (len(deed.after["required"]), deed.after["required"][-1]) == (200, "…")
    assert deed.after["why"] == "x" * 200
