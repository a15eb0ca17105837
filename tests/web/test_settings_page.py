"""The settings page: what it says, what it saves, and what it refuses."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Connection, Operation
from flask_crm_sync.sync.catch_up import catch_up
from tests.web.helpdesk import OURS, THEIRS, Client, Helpdesk
from tests.web.test_crm_pages import plain, post, read, told

PAGE = "/crm/connections/hubspot/settings"
ON = {"enabled": "on", "sync_contacts": "on", "sync_notes": "on", "interval": "60"}


def give_addresses(desk: Helpdesk, number: int) -> None:
    for client in range(1, number + 1):
        desk.add_client(client)
    desk.change(Client, email="somebody@example.com")


def test_each_setting_says_what_it_means_now(desk: Helpdesk) -> None:
    desk.connect()
    give_addresses(desk, 3)
    page = read(desk.browser("viewer"), PAGE)
    assert "3 of your 3 clients have an e-mail address or a phone number. 0 clients have a linked record now." in page
    assert "The next round is in 1 hour ." in page
    assert "An administrator of your account can change these." in page
    assert "Save" not in page


def test_one_client_is_told_of_in_the_singular(desk: Helpdesk) -> None:
    desk.connect()
    desk.add_client(1)
    desk.add_client(2)
    with desk.sync.database.write() as database:
        database.execute(sa.update(Client).where(Client.id == 1).values(email="somebody@example.com"))
    page = read(desk.browser("manager"), PAGE)
    assert "1 of your 2 clients has an e-mail address or a phone number." in page
    assert "1 of your clients has no record linked in HubSpot: it was here before you connected" in page
    desk.change(Connection, enabled=False)
    assert "Catch up on 1 client that HubSpot does not have" in read(desk.browser("manager"), PAGE)


def test_nobody_is_asked_to_catch_up_on_no_clients(desk: Helpdesk) -> None:
    desk.connect()
    desk.change(Connection, enabled=False)
    page = read(desk.browser("manager"), PAGE)
    assert "about 0 clients" not in page
    assert "Catch up on the clients that HubSpot does not have" in page


def test_saving_changes_the_connection(desk: Helpdesk) -> None:
    view = desk.connect()
    page = told(desk.browser("manager"), PAGE, enabled="on", sync_notes="on", interval="15")
    assert "Saved." in page
    stored = desk.stored(view.id)
    assert (stored.enabled, stored.sync_contacts, stored.sync_notes, stored.interval_minutes) == (True, False, True, 15)


@pytest.mark.parametrize("typed", ["", "4", "1441", "x", "1e3", "-60", "9" * 50, "٦٠"])
def test_an_impossible_interval_is_said_at_the_field_and_nothing_is_saved(desk: Helpdesk, typed: str) -> None:
    view = desk.connect()
    answer = post(desk.browser("manager"), PAGE, sync_notes="on", interval=typed)
    assert answer.status_code == 422
    assert "Type a whole number of minutes from 5 to 1,440." in plain(answer.text)
    assert 'aria-invalid="true"' in answer.text
    assert desk.stored(view.id).enabled


def test_switching_on_asks_and_catches_up(desk: Helpdesk) -> None:
    desk.connect()
    give_addresses(desk, 3)
    desk.change(Connection, enabled=False)
    browser = desk.browser("manager")
    assert "Catch up on about 3 clients that HubSpot does not have" in read(browser, PAGE)
    page = told(browser, PAGE, start="catch_up", **ON)
    assert "Clients that HubSpot lacks are on their way." in page
    assert "Catching up with your clients 0 of 3" in page
    catch_up(desk.sync)
    assert "Stop this" in read(browser, "/crm/")
    told(browser, "/crm/connections/hubspot/progress/cancel")
    with desk.sync.database.read() as database:
        assert database.execute(sa.select(sa.func.count()).select_from(Operation)).scalar() == 0


def test_starting_from_now_sets_nothing_going(desk: Helpdesk) -> None:
    desk.connect()
    give_addresses(desk, 3)
    desk.change(Connection, enabled=False)
    page = told(desk.browser("manager"), PAGE, start="now", **ON)
    assert "Catching up" not in page.replace("Catching up sends", "")
    assert not catch_up(desk.sync)


def test_a_connection_that_is_on_is_asked_nothing_and_offers_to_catch_up(desk: Helpdesk) -> None:
    desk.connect()
    give_addresses(desk, 2)
    browser = desk.browser("manager")
    page = read(browser, PAGE)
    assert "When it is switched on again" not in page
    assert "About 2 of your clients have no record linked in HubSpot" in page
    assert "2 clients are looked at." in told(browser, "/crm/connections/hubspot/catch-up")


def test_a_connection_that_is_off_is_called_so_on_its_card(desk: Helpdesk) -> None:
    desk.connect()
    desk.change(Connection, enabled=False)
    page = read(desk.browser("manager"), "/crm/")
    assert "HubSpot Switched off" in page
    assert "What happens meanwhile is not collected." in page


def test_the_bar_refreshes_itself_only_while_it_moves(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("viewer")
    assert browser.get("/crm/connections/hubspot/progress").text.strip() == ""
    give_addresses(desk, 2)
    told(desk.browser("manager"), "/crm/connections/hubspot/catch-up")
    bar = browser.get("/crm/connections/hubspot/progress").text
    assert 'hx-trigger="every 3s"' in bar
    assert 'value="0"' in bar
    assert "Stop this" not in bar
    assert "htmx.min.js" in browser.get("/crm/").text
    desk.change(Client, email="")
    catch_up(desk.sync)
    assert "hx-trigger" not in browser.get("/crm/connections/hubspot/progress").text


def test_settings_of_another_account_are_not_there(desk: Helpdesk) -> None:
    desk.connect(THEIRS)
    assert desk.browser("manager").get(PAGE).status_code == 404
    assert OURS != THEIRS
