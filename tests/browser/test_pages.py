"""The pages in a real Chromium: connect to the sandbox, test, watch the log, settle an entry; desktop and phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from flask_crm_sync.config import Settings
from flask_crm_sync.models import Operation
from flask_crm_sync.models.operation import ADD_NOTE, FAILED, SKIPPED, SUCCESS
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync import reasons
from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.connections import find_connection
from tests.browser.chromium import SIZES, fits, in_chromium, served
from tests.web.helpdesk import OURS, Client, Helpdesk, open_helpdesk

KEY = "pat-na1-sandbox"

pytestmark = in_chromium


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Helpdesk]:
    with Sandbox(tmp_path / "sandbox", keep=False) as sandbox:
        settings = Settings(encryption_keys=(b"k" * 32,), sandbox_url=sandbox.url, sandbox_ca=str(sandbox.ca_file))
        yield open_helpdesk(tmp_path, settings=settings, real_crm=True)


@pytest.fixture
def origin(desk: Helpdesk) -> Iterator[str]:
    with served(desk) as address:
        yield address


@pytest.fixture(params=SIZES)
def page(chromium: Browser, origin: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Return a page of the given size, logged in as a manager; whatever the browser complains of fails the test."""
    context = chromium.new_context(base_url=origin, viewport=SIZES[request.param])
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda told: complaints.append(told.text) if told.type == "error" and "422" not in told.text else None,
    )
    page.goto("/login-as/1")
    yield page
    context.close()
    assert complaints == []


def connect(page: Page, key: str = KEY) -> None:
    """Unfold the way by keys on HubSpot's card, where it is folded, and connect."""
    label = page.get_by_label("Service key or token")
    if not label.is_visible():
        page.locator("#crmsync-card-hubspot").get_by_text("Connect with API keys").click()
    label.fill(key)
    page.get_by_role("button", name="Connect HubSpot").click()


def fill_log(desk: Helpdesk) -> None:
    view = find_connection(desk.sync, OURS, "hubspot")
    desk.add_client(1, name="Ада Квист-Вайнштейн")
    desk.add_client(2, name="Bartholomäus von Wolkenstein-Rodenegg zu Trostburg")
    desk.add_client(3, name="نور حداد")
    desk.add_operation(view, "1", status=SUCCESS, details={"created": True})
    desk.add_operation(view, "2", status=FAILED, reason="invalid_record", crm_message="Property values were not valid")
    desk.add_operation(view, "3", kind=ADD_NOTE, reason=reasons.WAITING_FOR_CLIENT)
    desk.add_operation(view, "9", status=SKIPPED, reason=reasons.NO_CONTACT_DETAILS)
    candidates = [{"id": "77", "label": "Record 77", "by": "email", "url": "https://app.example.com/contacts/77"}]
    desk.add_operation(view, "3", status=FAILED, reason="ambiguous_match", details={"candidates": candidates})


def test_connecting_testing_and_disconnecting(page: Page) -> None:
    page.goto("/crm/")
    connect(page, "pat-na1-wrong")
    expect(page.get_by_role("alert").first).to_contain_text("The CRM does not accept the key or token.")
    expect(page.get_by_label("Service key or token")).to_have_value("")
    page.get_by_label("Service key or token").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Connected to")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("status").first).to_contain_text("The connection works")
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("status").first).to_contain_text("up to date")
    assert fits(page)
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("status").first).to_contain_text("HubSpot is disconnected")


def test_the_log_refreshes_itself_and_an_entry_can_be_settled(page: Page, desk: Helpdesk) -> None:
    page.goto("/crm/")
    connect(page)
    page.goto("/crm/log")
    expect(page.get_by_text("Nothing has happened yet.")).to_be_visible()
    fill_log(desk)
    expect(page.get_by_role("row")).to_have_count(6, timeout=15_000)
    assert fits(page)
    page.get_by_role("link", name="New lead number 5: details").click()
    page.get_by_label("It is Record 77").check()
    page.get_by_role("button", name="Do this").click()
    expect(page.get_by_role("status").first).to_contain_text("It is carried out now.")
    assert desk.operation(5).decision == "use:77"
    assert fits(page)


def test_settings_are_changed_and_catching_up_is_watched(page: Page, desk: Helpdesk) -> None:
    page.goto("/crm/")
    connect(page)
    for number in range(1, 5):
        desk.add_client(number)
    desk.change(Client, email="somebody@example.com")
    page.locator("#crmsync-card-hubspot").get_by_role("link", name="Settings").click()
    page.get_by_label("Update interval in minutes").fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Type a whole number of minutes from 5 to 1,440.")).to_be_visible()
    expect(page.get_by_label("Update interval in minutes")).to_be_focused()
    page.get_by_label("Update interval in minutes").fill("15")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Saved.")
    page.get_by_role("button", name="Catch up now").click()
    expect(page.get_by_role("progressbar", name="Catching up with your clients")).to_be_visible()
    assert fits(page)
    catch_up(desk.sync)
    desk.change(Operation, status=SUCCESS, pending_key=None, due_at=None)
    expect(page.get_by_role("progressbar", name="Done")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("4 of 4")).to_be_visible()


def test_a_keyboard_goes_on_from_what_a_form_has_come_to(page: Page) -> None:
    page.goto("/crm/")
    connect(page)
    for button, told in [("Pause", "Paused."), ("Resume", "Resumed."), ("Test connection", "The connection works")]:
        page.locator("#crmsync-card-hubspot").get_by_role("button", name=button).focus()
        page.keyboard.press("Enter")
        notice = page.get_by_role("status").filter(has_text=told)
        expect(notice).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("main a").first).to_be_focused()


def test_catching_up_is_stopped_from_the_card(page: Page, desk: Helpdesk) -> None:
    page.goto("/crm/")
    connect(page)
    desk.add_client(1)
    desk.change(Client, email="somebody@example.com")
    page.goto("/crm/connections/hubspot/settings")
    page.get_by_role("button", name="Catch up now").click()
    page.goto("/crm/")
    assert fits(page)
    page.get_by_role("button", name="Stop this").click()
    expect(page.get_by_role("status").first).to_contain_text("Stopped.")
    assert not catch_up(desk.sync)
    page.goto("/crm/")
    expect(page.get_by_role("button", name="Stop this")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_overview_shows_the_day_in_pictures_with_their_numbers(
    page: Page, desk: Helpdesk, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto("/crm/overview")
    expect(page.get_by_text("No CRM is connected yet.")).to_be_visible()
    page.goto("/crm/")
    connect(page)
    fill_log(desk)
    desk.change(Operation, settled_at=desk.sync.clock.now())
    page.goto("/crm/overview")
    expect(page.get_by_role("img", name="Entries settled in each hour")).to_be_visible()
    page.get_by_text("The numbers as a table").click()
    expect(page.get_by_role("columnheader", name="Failed")).to_be_visible()
    assert fits(page)


def test_the_pages_work_without_scripts(chromium: Browser, origin: str, desk: Helpdesk) -> None:
    context = chromium.new_context(base_url=origin, java_script_enabled=False)
    page = context.new_page()
    page.goto("/login-as/1")
    page.goto("/crm/")
    connect(page)
    fill_log(desk)
    page.goto("/crm/log")
    page.get_by_role("link", name="Failed").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("link", name="New lead number 2: details").click()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status").first).to_contain_text("It is tried again now.")
    context.close()
