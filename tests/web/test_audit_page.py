"""The audit trail as a manager reads it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from flask_crm_sync.models.operation import FAILED
from flask_crm_sync.notifications.channels import Wishes
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.sync import audit
from tests.web.helpdesk import OURS, THEIRS, TOKEN, Helpdesk, open_helpdesk
from tests.web.test_crm_pages import post, read


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)


def note(desk: Helpdesk, account_id: str = OURS, action: str = audit.SETTINGS, **more: object) -> None:
    with desk.sync.database.write() as database:
        audit.record(database, account_id, action, now=desk.clock.now(), **more)  # type: ignore[arg-type]


def test_a_change_is_shown_with_before_and_after(desk: Helpdesk) -> None:
    told = {"interval_minutes": 60, "sync_notes": True}, {"interval_minutes": 15, "sync_notes": False}
    note(desk, by="1", crm="hubspot", before=told[0], after=told[1])
    page = read(desk.browser("manager"), "/crm/audit")
    assert "User 1 Settings changed HubSpot" in page
    assert "minutes between updates: before 60 → after 15" in page
    assert "notes: before yes → after no" in page


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_field_of_criteria_and_channels_is_named_in_plain_words(desk: Helpdesk, language: str) -> None:
    fields = {*Criterion("A", required=("a",)).to_json(), *(one.name for one in dataclasses.fields(Wishes))}
    note(desk, action=audit.CRITERIA, after=dict.fromkeys(fields - {"name", "set_name"}, "x"))
    browser = desk.browser("manager")
    shown = browser.get("/crm/audit", headers={"Accept-Language": language}).text
    named = re.findall(r'class="crmsync-change"><span class="crmsync-muted">([^<]*):<', shown)
    assert len(named) == len(fields) - 2
    assert {name for name in named if "_" in name or name in fields} <= {"priority", "threshold", "language"}
    assert ("guidance for the reviewer" in named) == (language == "en")


def test_what_a_criterion_and_a_channel_hold_is_told_in_words_and_where_it_is_found(desk: Helpdesk) -> None:
    held = {"mode": "all", "who": "all", "contact_fields": "email, phone", "set": "default"}
    note(desk, action=audit.CRITERIA, subject_type=audit.CRITERION, subject_id="c", after=held)
    told = {"events": "lead_qualified, review_changed", "rhythm": "daily", "quiet_from": 1320}
    note(desk, action=audit.NOTIFY, subject_type=audit.CHANNEL, subject_id="n", after=told)
    note(desk, action=audit.OVERRIDE, subject_type="conversation", subject_id="7")
    note(desk, action=audit.ERASE, subject_type="client", subject_id="12")
    page = read(desk.browser("manager"), "/crm/audit")
    for words in ("all of them", "everybody's", "e-mail, phone", "Default set", "Qualification Settings"):
        assert words in page
    assert "Client erased Client 12" in page
    for words in ("A lead qualifies, A review changes a lead", "once a day", "22:00", "Conversation 7"):
        assert words in page


def test_an_empty_trail_says_so(desk: Helpdesk) -> None:
    assert "Nobody has changed anything yet." in read(desk.browser("manager"), "/crm/audit")
    assert "Nobody did such a thing." in read(desk.browser("manager"), "/crm/audit?user=7")


def test_it_is_for_managers_of_the_account(desk: Helpdesk) -> None:
    note(desk, THEIRS, after={"state": "theirs-alone"})
    assert desk.browser("viewer").get("/crm/audit").status_code == 403
    assert "theirs-alone" not in read(desk.browser("manager"), "/crm/audit")


def test_what_was_written_by_others_is_escaped(desk: Helpdesk) -> None:
    note(desk, by="<b>1", action="<i>odd", crm="<u>", after={"<s>name": "<script>alert(1)</script>"})
    page = desk.browser("manager").get("/crm/audit").text
    for tag in ("<b>1", "<i>odd", "<u>", "<s>name", "<script>alert"):
        assert tag not in page


def test_pages_and_filters(desk: Helpdesk) -> None:
    for number in range(60):
        note(desk, subject_id=number, by="1" if number < 55 else "2")
    browser = desk.browser("manager")
    first = browser.get("/crm/audit").text
    assert ("Older" in first, "Newer" in first) == (True, False)
    assert first.count('class="crmsync-c-crm"') == 50
    assert browser.get("/crm/audit?user=2").text.count('class="crmsync-c-crm"') == 5
    assert browser.get("/crm/audit?before=11").text.count('class="crmsync-c-crm"') == 10
    assert browser.get("/crm/audit?before=nonsense&after=1e9&action=%00").status_code == 200


def test_no_secret_reaches_the_trail(desk: Helpdesk) -> None:
    browser = desk.browser("manager")
    post(browser, "/crm/connections/hubspot/connect", method="token", token=TOKEN)
    number = desk.add_operation(desk.connect(), status=FAILED, reason="invalid_record")
    post(browser, f"/crm/log/{number}/retry")
    page = browser.get("/crm/audit").text
    assert "Retried" in page
    assert TOKEN not in page
