"""What nobody types by accident: times beyond the calendar, signs that no text has, formulas. Pages answer even so."""

from __future__ import annotations

from math import inf
from uuid import uuid4

import pytest
from flask import g

from flask_crm_sync.models.link import ACTIVE
from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.notifications.channels import channels
from flask_crm_sync.qualification.trial import Rehearsal
from flask_crm_sync.sync.links import LinkState, save_links
from flask_crm_sync.sync.mapping.preview import Preview, Sample
from flask_crm_sync.web import mapping_row_page, preview_page
from tests.web.helpdesk import OURS, THEIRS, Helpdesk
from tests.web.test_page_access import add_criterion, token_of

BEYOND = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
"""Times that the calendar has in their own zone, and not in UTC."""
DAY, NEXT_DAY = "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"


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


def test_a_client_who_moved_to_another_account_has_no_name_here(desk: Helpdesk) -> None:
    """The host may give a client to another account, and leave the conversation, or our link, where it was."""
    view = desk.connect()
    add_criterion(desk, 1, OURS)
    desk.add_client(1, int(THEIRS), "Zoë Moved")
    with desk.sync.database.write() as database:
        link = LinkState(uuid4(), "1", ACTIVE, "77")
        save_links(database, view.id, "client", "contact", [link], desk.clock.now())
    browser = desk.browser("manager")
    for path in ("conversations/1", "qualification/try?conversation=1", "qualification/try?client=1"):
        page = browser.get(f"/crm/{path}")
        assert (page.status_code, "Moved" in page.text) == (200, False), path
    with desk.app.test_request_context():
        g.crm_sync_account = OURS
        sample = Sample((Preview("1", "nothing"),), 0, 0)
        assert [preview_page._names(["1"]), mapping_row_page._names(sample)] == [{"1": "1"}] * 2


@pytest.mark.parametrize("so_far", ["[" * 5_000, '{"instants": ' * 5_000, "1e999", "null"])
def test_what_a_form_carries_along_may_be_made_up(desk: Helpdesk, so_far: str) -> None:
    browser = desk.browser("manager")
    form = {"name": "Buys", "required": "buy", "enabled": "on", "csrf_token": token_of(browser), "so_far": so_far}
    assert browser.post("/crm/qualification/rehearsal", data=form).status_code == 200


@pytest.mark.parametrize(
    ("since", "until", "number"),
    [(BEYOND[0], BEYOND[0], 0), (BEYOND[1], BEYOND[1], 0), (DAY, NEXT_DAY[:10], 0), (DAY, NEXT_DAY, inf)],
)
def test_a_rehearsal_goes_on_from_a_place_that_one_can_have(since: str, until: str, number: float) -> None:
    numbers = dict.fromkeys(("looked_at", "before", "after", "different"), number)
    with pytest.raises(ValueError, match="not a rehearsal"):
        Rehearsal.from_json({"instants": [since, until, since], "id": "", **numbers})
