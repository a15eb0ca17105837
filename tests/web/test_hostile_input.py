"""What nobody types by accident: times beyond the calendar, signs that no text has, formulas. Pages answer even so."""

from __future__ import annotations

import pytest

from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.notifications.channels import channels
from tests.web.helpdesk import OURS, Helpdesk
from tests.web.test_page_access import token_of

BEYOND = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
"""Times that the calendar has in their own zone, and not in UTC."""


@pytest.mark.parametrize("time", BEYOND)
def test_a_time_outside_the_calendar_is_as_good_as_none(desk: Helpdesk, time: str) -> None:
    desk.connect()
    browser = desk.browser("manager")
    for path in ("erasures", "connections/hubspot/undo"):
        assert browser.get(f"/crm/{path}", query_string={"before": time}).status_code == 200
    form = {"since": time, "until": time}
    assert browser.get("/crm/connections/hubspot/undo", query_string={**form, "look": "1"}).status_code == 200
    data = {**form, "csrf_token": token_of(browser)}
    assert browser.post("/crm/connections/hubspot/undo", data=data).status_code == 303


def test_the_sign_that_ends_a_text_is_refused_before_any_database_meets_it(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("manager")
    assert browser.get("/crm/connections/hub%00spot/disconnect").status_code == 404
    assert browser.get("/crm/log", query_string={"client": "Ada\0"}).status_code == 200  # as good as none
    channel = {"kind": "webhook", "address": "https://93.184.215.14/x", "events": "lead_qualified", "time_zone": "UTC"}
    data = {**channel, "label": "Sales\0", "csrf_token": token_of(browser)}
    assert browser.post("/crm/notifications/channels", data=data).status_code == 400
    assert channels(desk.sync, OURS) == []


def test_no_name_fills_the_pages(desk: Helpdesk) -> None:
    """A visitor of the host's chat may give whatever name the host's column takes."""
    view = desk.connect()
    desk.add_client(1, name="Ada " + "x" * 1_000_000)
    for _ in range(20):
        desk.add_operation(view, status=FAILED, reason="invalid_record")
    browser = desk.browser("viewer")
    for path in ("log", "log/1", "clients/1", "qualification/try?client=1"):
        page = browser.get(f"/crm/{path}")
        assert (page.status_code, len(page.data) < 200_000) == (200, True), path
    assert "Ada xxx" in browser.get("/crm/log").text
