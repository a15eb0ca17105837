"""Why / why not: the page of a client, and the panel on the host's own page."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import render_template_string
from flask_login import login_user

from flask_crm_sync.models import Base, Connection, Link
from flask_crm_sync.models.operation import FAILED, UPDATE_CONTACT
from tests.web.helpdesk import OURS, Client, Helpdesk, User, db, open_helpdesk
from tests.web.test_crm_pages import plain, read


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    desk = open_helpdesk(tmp_path)
    desk.add_client(1)
    desk.add_client(2, 2, "Some Body")
    desk.change(Client, email="ada.quist@example.com")
    return desk


def panel(desk: Helpdesk, client: object, who: int | None = 2) -> str:
    """Return what the host's own page shows for a user."""
    with desk.app.test_request_context("/clients/1"):
        if who is not None:
            login_user(db.session.get(User, who))
        if isinstance(client, Client):
            client = db.session.get(Client, client.id)
        return render_template_string("<p>{{ crm_sync_panel(client) }}</p>", client=client)


def link(desk: Helpdesk, url: str) -> None:
    view, now = desk.connect(), desk.clock.now()
    row = {"connection_id": view.id, "subject_type": "client", "subject_id": "1", "state": "active"}
    where = {"remote_type": "contact", "remote_id": "501", "remote_url": url}
    with desk.sync.database.write() as database:
        database.execute(sa.insert(Link).values(row | where | {"created_at": now, "updated_at": now}))


def test_the_page_says_as_which_record_and_leads_there(desk: Helpdesk) -> None:
    link(desk, "https://crm.example.com/501")
    page = desk.browser("viewer").get("/crm/clients/1").text
    assert 'href="https://crm.example.com/501"' in page
    assert "HubSpot Synced linked just now" in plain(page)


def test_only_an_update_that_waits_is_said_to_wait(desk: Helpdesk) -> None:
    link(desk, "https://crm.example.com/501")
    desk.change(Connection, qualified_only=True)
    page = read(desk.browser("viewer"), "/crm/clients/1")
    assert "no conversation of this client is qualified" in page
    assert "An update waits" not in page
    desk.add_operation(desk.connect(), kind=UPDATE_CONTACT)
    desk.change(Connection, paused=True)
    assert "An update waits: The connection is paused" in read(desk.browser("viewer"), "/crm/clients/1")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://crm.example.com/1", "", "//crm.example.com"])
def test_only_https_is_a_link_to_a_record(desk: Helpdesk, url: str) -> None:
    link(desk, url)
    page = desk.browser("viewer").get("/crm/clients/1").text
    assert not url or f'"{url}"' not in page
    assert "501" in page


def test_the_page_says_why_not_and_what_to_do(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), status=FAILED, reason="already_linked", crm_message="Taken already.")
    page = read(desk.browser("viewer"), "/crm/clients/1")
    assert "HubSpot Not synced" in page
    assert "HubSpot says: Taken already." in page
    assert "What happened last" in page


def test_a_client_that_cannot_be_read_is_not_said_to_be_gone(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="host_record_unreadable")
    with desk.sync.database.engine.begin() as database:
        database.execute(sa.text("UPDATE client SET updated_at = 'no time at all'"))
    browser = desk.browser("manager")
    for address in ("/crm/clients/1", "/crm/log", f"/crm/log/{number}"):
        assert "no longer here" not in read(browser, address).lower()
    page = read(browser, "/crm/clients/1")
    assert "was deleted" not in page
    assert "The client or conversation could not be read from this app." in page
    assert browser.get("/crm/clients/2").status_code == 404  # another account's, unreadable as well


def test_a_host_shows_the_panel_with_one_call(desk: Helpdesk) -> None:
    desk.connect()
    shown = plain(panel(desk, Client(id=1)))
    assert shown.startswith("In your CRMs HubSpot Not synced")
    assert shown == plain(panel(desk, "1"))
    assert shown == plain(panel(desk, 1))


def test_the_panel_is_empty_for_who_may_not_see_it(desk: Helpdesk) -> None:
    desk.connect()
    for who in (None, 3, 4):
        assert panel(desk, 1, who) == "<p></p>"
    for client in (2, "99", "no key", None, object(), "x" * 5000, "a\0b"):
        assert panel(desk, client) == "<p></p>"


def test_trouble_with_the_panel_breaks_no_page(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> bool:
        raise RuntimeError("the host's own trouble")

    monkeypatch.setattr(desk.app.extensions["crm_sync"].access, "can_view", broken)
    assert panel(desk, 1) == "<p></p>"
    assert "the panel of a client is not shown" in caplog.text


def test_the_panel_is_empty_and_silent_until_the_tables_are_made(
    desk: Helpdesk, caplog: pytest.LogCaptureFixture
) -> None:
    Base.metadata.drop_all(desk.sync.database.engine)
    assert panel(desk, 1) == "<p></p>"
    assert caplog.text == ""


def test_the_panel_escapes_everything(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_operation(view, status=FAILED, reason="<b>odd", crm_message="<script>alert(1)</script>")
    shown = panel(desk, 1)
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown


def test_a_foreign_or_missing_client_is_a_404(desk: Helpdesk) -> None:
    desk.connect(OURS)
    for client_id in ("2", "99", "x" * 300, "%00"):
        assert desk.browser("manager").get(f"/crm/clients/{client_id}").status_code == 404


def test_the_page_and_the_panel_lead_to_what_would_be_written(desk: Helpdesk) -> None:
    address = 'href="/crm/connections/hubspot/preview?client=1"'
    assert address not in desk.browser("viewer").get("/crm/clients/1").text
    desk.connect()
    page = desk.browser("viewer").get("/crm/clients/1").text
    assert address in page
    assert "See what would be written for HubSpot" in plain(page)
    assert address in panel(desk, "1")


def test_no_preview_of_a_client_who_is_gone_or_for_a_crm_that_is_disconnected(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect(), "1")
    desk.add_operation(desk.connect(), "99")
    assert "preview?client" not in desk.browser("viewer").get("/crm/clients/99").text
    desk.change(Connection, state="disconnected")
    assert "preview?client" not in desk.browser("viewer").get("/crm/clients/1").text
