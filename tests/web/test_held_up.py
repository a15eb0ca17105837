"""What waits at a connection that does not work says so: in the log, on its own page, in the file, on the card."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.models import Connection
from flask_crm_sync.models.connection import DISCONNECTED, NEEDS_ATTENTION
from flask_crm_sync.models.operation import FAILED, UPDATE_CONTACT
from flask_crm_sync.sync.reasons import explain
from tests.web.helpdesk import START, Helpdesk, open_helpdesk
from tests.web.test_crm_pages import post, read, told

HELD: list[tuple[dict[str, Any], str]] = [
    ({"paused": True}, "connection_paused"),
    ({"state": NEEDS_ATTENTION, "state_code": "permission_missing"}, "permission_missing"),
    ({"enabled": False}, "connection_disabled"),
    ({"state": DISCONNECTED, "credentials": ""}, "not_connected"),
    ({"blocked_until": START + timedelta(minutes=9), "blocked_code": "rate_limited"}, "rate_limited"),
]


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    desk = open_helpdesk(tmp_path)
    desk.add_client(1)
    return desk


@pytest.mark.parametrize(("how", "code"), HELD, ids=[code for _how, code in HELD])
def test_what_waits_for_its_connection_says_so(desk: Helpdesk, how: dict[str, Any], code: str) -> None:
    later = desk.clock.now() + timedelta(minutes=20)
    number = desk.add_operation(desk.connect(), kind=UPDATE_CONTACT, lane=1, due_at=later)
    desk.change(Connection, **how)
    says = explain(code).says
    listed = read(desk.browser("viewer"), "/crm/log")
    assert says in listed
    assert "Next:" not in listed
    page = read(desk.browser("viewer"), f"/crm/log/{number}")
    assert page.count(says) == 2  # what happened, and the end of the timeline
    assert explain(code).advice in page
    assert "within seconds" not in page
    assert "Next try" not in page
    answer = post(desk.browser("manager"), "/crm/log/export")
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert (row["code"], row["reason"]) == (code, says)


def test_the_way_to_the_connection_is_shown(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect())
    desk.change(Connection, paused=True)
    assert 'href="/crm/#crmsync-card-hubspot"' in desk.browser("viewer").get(f"/crm/log/{number}").text


def test_what_does_not_wait_or_is_being_sent_keeps_its_own_reason(desk: Helpdesk) -> None:
    view = desk.connect()
    sent = desk.add_operation(view, claim=1)
    failed = desk.add_operation(view, "2", status=FAILED, reason="invalid_record")
    desk.change(Connection, paused=True)
    assert "A worker is sending it right now." in read(desk.browser("viewer"), f"/crm/log/{sent}")
    assert "is paused" not in read(desk.browser("viewer"), f"/crm/log/{failed}")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({}, "Next updates in 1 hour"),
        (HELD[0][0], "Next updates once you resume"),
        (HELD[1][0], "Next updates once it works again"),
        (HELD[2][0], "Next updates none"),
        (HELD[4][0], "Next updates in 1 hour"),
    ],
)
def test_the_card_promises_no_round_that_will_not_come(desk: Helpdesk, how: dict[str, Any], says: str) -> None:
    desk.connect()
    desk.change(Connection, **{"paused": False} | how)
    assert says in read(desk.browser("viewer"), "/crm/")


@pytest.mark.parametrize("how", [HELD[0][0], HELD[1][0], HELD[2][0]])
def test_neither_do_the_settings(desk: Helpdesk, how: dict[str, Any]) -> None:
    desk.connect()
    assert "The next round is in 1 hour" in read(desk.browser("viewer"), "/crm/connections/hubspot/settings")
    desk.change(Connection, **how)
    assert "The next round is" not in read(desk.browser("viewer"), "/crm/connections/hubspot/settings")


@pytest.mark.parametrize("how", [HELD[0][0], HELD[2][0], HELD[4][0]])
def test_no_notice_says_that_it_goes_out_now_where_it_does_not(desk: Helpdesk, how: dict[str, Any]) -> None:
    view = desk.connect()
    one = desk.add_operation(view, status=FAILED, reason="invalid_record")
    desk.add_operation(view, "2", status=FAILED, reason="duplicate")
    desk.change(Connection, **how)
    browser, says = desk.browser("manager"), explain(next(code for given, code in HELD if given == how)).says
    page = told(browser, f"/crm/log/{one}/retry")
    assert f"Noted. {says}" in page
    assert "now." not in page
    page = told(browser, "/crm/log/retry-all", reason="duplicate", crm="hubspot")
    assert f"HubSpot: {says}" in page
    page = told(browser, "/crm/connections/hubspot/sync-now")
    assert says in page
    assert "on their way" not in page
    assert "Everything is up to date" not in page
