"""Erasing a client from its page: asked, receipted, lifted."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import AuditEntry, Connection, Receipt
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.connections import ConnectionView, disconnect
from flask_crm_sync.sync.erasure import erase_client, erasures
from tests.web.helpdesk import OURS, THEIRS, Helpdesk
from tests.web.test_page_access import token_of


@pytest.fixture
def view(desk: Helpdesk) -> ConnectionView:
    desk.add_client(1)
    return desk.connect()


def post(desk: Helpdesk, url: str) -> Any:
    browser = desk.browser("manager")
    return browser, browser.post(url, data={"csrf_token": token_of(browser)})


def newest(desk: Helpdesk) -> Any:
    return erasures(desk.sync, OURS).erasures[0]


def settle(desk: Helpdesk, **values: Any) -> None:
    with desk.sync.database.write() as database:
        database.execute(sa.update(Receipt).values(settled_at=desk.clock.now(), **values))


def test_the_clients_page_leads_managers_to_a_question(desk: Helpdesk, view: ConnectionView) -> None:
    assert "/crm/clients/1/erase" in desk.browser("manager").get("/crm/clients/1").text
    assert "/crm/clients/1/erase" not in desk.browser("viewer").get("/crm/clients/1").text
    asked = desk.browser("manager").get("/crm/clients/1/erase").text
    assert "This cannot be undone." in asked
    assert "Ada Quist" in asked
    assert erasures(desk.sync, OURS).erasures == ()


def test_it_is_owed_and_the_receipt_waits(desk: Helpdesk, view: ConnectionView) -> None:
    browser, answer = post(desk, "/crm/clients/1/erase")
    shown = browser.get(answer.location).text
    assert "The erasure is under way." in shown
    assert "HubSpot: Waits" in shown
    assert desk.wakes.count == 1
    with desk.sync.database.read() as database:
        (told,) = database.execute(sa.select(AuditEntry.__table__).where(AuditEntry.action == "erase"))
    assert (told.user_id, told.subject_id) == ("1", "1")
    assert "Client erased" in desk.browser("manager").get("/crm/audit").text


@pytest.mark.parametrize(
    ("held", "says", "to_do"),
    [
        ({"enabled": False}, "The sync was switched off for this connection.", "Switch it on"),
        ({"paused": True}, "The connection is paused, so the work waits.", "Resume the connection"),
    ],
)
def test_a_receipt_that_waits_says_for_what_and_what_to_do(
    desk: Helpdesk, view: ConnectionView, held: dict[str, bool], says: str, to_do: str
) -> None:
    erase_client(desk.sync, OURS, "1")
    desk.change(Connection, **held)
    page = f"/crm/erasures/{newest(desk).id}"
    shown = desk.browser("manager").get(page).text
    assert says in shown
    assert to_do in shown
    (told,) = (desk.browser("manager").get(f"{page}.json").json or {})["receipts"]
    assert (told["how"], told["says"]) == ("waiting", says)
    assert told["to_do"].startswith(to_do)


def test_a_receipt_says_what_is_left_to_do_by_hand(desk: Helpdesk, view: ConnectionView) -> None:
    erase_client(desk.sync, OURS, "1")
    records = [["77", "https://app.example.com/contacts/77"], ["78", "javascript:alert(1)"]]
    settle(desk, how="by_hand", says="Remove the record there.", records=records, notes=2)
    shown = desk.browser("manager").get(f"/crm/erasures/{newest(desk).id}").text
    for text in ("To be done by hand", "Remove the record there.", "Record 77", "2 notes went along"):
        assert text in shown
    assert "javascript:" not in shown


def test_the_receipt_for_machines(desk: Helpdesk, view: ConnectionView) -> None:
    erase_client(desk.sync, OURS, "1")
    settle(desk, how="deleted", says="Gone.", notes=1)
    answer = desk.browser("manager").get(f"/crm/erasures/{newest(desk).id}.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    told = answer.json or {}
    assert (told["client"], told["done"]) == ("1", True)
    assert [(one["crm"], one["how"], one["notes"]) for one in told["receipts"]] == [("hubspot", "deleted", 1)]


def test_a_disconnected_crm_has_its_receipt_at_once(desk: Helpdesk, view: ConnectionView) -> None:
    disconnect(desk.sync, OURS, "hubspot")
    browser, answer = post(desk, "/crm/clients/1/erase")
    assert "HubSpot: Nothing was there" in browser.get(answer.location).text


def test_a_manager_lifts_it(desk: Helpdesk, view: ConnectionView) -> None:
    erase_client(desk.sync, OURS, "1")
    shown = desk.browser("manager").get("/crm/clients/1").text
    assert "This person was erased" in shown
    browser, answer = post(desk, f"/crm/erasures/{newest(desk).id}/lift")
    assert "The erasure was lifted" in browser.get(answer.location).text
    assert "This person was erased" not in desk.browser("manager").get("/crm/clients/1").text
    assert "Lifted" in desk.browser("manager").get("/crm/erasures").text


def test_the_list_is_the_accounts_own_and_goes_on(desk: Helpdesk, view: ConnectionView) -> None:
    assert "Nobody was erased yet." in desk.browser("manager").get("/crm/erasures").text
    desk.add_client(2, 2, "Some Body")
    erase_client(desk.sync, THEIRS, "2")
    for _ in range(51):  # all of one instant
        erase_client(desk.sync, OURS, "1")
    browser = desk.browser("manager")
    first = browser.get("/crm/erasures").text
    assert first.count("Client 1<") == 50
    assert "Client 2<" not in first
    older = first.partition("before=")[2].partition('"')[0]
    assert browser.get(f"/crm/erasures?before={older}").text.count("Client 1<") == 1


def test_lists_cost_no_query_a_row(desk: Helpdesk, view: ConnectionView) -> None:
    def cost() -> int:
        browser = desk.browser("manager")
        with desk.statements() as seen:
            browser.get("/crm/erasures")
        return len(seen)

    erase_client(desk.sync, OURS, "1")
    one = cost()
    for _ in range(20):
        erase_client(desk.sync, OURS, "1")
    assert cost() == one


def test_the_log_shows_erasures_with_their_reason(desk: Helpdesk, view: ConnectionView) -> None:
    desk.add_operation(view, "1", kind="erase", status="success", reason=reasons.ERASE_BY_HAND)
    shown = desk.browser("manager").get("/crm/log?kind=erase").text
    assert "Erasure" in shown
