"""The page of a backfill, and of what can be put back."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Agreement, Operation, Overwritten
from flask_crm_sync.models.mapping import MappingVersion
from flask_crm_sync.models.operation import PUT_BACK, SUCCESS
from flask_crm_sync.sync import catch_up
from flask_crm_sync.sync.backfill import begin_backfill, pause_backfill
from flask_crm_sync.sync.connections import ConnectionView
from flask_crm_sync.sync.progress import progress
from tests.web.helpdesk import OURS, START, Client, Helpdesk
from tests.web.test_page_access import token_of

PAGE, UNDO = "/crm/connections/hubspot/backfill", "/crm/connections/hubspot/undo"


@pytest.fixture
def view(desk: Helpdesk) -> ConnectionView:
    """A connection, and three clients whom nobody has sent."""
    made = desk.connect()
    rows = [
        {"id": n, "account_id": 1, "first_name": "", "last_name": "", "email": f"c{n}@example.com"} for n in (1, 2, 3)
    ]
    with desk.sync.database.engine.begin() as connection:
        connection.execute(sa.insert(Client), [row | {"updated_at": START.replace(tzinfo=None)} for row in rows])
    return made


def post(desk: Helpdesk, url: str, **data: str) -> Any:
    browser = desk.browser("manager")
    answer = browser.post(url, data={"csrf_token": token_of(browser), **data})
    assert answer.status_code == 303, answer.text
    return browser.get(answer.location).text


def overwrite(desk: Helpdesk, view: ConnectionView, **values: Any) -> int:
    """Let an entry have overwritten a city."""
    number = desk.add_operation(view, "1", status=SUCCESS, details={"written": ["city"]})
    own = {"account_id": OURS, "connection_id": view.id, "client_id": "1", "operation_id": number, "lane": 0}
    kept = {**own, "field": "city", "sealed": "x", "sent": "d", "written_at": desk.clock.now(), **values}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Overwritten).values(id=uuid4(), **kept))
    return number


def test_it_says_what_it_would_cost_and_begins(desk: Helpdesk, view: ConnectionView) -> None:
    assert "3 clients are not in HubSpot yet: about 3 calls" in desk.browser("manager").get(PAGE).text
    shown = post(desk, PAGE, notes="on")
    assert "3 clients are looked at." in shown
    assert "Catching up with your clients" in shown
    assert desk.wakes.count == 1
    assert ">Begin<" not in shown


def test_it_is_paused_resumed_and_stopped(desk: Helpdesk, view: ConnectionView) -> None:
    begin_backfill(desk.sync, OURS, "hubspot")
    catch_up.catch_up(desk.sync)
    assert "It rests until somebody resumes it" in post(desk, f"{PAGE}/pause")
    assert "The backfill goes on where it was." in post(desk, f"{PAGE}/resume")
    post(desk, "/crm/connections/hubspot/progress/cancel")
    assert ">Begin<" in desk.browser("manager").get(PAGE).text


def test_a_paused_run_is_shown_as_one(desk: Helpdesk, view: ConnectionView) -> None:
    begin_backfill(desk.sync, OURS, "hubspot")
    pause_backfill(desk.sync, OURS, "hubspot")
    seen = progress(desk.sync, view.id)
    assert seen is not None
    assert seen.paused
    assert "It rests until somebody resumes it" in desk.browser("viewer").get(PAGE).text


def test_a_viewer_sees_no_switch(desk: Helpdesk, view: ConnectionView) -> None:
    shown = desk.browser("viewer").get(PAGE).text
    assert "3 clients are not in HubSpot yet" in shown
    assert "<button" not in shown.partition("<main")[2]


def test_the_card_leads_there_and_tells_of_the_read_back(desk: Helpdesk, view: ConnectionView) -> None:
    blank = {"cursor": "", "due_at": START, "ran_at": START, "repaired": 50, "gone": 3}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Agreement).values(connection_id=view.id, checked=200, drifted=51, **blank))
    shown = desk.browser("manager").get("/crm/").text
    assert "54 of 200 differ" in shown
    for url in (PAGE, UNDO, "/crm/erasures"):
        assert f'href="{url}"' in shown


def test_an_entry_offers_what_it_replaced(desk: Helpdesk, view: ConnectionView) -> None:
    number = overwrite(desk, view)
    assert "kept to be put back" in desk.browser("manager").get(f"/crm/log/{number}").text
    assert "1 field is put back now." in post(desk, f"/crm/log/{number}/put-back")
    assert "kept to be put back" not in desk.browser("manager").get(f"/crm/log/{number}").text
    with desk.sync.database.read() as database:
        kinds = database.execute(sa.select(Operation.kind).order_by(Operation.id)).scalars().all()
    assert kinds == ["create_lead", PUT_BACK]


def test_a_stretch_is_counted_before_it_is_put_back_in_the_readers_time(desk: Helpdesk, view: ConnectionView) -> None:
    overwrite(desk, view)
    browser = desk.browser("manager")
    browser.set_cookie("crm_sync_tz", "Europe/Vienna")
    wide, late = "since=2026-11-22T14:30&until=2026-11-22T15:30", "since=2026-11-22T15:01"
    assert "1 field could be put back." in browser.get(f"{UNDO}?{wide}&look=1").text
    assert "Nothing that could be put back" in browser.get(f"{UNDO}?{late}&look=1").text
    assert "Nothing that could be put back" in browser.get(f"{UNDO}?look=1&backfill=1").text
    assert "On its way back" in post(desk, UNDO, since="nonsense")


def test_what_was_written_under_a_change_of_the_mapping_is_a_link_away(desk: Helpdesk, view: ConnectionView) -> None:
    for number, hours in ((1, 2), (2, 1)):
        row = {"connection_id": view.id, "version": number, "definition": {}, "user_id": "1"}
        with desk.sync.database.write() as database:
            at = desk.clock.now() - timedelta(hours=hours)
            database.execute(sa.insert(MappingVersion).values({**row, "created_at": at}))
    overwrite(desk, view, written_at=desk.clock.now() - timedelta(minutes=90))
    shown = desk.browser("manager").get(UNDO).text
    newest, oldest = re.findall(r'<a href="([^"]*look=1)">Version', shown)
    browser = desk.browser("manager")
    assert "1 field could be put back." in browser.get(html.unescape(oldest)).text
    assert "Nothing that could be put back" in browser.get(html.unescape(newest)).text


def test_the_list_goes_on_where_it_ended(desk: Helpdesk, view: ConnectionView, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(51):
        overwrite(desk, view)
        desk.clock.sleep(1)
    browser = desk.browser("manager")
    first = browser.get(UNDO).text
    older = first.partition("before=")[2].partition('"')[0]
    assert first.count("Show the entry") == 50
    assert browser.get(f"{UNDO}?before={older}").text.count("Show the entry") == 1
