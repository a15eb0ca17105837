"""The page of one entry: its timeline, in the order in which things happened, and the way to others of its cause."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flask_crm_sync.models import Connection
from flask_crm_sync.models.operation import (
    ADD_NOTE,
    APPLY_REMOTE,
    ERASE,
    FAILED,
    PUT_BACK,
    SKIPPED,
    SUCCESS,
    UPDATE_CONTACT,
)
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.connections import pause
from tests.web.helpdesk import OURS, START, Helpdesk, open_helpdesk
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


@pytest.mark.parametrize(
    ("kind", "details", "says"),
    [
        (ADD_NOTE, {"written": ["body"], "created": True}, "The note was added to the client's record."),
        (ADD_NOTE, {"written": ["body"]}, "The note at the client's record was brought up to date."),
        (APPLY_REMOTE, {"brought": ["email"]}, "Values from HubSpot were taken over here."),
        (APPLY_REMOTE, {"created_client": "7"}, "A client was made here of the record in HubSpot."),
        (ERASE, {}, "The client was erased in HubSpot; the receipt of the erasure says how."),
        (PUT_BACK, {"written": ["email"]}, "The former values were put back in HubSpot."),
    ],
)
def test_each_kind_of_work_says_what_it_has_come_to(
    desk: Helpdesk, kind: str, details: dict[str, object], says: str
) -> None:
    number = desk.add_operation(desk.connect(), kind=kind, status=SUCCESS, details=details)
    page = read(desk.browser("viewer"), f"/crm/log/{number}")
    assert page.count(says) == 2  # what happened, and the end of the timeline
    for false in ("new record was made", "It was written to", "nothing to write", "body"):
        assert false not in page
    listed = read(desk.browser("viewer"), "/crm/log")
    assert says in listed
    assert "new record was made" not in listed


@pytest.mark.parametrize(
    ("kind", "lane", "says"),
    [
        (APPLY_REMOTE, 1, "Queued, to look at the record in HubSpot."),
        (PUT_BACK, 2, "Queued, to be put back."),
        (ERASE, 0, "Queued, to be erased."),
        (ADD_NOTE, 1, "Queued for the next round of updates, or for the end of the conversation."),
    ],
)
def test_the_timeline_begins_with_what_the_work_is_for(desk: Helpdesk, kind: str, lane: int, says: str) -> None:
    number = desk.add_operation(desk.connect(), kind=kind, lane=lane)
    said = timeline(desk, number)
    assert said.startswith(says)
    assert "catching up" not in said


def test_an_erasure_that_is_left_to_a_hand_is_not_said_to_be_done(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), kind=ERASE, status=SUCCESS, reason=reasons.ERASE_BY_HAND)
    page = read(desk.browser("manager"), f"/crm/log/{number}")
    assert "was erased" not in page
    assert timeline(desk, number).count("does not let an app remove everything") == 1


@pytest.mark.parametrize(
    ("reason", "address"),
    [
        (reasons.CONFLICT_OPEN, "/crm/conflicts"),
        (reasons.ERASE_BY_HAND, "/crm/erasures"),
        (reasons.NOTES_OFF, "/crm/connections/hubspot/settings"),
        (reasons.CONNECTION_DISABLED, "/crm/connections/hubspot/settings"),
        (reasons.FILTERED_OUT, "/crm/connections/hubspot/mapping"),
    ],
)
def test_what_is_advised_has_the_way_there(desk: Helpdesk, reason: str, address: str) -> None:
    number = desk.add_operation(desk.connect(), status=SKIPPED, reason=reason)
    browser = desk.browser("manager")
    advice = browser.get(f"/crm/log/{number}").text.partition("What to do")[2].partition("</section>")[0]
    assert f'href="{address}"' in advice
    assert browser.get(address).status_code == 200
    desk.change(Connection, state="disconnected")
    if "connections" in address:
        assert address not in browser.get(f"/crm/log/{number}").text


def test_what_waits_tells_what_comes_next(desk: Helpdesk) -> None:
    later = desk.clock.now() + timedelta(minutes=20)
    number = desk.add_operation(desk.connect(), kind=UPDATE_CONTACT, lane=1, due_at=later)
    assert in_order(timeline(desk, number), "next round of updates", "Next try.", "in 20 minutes", "sent together")


def test_a_note_that_is_skipped_has_no_record_to_be_read(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), kind=ADD_NOTE, status=SKIPPED, reason=reasons.EMPTY_CONVERSATION)
    assert "was read" not in timeline(desk, number)


@pytest.mark.parametrize(
    ("how", "refreshes"),
    [
        ({}, True),
        ({"due_at": START + timedelta(minutes=20)}, False),
        ({"due_at": START + timedelta(minutes=20), "claim": 1}, True),
        ({"due_at": None, "reason": reasons.WAITING_FOR_CLIENT}, False),
        ({"status": SUCCESS}, False),
    ],
)
def test_the_page_of_what_is_sent_in_a_moment_refreshes_itself(
    desk: Helpdesk, how: dict[str, object], refreshes: bool
) -> None:
    number = desk.add_operation(desk.connect(), **how)
    browser = desk.browser("viewer")
    assert ("hx-trigger" in browser.get(f"/crm/log/{number}").text) is refreshes
    pause(desk.sync, OURS, "hubspot")
    assert ("hx-trigger" in browser.get(f"/crm/log/{number}").text) is (refreshes and "claim" in how)


@pytest.mark.parametrize(("deed", "says"), [("retry", "It is tried again now."), ("dismiss", "Left as it is.")])
def test_who_presses_twice_is_not_told_that_it_failed(desk: Helpdesk, deed: str, says: str) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="invalid_record")
    for _time in range(2):
        page = told(desk.browser("manager"), f"/crm/log/{number}/{deed}")
        assert says in page
        assert "not possible" not in page


def test_who_may_not_mend_it_reads_whom_to_ask(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="invalid_record")
    assert "An administrator of your account can retry this, or decide." in read(
        desk.browser("viewer"), f"/crm/log/{number}"
    )
    listed = read(desk.browser("viewer"), "/crm/log?status=failed&reason=invalid_record")
    assert "An administrator of your account can retry these." in listed
    assert "An administrator of your account can change this connection." in read(desk.browser("viewer"), "/crm/")
    for address in (f"/crm/log/{number}", "/crm/log?status=failed&reason=invalid_record", "/crm/"):
        assert "An administrator" not in read(desk.browser("manager"), address)


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


def attempt(desk: Helpdesk, seconds: float = 30, **noted: object) -> dict[str, object]:
    return {"at": (desk.clock.now() + timedelta(seconds=seconds)).isoformat(), "code": "", "message": "", **noted}


def test_each_attempt_tells_what_was_read_and_meant_and_leads_to_the_record(desk: Helpdesk) -> None:
    left = {"phone": "changed in the CRM only"}
    read_by = {"by": "email", "record": "77", "url": "https://app.example.com/77", "tried": ["email"], "left": left}
    first = attempt(desk, code=reasons.WAITING_FOR_RETRY, crm="Please slow down", **read_by)
    number = desk.add_operation(desk.connect(), details={"history": [first]})
    said = timeline(desk, number)
    parts = ["record 77, found by e-mail.", "To be written: E-mail.", "Left as it is: Phone", "“Please slow down”"]
    assert in_order(said, "Queued", *parts, "Open the record in HubSpot", "It waits for its turn.")


@pytest.mark.parametrize(
    ("noted", "says"),
    [
        ({"by": "nothing"}, "HubSpot was read: it had no such client."),
        ({"by": "many"}, "HubSpot was read: several records could be this client."),
        ({"by": "link", "record": "7"}, "record 7, linked with this client already."),
        ({"by": "named", "record": "7"}, "record 7, named by the CRM itself."),
        ({"by": "of_note", "record": "7"}, "The note belongs to record 7 in HubSpot."),
    ],
)
def test_how_a_record_was_found_is_said_in_words(desk: Helpdesk, noted: dict[str, object], says: str) -> None:
    number = desk.add_operation(desk.connect(), details={"history": [attempt(desk, **noted)]})
    assert says in timeline(desk, number)


def test_the_attempt_that_it_ended_with_is_told_once(desk: Helpdesk) -> None:
    last = attempt(desk, 0, code="invalid_record", end=FAILED, by="nothing", tried=["email"], crm="No such domain")
    number = desk.add_operation(desk.connect(), status=FAILED, reason="invalid_record", details={"history": [last]})
    said = timeline(desk, number)
    assert said.count("It failed.") == said.count("it had no such client") == 1
    assert in_order(said, "It failed.", "it had no such client", "To be written: E-mail.", "“No such domain”")


def test_a_failure_before_a_retry_stays_on_the_timeline(desk: Helpdesk) -> None:
    last = attempt(desk, 0, code="invalid_record", end=FAILED, by="nothing")
    number = desk.add_operation(desk.connect(), status=FAILED, reason="invalid_record", details={"history": [last]})
    desk.clock.sleep(60)
    told(desk.browser("manager"), f"/crm/log/{number}/retry")
    assert in_order(timeline(desk, number), "It failed.", "it had no such client", "Retried by user 1.", "waits")


def test_what_was_written_and_left_ends_the_timeline(desk: Helpdesk) -> None:
    found = {"written": ["email"], "left": {"phone": "changed in the CRM only"}}
    number = desk.add_operation(desk.connect(), status=SUCCESS, details=found)
    assert in_order(timeline(desk, number), "Done: it was written.", "Written: E-mail.", "Left as it is: Phone")


def test_of_very_many_fields_the_first_are_told(desk: Helpdesk) -> None:
    left = {f"field_{number}": "never blank" for number in range(40)}
    number = desk.add_operation(desk.connect(), status=SUCCESS, details={"written": ["email"], "left": left})
    said = timeline(desk, number)
    assert said.count("Left as it is") == 12
    assert "And 28 more fields." in said
    left = {f"field_{number}": "never blank" for number in range(13)}
    number = desk.add_operation(desk.connect(), "2", status=SUCCESS, details={"left": left})
    assert "And 1 more field." in timeline(desk, number)


def test_a_link_that_is_no_web_address_is_no_link(desk: Helpdesk) -> None:
    noted = attempt(desk, by="key", record="7", url="javascript:alert(1)")
    history = [noted, attempt(desk, url=7, left=[], tried="x"), attempt(desk, by="key", url="https://[half")]
    number = desk.add_operation(desk.connect(), details={"history": history})
    page = desk.browser("viewer").get(f"/crm/log/{number}").text
    assert "javascript:" not in page
    assert "Open the record" not in page
