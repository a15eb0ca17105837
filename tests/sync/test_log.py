"""The log's pages: newest first, scoped to the account, one look at the host a page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flask_crm_sync.models.operation import ADD_NOTE, FAILED, SUCCESS, UPDATE_CONTACT
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.log import LogFilter, find_entry, log_page
from flask_crm_sync.sync.refusals import NotFound
from tests.web.helpdesk import OURS, THEIRS, Helpdesk, open_helpdesk


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def numbers(page: object) -> list[int]:
    return [entry.id for entry in page.entries]  # type: ignore[attr-defined]


def test_pages_go_from_the_newest_to_the_oldest_and_back(desk: Helpdesk) -> None:
    view = desk.connect()
    ids = [desk.add_operation(view, str(number)) for number in range(7)]
    first = log_page(desk.sync, OURS, limit=3)
    assert numbers(first) == ids[:3:-1]
    assert (first.newer, first.older) == (None, ids[4])
    second = log_page(desk.sync, OURS, before=first.older, limit=3)
    assert numbers(second) == ids[3:0:-1]
    third = log_page(desk.sync, OURS, before=second.older, limit=3)
    assert (numbers(third), third.older) == ([ids[0]], None)
    back = log_page(desk.sync, OURS, after=third.newer, limit=3)
    assert numbers(back) == numbers(second)
    assert (back.newer, back.older) == (ids[3], ids[1])
    top = log_page(desk.sync, OURS, after=back.newer, limit=3)
    assert (numbers(top), top.newer) == (numbers(first), None)


def test_a_page_can_be_asked_for_by_status_crm_and_kind(desk: Helpdesk) -> None:
    view = desk.connect()
    failed = desk.add_operation(view, "1", status=FAILED)
    note = desk.add_operation(view, "2", kind=ADD_NOTE, status=SUCCESS)
    assert numbers(log_page(desk.sync, OURS, LogFilter(status=FAILED))) == [failed]
    assert numbers(log_page(desk.sync, OURS, LogFilter(kind=ADD_NOTE))) == [note]
    assert numbers(log_page(desk.sync, OURS, LogFilter(crm="salesforce"))) == []


def test_the_log_shows_one_account_only(desk: Helpdesk) -> None:
    ours, theirs = desk.connect(), desk.connect(THEIRS)
    mine = desk.add_operation(ours)
    other = desk.add_operation(theirs)
    assert numbers(log_page(desk.sync, OURS)) == [mine]
    with pytest.raises(NotFound):
        find_entry(desk.sync, OURS, other)


def test_names_are_read_from_the_host_once_a_page_and_only_for_the_accounts_own_clients(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_client(1, 1, "Ada Quist")
    desk.add_client(2, 2, "Some Body")
    for client_id in ("1", "2", "3"):
        desk.add_operation(view, client_id)
    with desk.statements() as sent:
        page = log_page(desk.sync, OURS)
    assert [entry.client_name for entry in page.entries] == [None, None, "Ada Quist"]
    assert len(sent) == 2


def test_the_number_of_queries_does_not_grow_with_the_page(desk: Helpdesk) -> None:
    view = desk.connect()
    for number in range(40):
        desk.add_client(number)
        desk.add_operation(view, str(number))
    with desk.statements() as sent:
        log_page(desk.sync, OURS)
    assert len(sent) == 2


def test_what_waits_for_its_time_says_so(desk: Helpdesk) -> None:
    view = desk.connect()
    later = desk.clock.now() + timedelta(minutes=30)
    update = desk.add_operation(view, "1", kind=UPDATE_CONTACT, due_at=later)
    note = desk.add_operation(view, "2", kind=ADD_NOTE, due_at=later)
    due = desk.add_operation(view, "3")
    shown = {entry.id: entry.shown_reason(desk.clock.now()) for entry in log_page(desk.sync, OURS).entries}
    assert shown == {update: reasons.WAITING_FOR_INTERVAL, note: reasons.WAITING_FOR_SILENCE, due: ""}


def test_details_that_make_no_sense_are_left_out(desk: Helpdesk) -> None:
    view = desk.connect()
    odd: list[object] = [None, [], "text", {"candidates": 7}, {"candidates": ["x", {}, {"id": "77"}]}]
    for number, details in enumerate(odd):
        desk.add_operation(view, str(number), details=details)
    found = [len(entry.candidates()) for entry in log_page(desk.sync, OURS).entries]
    assert found == [1, 0, 0, 0, 0]
