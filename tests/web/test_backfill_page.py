"""The page of a backfill, and of what can be put back."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Agreement, Link, Operation, Overwritten
from flask_crm_sync.models.mapping import MappingVersion
from flask_crm_sync.models.operation import BULK, PUT_BACK, SUCCESS
from flask_crm_sync.sync import catch_up
from flask_crm_sync.sync.backfill import begin_backfill, pause_backfill
from flask_crm_sync.sync.connections import ConnectionView, pause
from flask_crm_sync.sync.mapping.filters import Condition, Filter
from flask_crm_sync.sync.mapping.store import save_filter
from flask_crm_sync.sync.progress import cancel, progress
from tests.web.helpdesk import OURS, START, Client, Helpdesk
from tests.web.test_crm_pages import plain, read
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
    assert "50 were sent again" in shown
    assert "have all compared" in shown
    with desk.sync.database.write() as database:
        database.execute(sa.update(Agreement).values(repaired=54))
    assert "have all compared" not in desk.browser("manager").get("/crm/").text
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
    assert "On its way back" in post(desk, UNDO, since="2026-11-22T13:30", until="")


def test_what_nobody_can_read_puts_nothing_back(desk: Helpdesk, view: ConnectionView) -> None:
    """A browser without an input for times sends what was typed; taken for no time, it would be everything."""
    overwrite(desk, view)
    asked = desk.browser("manager").get(f"{UNDO}?since=22.11.2026+14:30&look=1").text
    assert "“22.11.2026 14:30” is not a time." in asked
    assert "could be put back" not in asked
    assert 'value="22.11.2026 14:30"' in asked
    for given in ({"since": "nonsense"}, {"version": "x"}, {"run": ""}, {"client": ""}, {"client": "x" * 192}):
        assert "There was nothing to put back." in post(desk, UNDO, **given)


def test_a_change_of_the_mapping_is_put_back_alone(desk: Helpdesk, view: ConnectionView) -> None:
    """Of the fields that it fills in another way, and until one of them is changed again; edits stay."""
    for number, hours, names in ((1, 4, ["jobtitle"]), (2, 3, ["jobtitle", "labels"]), (3, 1, ["labels"])):
        rows = [{"field": name, "source": "last_name"} for name in names]
        row = {"connection_id": view.id, "version": number, "definition": {"version": number, "rows": rows}}
        with desk.sync.database.write() as database:
            at = desk.clock.now() - timedelta(hours=hours)
            database.execute(sa.insert(MappingVersion).values({**row, "user_id": "1", "created_at": at}))
    lately = {"written_at": desk.clock.now() - timedelta(minutes=200)}
    for name in ("jobtitle", "city"):
        overwrite(desk, view, field=name, **lately)
    overwrite(desk, view, field="jobtitle", written_at=desk.clock.now() - timedelta(minutes=30))
    browser = desk.browser("manager")
    third, second, first = map(html.unescape, re.findall(r'<a href="([^"]*look=1)">Version', browser.get(UNDO).text))
    assert "field mapping jobtitle" in plain(browser.get(first).text)
    assert "1 field could be put back." in browser.get(first).text
    assert re.findall(r"<strong><bdi>(\w+)</bdi></strong>", browser.get(first).text) == ["jobtitle"]
    assert "Nothing that could be put back" in browser.get(second).text
    assert "1 field could be put back." in browser.get(third).text
    assert "1 field is put back now." in post(desk, UNDO, version="1")
    with desk.sync.database.read() as database:
        asked = database.execute(sa.select(Overwritten.field).where(Overwritten.put_back_by.is_not(None))).scalars()
        assert asked.all() == ["jobtitle"]
    assert "There was nothing to put back." in post(desk, UNDO, version="77")
    assert "fields: after jobtitle" in read(browser, "/crm/audit")


def test_one_backfill_is_put_back_alone(desk: Helpdesk, view: ConnectionView) -> None:
    for _ in range(2):
        begin_backfill(desk.sync, OURS, "hubspot", by="1")
        pause_backfill(desk.sync, OURS, "hubspot", by="1")
        desk.clock.sleep(600)
        overwrite(desk, view, lane=BULK)
        overwrite(desk, view, lane=0)
        desk.clock.sleep(600)
    overwrite(desk, view, lane=BULK)
    browser = desk.browser("manager")
    last, first = map(html.unescape, re.findall(r'<a href="([^"]*run=[^"]*look=1)">', browser.get(UNDO).text))
    assert "2 fields could be put back." in browser.get(last).text
    assert "1 field could be put back." in browser.get(first).text
    number = first.partition("run=")[2].partition("&")[0]
    assert "1 field is put back now." in post(desk, UNDO, run=number)
    assert "There was nothing to put back." in post(desk, UNDO, run="77")
    with desk.sync.database.read() as database:
        asked = sa.select(Overwritten.operation_id).where(Overwritten.put_back_by.is_not(None))
        assert database.execute(asked).scalars().all() == [1]


def test_one_clients_values_are_shown_and_put_back(desk: Helpdesk, view: ConnectionView) -> None:
    with desk.sync.database.engine.begin() as connection:
        connection.execute(sa.update(Client).where(Client.id == 2).values(first_name="نور", last_name="حداد"))
    overwrite(desk, view)
    overwrite(desk, view, client_id="2", field="phone")
    overwrite(desk, view, client_id="9")
    browser = desk.browser("manager")
    everybody = plain(browser.get(UNDO).text)
    for whose in ("City · c1@example.com", "Phone · نور حداد", "City · client 9"):
        assert whose in everybody
    one = browser.get(f"{UNDO}?client=2&look=1").text
    assert "1 field could be put back." in one
    assert one.count("Show the entry") == 1
    shown = post(desk, UNDO, client="2")
    assert "On its way back" in shown
    assert shown.count("Show the entry") == 1
    with desk.sync.database.read() as database:
        kinds = database.execute(sa.select(Operation.client_id).where(Operation.kind == PUT_BACK)).scalars().all()
    assert kinds == ["2"]


def test_a_backfill_that_cannot_go_says_why(desk: Helpdesk, view: ConnectionView) -> None:
    assert "Nothing is sent at present." not in desk.browser("manager").get(PAGE).text
    pause(desk.sync, OURS, "hubspot")
    shown = post(desk, PAGE)
    assert "Nothing is sent at present. The connection is paused" in shown
    assert "Catching up with your clients" in shown


def test_what_cannot_go_back_now_says_why(desk: Helpdesk, view: ConnectionView) -> None:
    number = overwrite(desk, view)
    pause(desk.sync, OURS, "hubspot")
    shown = post(desk, f"/crm/log/{number}/put-back")
    assert "1 field is to be put back." in shown
    assert "The connection is paused" in shown


def test_a_filter_is_named_beside_the_cost(desk: Helpdesk, view: ConnectionView) -> None:
    assert "left out" not in desk.browser("viewer").get(PAGE).text
    save_filter(desk.sync, OURS, "hubspot", Filter("all", (Condition("city", "is_set"),)), seen_version=0)
    assert "whom it does not take is left out" in desk.browser("viewer").get(PAGE).text


def test_a_clients_page_leads_to_what_was_replaced(desk: Helpdesk, view: ConnectionView) -> None:
    overwrite(desk, view)
    link = {"subject_type": "client", "subject_id": "1", "state": "active", "remote_type": "contact", "remote_id": "77"}
    with desk.sync.database.write() as database:
        at = {"created_at": START, "updated_at": START}
        database.execute(sa.insert(Link).values(connection_id=view.id, **at, **link))
    there = f"{UNDO}?client=1&amp;look=1"
    assert there in desk.browser("manager").get("/crm/clients/1").text
    assert there not in desk.browser("viewer").get("/crm/clients/1").text


def test_where_nothing_is_kept_it_is_said(desk: Helpdesk, view: ConnectionView) -> None:
    assert "kept encrypted for 30 days" in desk.browser("viewer").get(UNDO).text
    door = desk.app.extensions["crm_sync"]
    desk.app.extensions["crm_sync"] = replace(door, settings=replace(door.settings, undo_days=0))
    assert "nothing is kept of what the sync replaces" in desk.browser("viewer").get(UNDO).text


def test_nothing_to_pause_is_said(desk: Helpdesk, view: ConnectionView) -> None:
    assert "no backfill is under way" in post(desk, f"{PAGE}/pause")
    assert "there is nothing to resume" in post(desk, f"{PAGE}/resume")


def test_the_switches_come_and_go_with_the_bar(desk: Helpdesk, view: ConnectionView) -> None:
    bar = "/crm/connections/hubspot/progress"
    begin_backfill(desk.sync, OURS, "hubspot")
    browser = desk.browser("manager")
    assert f"{bar}?rests=1" in browser.get(PAGE).text
    assert ">Pause<" in browser.get(f"{bar}?rests=1").text
    pause_backfill(desk.sync, OURS, "hubspot")
    assert ">Resume<" in browser.get(f"{bar}?rests=1").text
    assert ">Resume<" not in browser.get(bar).text
    assert "<button" not in desk.browser("viewer").get(f"{bar}?rests=1").text
    cancel(desk.sync, OURS, "hubspot")
    assert "<button" not in browser.get(f"{bar}?rests=1").text


def test_the_trail_says_in_words_what_became_of_a_run_and_what_was_put_back(
    desk: Helpdesk, view: ConnectionView
) -> None:
    begin_backfill(desk.sync, OURS, "hubspot", notes=True, by="1")
    pause_backfill(desk.sync, OURS, "hubspot", by="1")
    cancel(desk.sync, OURS, "hubspot", by="1")
    overwrite(desk, view)
    post(desk, UNDO, since="2026-11-22T13:00:00", backfill="")
    shown = read(desk.browser("manager"), "/crm/audit")
    for said in (
        "notes of past conversations: after yes",
        "backfill: after paused",
        "stopped: after catching up with the clients",
        "from: after 22 Nov 2026, 13:00:00 UTC",
    ):
        assert said in shown


def test_the_list_goes_on_where_it_ended(desk: Helpdesk, view: ConnectionView, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(51):
        overwrite(desk, view)
        desk.clock.sleep(1)
    browser = desk.browser("manager")
    first = browser.get(UNDO).text
    older = first.partition("before=")[2].partition('"')[0]
    assert first.count("Show the entry") == 50
    assert browser.get(f"{UNDO}?before={older}").text.count("Show the entry") == 1
    asked = browser.get(f"{UNDO}?since=2026-11-22T14:00&look=1").text
    onwards = html.unescape(asked.partition('<a href="/crm/connections/hubspot/undo?before=')[2].partition('"')[0])
    assert browser.get(f"{UNDO}?before={onwards}").text.count("Show the entry") == 1
    assert "since=2026" in onwards
