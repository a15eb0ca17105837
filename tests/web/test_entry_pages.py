"""The page of one entry: its timeline, in the order in which things happened, and the way to others of its cause."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flask_crm_sync.models.operation import ADD_NOTE, FAILED, SKIPPED, SUCCESS, UPDATE_CONTACT
from flask_crm_sync.sync import reasons
from tests.web.helpdesk import Helpdesk, open_helpdesk
from tests.web.test_crm_pages import read, told


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def timeline(desk: Helpdesk, number: int) -> str:
    page = read(desk.browser("viewer"), f"/crm/log/{number}")
    return page.partition(" Timeline ")[2].partition(" Details ")[0]


def in_order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def test_the_timeline_tells_what_happened_in_order(desk: Helpdesk) -> None:
    at = (desk.clock.now() + timedelta(seconds=30)).isoformat()
    history = [{"at": at, "code": "rate_limited", "message": "Asked to wait."}]
    number = desk.add_operation(desk.connect(), status=SUCCESS, details={"history": history, "created": True})
    said = timeline(desk, number)
    assert in_order(said, "Queued, to be sent at once.", "Asked to wait.", "it had no such client", "a new record")


def test_a_linked_match_says_how_it_was_found(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=SUCCESS, details={"matched_by": "email", "written": ["phone"]})
    assert in_order(timeline(desk, number), "it had this client already", "found by e-mail", "Done: it was written.")


def test_a_failure_ends_the_timeline_with_its_reason(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason=reasons.POISON_RECORD)
    assert in_order(timeline(desk, number), "Queued", "It failed.", "stopped the worker several times")


def test_what_waits_tells_what_comes_next(desk: Helpdesk) -> None:
    later = desk.clock.now() + timedelta(minutes=20)
    number = desk.add_operation(desk.connect(), kind=UPDATE_CONTACT, lane=1, due_at=later)
    assert in_order(timeline(desk, number), "next round of updates", "Next try.", "in 20 minutes", "sent together")


def test_a_note_that_is_skipped_has_no_record_to_be_read(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), kind=ADD_NOTE, status=SKIPPED, reason=reasons.EMPTY_CONVERSATION)
    assert "was read" not in timeline(desk, number)


def test_who_retried_is_on_the_timeline(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="invalid_record")
    desk.clock.sleep(60)
    told(desk.browser("manager"), f"/crm/log/{number}/retry")
    assert in_order(timeline(desk, number), "Queued", "Retried by user 1.", "It waits for its turn.")


def test_odd_notes_of_old_attempts_are_left_out(desk: Helpdesk) -> None:
    odd = [None, "text", {}, {"at": 7}, {"at": "yesterday"}, {"at": "2026-11-22T14:00:00", "code": None}]
    view = desk.connect()
    for number, history in enumerate([odd, "text", {"at": 1}]):
        operation = desk.add_operation(view, str(number), status=FAILED, details={"history": history})
        assert in_order(timeline(desk, operation), "Queued", "It failed.")


def test_others_of_the_same_cause_are_a_click_away(desk: Helpdesk) -> None:
    view = desk.connect()
    first = desk.add_operation(view, "1", status=FAILED, reason="invalid_record")
    assert "failed for this cause" not in read(desk.browser("manager"), f"/crm/log/{first}")
    desk.add_operation(view, "2", status=FAILED, reason="invalid_record")
    page = desk.browser("manager").get(f"/crm/log/{first}").text
    assert "2 entries failed for this cause in HubSpot." in page
    assert "/crm/log?status=failed&amp;reason=invalid_record&amp;crm=hubspot" in page
