"""A rehearsal over many conversations: it goes on slice by slice, by a button or by itself, and names what differs."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
import sqlalchemy as sa

from flask_crm_sync.qualification import trial
from flask_crm_sync.qualification.criteria import Criterion
from flask_crm_sync.qualification.store import add_criterion
from flask_crm_sync.web import rehearsed
from tests.web.helpdesk import OURS, Client, Helpdesk
from tests.web.test_crm_pages import plain, post
from tests.web.test_qualification_pages import add_conversation

WITH_EMAIL = (2, 5, 6)
URL = "/crm/qualification/rehearsal"
ALL_BY_ONE = {"name": "Says nothing", "enabled": "on", "contact_fields": ["email", "phone"]}


@pytest.fixture
def known(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a criterion's address to rehearse at: of seven conversations three qualify by it, two at a time."""
    monkeypatch.setattr(trial, "SLICE", 2)
    monkeypatch.setattr(trial, "_BATCH", 2)
    monkeypatch.setattr(rehearsed, "SECONDS", -1.0)
    for number in range(1, 8):
        desk.add_client(number)
        add_conversation(desk, number)
    with desk.sync.database.engine.begin() as connection:
        connection.execute(sa.update(Client).where(Client.id.in_(WITH_EMAIL)).values(email="ada@example.com"))
    criterion = Criterion("Says nothing", contact_fields=("email",))
    return f"{URL}?criterion={add_criterion(desk.sync, OURS, criterion).id}"


def carried(page: str) -> dict[str, list[str]]:
    """Return what the form carries to go on; nothing where it has come to its end."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(so_far|differs)" value="([^"]*)"', page):
        found.setdefault(name, []).append(html.unescape(value))
    return found


def test_it_goes_on_to_the_end_and_names_those_that_differ(desk: Helpdesk, known: str) -> None:
    browser, pages, more = desk.browser("manager"), [], dict[str, Any]()
    while not pages or more:
        pages.append(post(browser, known, **ALL_BY_ONE, **more).text)
        more = carried(pages[-1])
    assert len(pages) == 4
    assert ["Go on with the rest" in page for page in pages] == [True, True, True, False]
    assert ["hx-post" in page for page in pages] == [True, True, True, False]
    end = plain(pages[-1])
    assert "0 would have qualified; by the criteria as they are now, 3 do. 3 conversations differ." in end
    assert "7 conversations were looked at." in end
    shown = re.findall(r"Conversation (\d+) \(in a new tab\) : Qualified → becomes Pending", end)
    assert sorted(map(int, shown)) == list(WITH_EMAIL)


def test_where_scripts_run_the_part_alone_is_answered(desk: Helpdesk, known: str) -> None:
    browser = desk.browser("manager")
    first = post(browser, known, **ALL_BY_ONE).text
    again = {"csrf_token": re.findall(r'name="csrf_token" value="([^"]+)"', first)[0], **ALL_BY_ONE, **carried(first)}
    part = browser.post(known, data=again, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith("<section")
    assert "autofocus" not in part
    assert "4 conversations were looked at." in plain(part)


def test_another_criterion_begins_anew(desk: Helpdesk, known: str) -> None:
    browser = desk.browser("manager")
    so_far = carried(post(browser, known, **ALL_BY_ONE).text)
    other = post(browser, known, name="Another", enabled="on", contact_fields="phone", **so_far).text
    assert "2 conversations were looked at." in plain(other)
