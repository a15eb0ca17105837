"""The pages as a user meets them: what they say, what their forms do, and what they never show."""

from __future__ import annotations

import html
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from flask_crm_sync import signals
from flask_crm_sync.crm.base import Identity
from flask_crm_sync.errors import CredentialsRefused, PermissionMissing, Unreachable
from flask_crm_sync.models import Base, Connection, Heartbeat
from flask_crm_sync.models.connection import NEEDS_ATTENTION
from flask_crm_sync.models.operation import ADD_NOTE, FAILED, SKIPPED, SUCCESS
from flask_crm_sync.sync import connections, reasons
from tests.web.helpdesk import OURS, TOKEN, Helpdesk
from tests.web.test_page_access import token_of


def read(browser: FlaskClient, url: str) -> str:
    """Return a page's text as a reader has it: no tags, single blanks."""
    answer = browser.get(url)
    assert answer.status_code == 200, answer.text
    return plain(answer.text)


def plain(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def post(browser: FlaskClient, url: str, **data: Any) -> Any:
    return browser.post(url, data={"csrf_token": token_of(browser), **data})


def told(browser: FlaskClient, url: str, **data: Any) -> str:
    """Send a form, follow it, and return the page."""
    answer = post(browser, url, **data)
    assert answer.status_code == 303, answer.text
    return read(browser, answer.location)


# CRM Connection


def test_a_crm_that_is_not_connected_shows_how_to(desk: Helpdesk) -> None:
    page = read(desk.browser("manager"), "/crm/")
    assert "Not connected" in page
    assert "crm.objects.contacts.write" in page
    assert "Connect HubSpot" in page
    assert "Connect HubSpot" not in read(desk.browser("viewer"), "/crm/")


def test_who_may_look_finds_the_way_to_what_they_may_look_at(desk: Helpdesk) -> None:
    desk.connect()
    page = desk.browser("viewer").get("/crm/").text
    for place in ("settings", "two-way", "mapping", "backfill", "undo"):
        address = f"/crm/connections/hubspot/{place}"
        assert f'href="{address}"' in page
        assert desk.browser("viewer").get(address).status_code == 200
    assert "/crm/connections/hubspot/webhook" not in page
    assert "Connect again" not in page


def test_the_card_tells_what_failed_today(desk: Helpdesk) -> None:
    view = desk.connect()
    assert "in 24 hours:" not in read(desk.browser("viewer"), "/crm/")
    desk.add_operation(view, "1", status=FAILED, settled_at=desk.clock.now() - timedelta(hours=25))
    assert "in 24 hours:" not in read(desk.browser("viewer"), "/crm/")
    desk.add_operation(view, "2", status=FAILED)
    assert "Failed 2 in 24 hours: 1" in read(desk.browser("viewer"), "/crm/")


def test_connecting_says_with_what(desk: Helpdesk) -> None:
    page = told(desk.browser("manager"), "/crm/connections/hubspot/connect", method="token", token=TOKEN)
    assert "Connected to Portal 111." in page
    assert "Connected with: Service key (or an existing private app token) · Key: saved, never shown" in page
    assert desk.wakes.count == 1


def test_a_notice_is_shown_once(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    assert "Connected to Portal 111." in told(browser, "/crm/connections/hubspot/connect", method="token", token=TOKEN)
    assert "Connected to Portal 111." not in read(browser, "/crm/")


def test_a_refused_key_says_so_in_plain_words_and_in_the_crms_own(desk: Helpdesk) -> None:
    desk.portal.answers[TOKEN] = CredentialsRefused(crm_message="Authentication credentials not found.")
    answer = post(desk.browser("manager"), "/crm/connections/hubspot/connect", method="token", token=TOKEN)
    page = plain(answer.text)
    assert answer.status_code == 422
    assert "The CRM does not accept the key or token. Paste a valid key" in page
    assert "HubSpot says: Authentication credentials not found." in page


@pytest.mark.parametrize("typed", ["", "a\nb", "\N{GRINNING FACE}", "<script>alert(1)</script> x", "x" * 300_000])
def test_odd_input_is_a_message_at_the_field(desk: Helpdesk, typed: str) -> None:
    answer = post(desk.browser("manager"), "/crm/connections/hubspot/connect", method="token", token=typed)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'id="crmsync-hubspot-token-token-error"' in answer.text
    assert "<script>alert" not in answer.text
    assert len(answer.data) < 20_000


def test_ten_megabytes_are_too_much_and_said_to_be(desk: Helpdesk) -> None:
    desk.app.config["MAX_FORM_MEMORY_SIZE"] = 500_000
    answer = post(desk.browser("manager"), "/crm/connections/hubspot/connect", method="token", token="x" * 10_000_000)
    assert answer.status_code in {413, 422}
    assert "key" in plain(answer.text)


@pytest.mark.parametrize("method", ["", "nonsense", "x" * 5000])
def test_a_method_that_there_is_not_is_said_to_be_missing(desk: Helpdesk, method: str) -> None:
    answer = post(desk.browser("manager"), "/crm/connections/hubspot/connect", method=method, token=TOKEN)
    assert answer.status_code == 422


def test_a_key_of_another_portal_asks_before_it_moves(desk: Helpdesk) -> None:
    desk.connect()
    desk.portal.answers["pat-other"] = Identity("222", "Portal 222")
    browser = desk.browser("manager")
    answer = post(browser, "/crm/connections/hubspot/connect", method="token", token="pat-other")
    assert "Yes, move to Portal 222." in plain(answer.text)
    assert "linked with Portal 111" in plain(answer.text)
    moving = {"method": "token", "token": "pat-other", "replace": "on"}
    assert "Connected to Portal 222." in told(browser, "/crm/connections/hubspot/connect", **moving)


def test_the_card_says_how_things_stand(desk: Helpdesk) -> None:
    view = desk.connect()
    for number in range(3):
        desk.add_operation(view, str(number))
    desk.add_operation(view, "9", status=FAILED, reason="invalid_record")
    desk.change(Connection, last_success_at=desk.clock.now() - timedelta(minutes=5))
    page = read(desk.browser("viewer"), "/crm/")
    assert "HubSpot Connected" in page
    assert "Account Portal 111" in page
    assert "Last sync 5 minutes ago" in page
    assert "Waiting 3 oldest just now" in page
    assert "Failed 1" in page
    assert "Sync now" not in page


def test_needing_attention_says_why_and_what_to_do(desk: Helpdesk) -> None:
    desk.connect()
    values = {"state_code": "permission_missing", "state_message": "(crm.objects.contacts.write)"}
    desk.change(Connection, state=NEEDS_ATTENTION, **values)
    page = read(desk.browser("manager"), "/crm/")
    assert "Needs attention" in page
    assert "The key lacks a permission in the CRM. Give the key the missing permission" in page
    assert "HubSpot says: (crm.objects.contacts.write)" in page


def test_a_blocked_connection_says_until_when(desk: Helpdesk) -> None:
    desk.connect()
    later = desk.clock.now() + timedelta(minutes=10)
    desk.change(Connection, blocked_until=later, blocked_code="server_fault", blocked_message="Internal error")
    page = read(desk.browser("viewer"), "/crm/")
    assert "Waiting for HubSpot" in page
    assert "Next try: in 10 minutes ." in page


def test_no_worker_is_said_with_the_command_that_starts_one(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("manager")
    assert "No worker has run yet." in read(browser, "/crm/")
    with desk.sync.database.write() as database:
        at = desk.clock.now() - timedelta(hours=3)
        database.execute(sa.insert(Heartbeat).values(name="one", kind="worker", beat_at=at))
    page = read(browser, "/crm/")
    assert "No worker since 3 hours ago" in page
    assert "flask crm worker" in page
    desk.change(Heartbeat, beat_at=desk.clock.now())
    assert "No worker" not in read(browser, "/crm/")


def test_testing_tells_the_outcome(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("manager")
    assert "The connection works: Portal 111 answers." in told(browser, "/crm/connections/hubspot/test")
    desk.portal.answers[TOKEN] = Unreachable()
    assert "The CRM could not be reached." in told(browser, "/crm/connections/hubspot/test")
    desk.portal.answers[TOKEN] = PermissionMissing(permissions=["a.b.c"], crm_message="Scopes.")
    assert "HubSpot says: Scopes. (a.b.c)" in told(browser, "/crm/connections/hubspot/test")


def test_sync_now_brings_work_forward_and_wakes_a_worker(desk: Helpdesk) -> None:
    view = desk.connect()
    browser = desk.browser("manager")
    assert "Everything is up to date" in told(browser, "/crm/connections/hubspot/sync-now")
    later = desk.clock.now() + timedelta(minutes=30)
    desk.add_client(1)
    number = desk.add_operation(view, kind="update_contact", due_at=later)
    wakes = desk.wakes.count
    assert "1 entry is on its way." in told(browser, "/crm/connections/hubspot/sync-now")
    assert desk.operation(number).due_at == desk.clock.now()
    assert desk.wakes.count == wakes + 1


def test_sync_now_does_not_pretend_while_nothing_can_be_sent(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("manager")
    desk.change(Connection, paused=True)
    assert "Sync now" not in read(browser, "/crm/")
    assert "so the work waits. Resume the connection" in told(browser, "/crm/connections/hubspot/sync-now")
    assert desk.wakes.count == 0


@pytest.mark.parametrize("what", ["disconnect", "pause", "resume", "test", "diagnose", "sync-now"])
def test_what_is_pressed_on_a_page_from_before_says_where_it_stands(desk: Helpdesk, what: str) -> None:
    desk.connect()
    browser = desk.browser("manager")
    assert "HubSpot is disconnected" in told(browser, "/crm/connections/hubspot/disconnect")
    page = told(browser, f"/crm/connections/hubspot/{what}")
    assert "HubSpot is not connected (any more)." in page


def test_pausing_and_resuming(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("manager")
    assert "HubSpot Paused" in told(browser, "/crm/connections/hubspot/pause")
    assert "HubSpot Connected" in told(browser, "/crm/connections/hubspot/resume")


def test_disconnecting_says_first_what_stays(desk: Helpdesk) -> None:
    desk.connect()
    browser = desk.browser("manager")
    asked = read(browser, "/crm/connections/hubspot/disconnect")
    assert "no contact and no note is deleted" in asked
    assert connections.find_connection(desk.sync, OURS, "hubspot").is_connected
    assert "HubSpot is disconnected and its key deleted." in told(browser, "/crm/connections/hubspot/disconnect")
    assert not connections.find_connection(desk.sync, OURS, "hubspot").has_credentials


def test_whoever_listens_hears_of_each_change_of_a_connection(desk: Helpdesk) -> None:
    heard: list[str] = []

    def listen(app: object, connection: Any) -> None:
        assert app is desk.app
        heard.append(connection.state)

    with signals.connection_changed.connected_to(listen, desk.app):
        browser = desk.browser("manager")
        post(browser, "/crm/connections/hubspot/connect", method="token", token=TOKEN)
        post(browser, "/crm/connections/hubspot/disconnect")
    assert heard == ["connected", "disconnected"]


# Sync Log


def test_an_empty_log_says_what_to_do_next(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    assert "No CRM is connected yet." in read(browser, "/crm/log")
    desk.connect()
    assert "Add or edit a client, and it shows up here" in read(browser, "/crm/log")
    assert "Nothing has failed." in read(browser, "/crm/log?status=failed")
    assert "There is nothing further." in read(browser, "/crm/log?before=1")


def test_the_log_tells_each_entry_in_words(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_client(1)
    desk.add_operation(view, "1", status=FAILED, reason="ambiguous_match")
    desk.add_operation(view, "2", kind=ADD_NOTE, reason=reasons.WAITING_FOR_CLIENT)
    desk.add_operation(view, "1", status=SKIPPED, reason=reasons.NO_CONTACT_DETAILS)
    page = read(desk.browser("viewer"), "/crm/log")
    assert "Failed New lead number 1: details Ada Quist HubSpot just now Several records in the CRM" in page
    assert "Pending Note number 2: details Client 2, no longer here HubSpot just now Its client's record must" in page
    assert "neither an e-mail address nor a phone number" in page


def test_the_log_is_filtered_and_paged(desk: Helpdesk) -> None:
    view = desk.connect()
    for number in range(60):
        desk.add_operation(view, str(number), status=FAILED if number % 2 else SUCCESS)
    browser = desk.browser("viewer")
    first = browser.get("/crm/log").text
    assert "/crm/log?before=11" in first
    assert "Newer" not in first
    assert "/crm/log?after=10" in browser.get("/crm/log?before=11").text
    assert browser.get("/crm/log?status=failed").text.count('role="row"') == 31


@pytest.mark.parametrize(
    "query",
    ["before=x", "before=-1", "before=" + "9" * 19, "before=" + "9" * 500, "after=٣", "status=%00", "crm=%00%ff"],
)
def test_odd_addresses_of_the_log_are_answered(desk: Helpdesk, query: str) -> None:
    desk.add_operation(desk.connect())
    assert desk.browser("viewer").get(f"/crm/log?{query}").status_code == 200


def test_only_the_newest_page_refreshes_itself_and_it_can_be_stopped(desk: Helpdesk) -> None:
    desk.add_operation(desk.connect())
    browser = desk.browser("viewer")
    assert 'hx-get="/crm/log/rows?status=pending"' in browser.get("/crm/log?status=pending").text
    for url in ("/crm/log?live=0", "/crm/log?before=5"):
        assert "hx-get" not in browser.get(url).text
    rows = browser.get("/crm/log/rows?status=pending").text
    assert rows.count('role="row"') == 2
    assert "<html" not in rows


# One entry


def test_an_entry_tells_what_happened_and_what_to_do(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_client(1)
    details = {"fields": {"email": "is not valid"}, "request_id": "req-1", "left": {"phone": "changed in the CRM only"}}
    desk.add_operation(
        view,
        status=FAILED,
        reason="invalid_record",
        message="email: is not valid",
        crm_message="Property values were not valid",
        details=details | {"written": ["firstname", "own_field"]},
        attempts=3,
        remote_url="https://app.example.com/contacts/111/record/0-1/77",
    )
    page = read(desk.browser("manager"), "/crm/log/1")
    assert "New lead: Ada Quist Failed" in page
    assert "A value is not acceptable to the CRM." in page
    assert "HubSpot's own words Property values were not valid" in page
    assert "Correct the named field" in page
    assert "req-1" in page
    assert "Phone number : changed in the CRM only" in page or "Phone : changed in the CRM only" in page
    assert "own_field" in page
    assert "Open the record in HubSpot" in page


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://example.com/", "data:text/html,x", "//example.com"])
def test_a_link_that_leads_to_no_crm_is_not_shown(desk: Helpdesk, url: str) -> None:
    desk.add_operation(desk.connect(), remote_url=url, details={"candidates": [{"id": "7", "url": url}]})
    page = desk.browser("manager").get("/crm/log/1").text
    assert url not in page


def test_retrying_from_the_page(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="invalid_record")
    assert "It is tried again now." in told(desk.browser("manager"), f"/crm/log/{number}/retry")
    assert desk.operation(number).status == "pending"
    assert desk.wakes.count == 1


def test_choosing_a_candidate_from_the_page(desk: Helpdesk) -> None:
    details = {"candidates": [{"id": "77", "label": "Record 77", "by": "email", "url": "https://app.example.com/77"}]}
    number = desk.add_operation(desk.connect(), status=FAILED, reason="ambiguous_match", details=details)
    browser = desk.browser("manager")
    page = read(browser, f"/crm/log/{number}")
    assert "It is Record 77 has the same e-mail Look at it in HubSpot" in page
    assert "None of these: create a new one" in page
    assert "Choose one of the possibilities first." in told(browser, f"/crm/log/{number}/decide")
    assert "not among the ones" in told(browser, f"/crm/log/{number}/decide", decision="use:1")
    assert "It is carried out now." in told(browser, f"/crm/log/{number}/decide", decision="use:77")
    assert desk.operation(number).decision == "use:77"


def test_dismissing_from_the_page(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="already_linked")
    assert "Left as it is." in told(desk.browser("manager"), f"/crm/log/{number}/dismiss")
    assert "no longer" in told(desk.browser("manager"), f"/crm/log/{number}/retry")


def test_a_viewer_is_offered_nothing_to_decide(desk: Helpdesk) -> None:
    number = desk.add_operation(desk.connect(), status=FAILED, reason="ambiguous_match")
    assert "<form" not in desk.browser("viewer").get(f"/crm/log/{number}").text


# Everywhere


def test_what_clients_and_crms_call_themselves_is_only_text(desk: Helpdesk) -> None:
    nasty = '<img src=x onerror="alert(1)">'
    view = desk.connect()
    desk.add_client(1, 1, nasty)
    details = {"candidates": [{"id": nasty, "label": nasty, "values": {nasty: nasty}}], "written": [nasty]}
    details |= {"left": {nasty: nasty}, "fields": {nasty: nasty}, "history": [{"at": nasty, "code": nasty}]}
    desk.add_operation(
        view,
        status=FAILED,
        reason="ambiguous_match",
        message=nasty,
        crm_message=nasty,
        details=details,
        remote_url=nasty,
    )
    desk.change(Connection, remote_label=nasty, remote_user=nasty)
    desk.change(Connection, state=NEEDS_ATTENTION, state_code="x", state_message=nasty)
    for url in ("/crm/", "/crm/log", "/crm/log/1", "/crm/connections/hubspot/disconnect"):
        assert "<img" not in desk.browser("manager").get(url).text, url


def test_no_page_answer_or_log_line_shows_the_key(desk: Helpdesk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser = desk.browser("manager")
    url = "/crm/connections/hubspot/connect"
    answers = [post(browser, url, method="token", token=f"{TOKEN} with a blank")]
    desk.portal.answers[TOKEN] = CredentialsRefused(crm_message="No.")
    answers.append(post(browser, url, method="token", token=TOKEN))
    del desk.portal.answers[TOKEN]
    answers.append(post(browser, url, method="token", token=TOKEN))
    answers += [post(browser, f"/crm/connections/hubspot/{what}") for what in ("test", "sync-now", "pause", "resume")]
    desk.add_operation(connections.find_connection(desk.sync, OURS, "hubspot"), status=FAILED)
    answers += [
        browser.get(page) for page in ("/crm/", "/crm/log", "/crm/log/1", "/crm/connections/hubspot/disconnect")
    ]
    answers.append(post(browser, "/crm/connections/hubspot/disconnect"))
    for answer in answers:
        assert TOKEN not in answer.text
        assert TOKEN not in str(answer.headers)
    assert TOKEN not in caplog.text


def test_no_page_holds_inline_code_or_style(desk: Helpdesk) -> None:
    view = desk.connect()
    desk.add_operation(view, status=FAILED, reason="ambiguous_match", details={"candidates": [{"id": "7"}]})
    for url in ("/crm/", "/crm/log", "/crm/log/1", "/crm/connections/hubspot/disconnect"):
        page = desk.browser("manager").get(url).text
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", page), url


def test_missing_tables_name_the_command_that_makes_them(desk: Helpdesk) -> None:
    Base.metadata.drop_all(desk.sync.database.engine)
    answer = desk.browser("manager").get("/crm/")
    assert answer.status_code == 503
    assert "flask crm upgrade" in answer.text


def test_the_prefix_is_the_hosts_to_choose(tmp_path: Any) -> None:
    from dataclasses import replace

    from flask import Flask

    from flask_crm_sync import web
    from tests.web.helpdesk import open_helpdesk

    door = open_helpdesk(tmp_path).app.extensions["crm_sync"]
    app = Flask("another")
    app.extensions["crm_sync"] = door
    web.register(app, replace(door, settings=replace(door.settings, url_prefix="/admin/integrations")))
    assert "/admin/integrations/log" in {rule.rule for rule in app.url_map.iter_rules()}
