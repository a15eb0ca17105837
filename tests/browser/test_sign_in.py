"""Signing in, in a real Chromium: its rules on where forms may lead are stricter than any HTTP client's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from flask_crm_sync.sync.connections import find_connection
from tests.browser.chromium import fits, in_chromium
from tests.browser.place import Place, beside_the_sandbox
from tests.web.helpdesk import OURS

pytestmark = in_chromium


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with beside_the_sandbox(tmp_path) as place:
        yield place


@pytest.fixture
def page(chromium: Browser, place: Place) -> Iterator[Page]:
    """Return a page in our own frame, whose policy names where forms may lead; complaints of the browser fail."""
    context = chromium.new_context(base_url=place.origin, ignore_https_errors=True)  # the sandbox's own authority
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda told: complaints.append(told.text) if "Security Policy" in told.text else None)
    page.goto("/login-as/1")
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page) -> None:
    """Unfold the way by OAuth on HubSpot's card and go to the CRM."""
    page.locator("#crmsync-card-hubspot").get_by_text("Connect with OAuth").click()
    page.get_by_role("button", name="Sign in with HubSpot").click()


def test_a_person_signs_in_and_is_connected(page: Page, place: Place) -> None:
    page.goto("/crm/")
    sign_in(page)
    expect(page.get_by_role("heading", name="Connect Sandbox app to HubSpot")).to_be_visible()
    page.get_by_role("button", name="Connect app").click()
    page.wait_for_url(f"{place.origin}/crm/")
    expect(page.get_by_text("Connected to Portal 1234567.")).to_be_visible()
    assert find_connection(place.desk.sync, OURS, "hubspot").auth_method == "oauth"
    page.get_by_role("button", name="Diagnose").click()
    expect(page.get_by_role("heading", name="Diagnosis of HubSpot")).to_be_visible()
    expect(page.get_by_text("crm_sync_client_key")).to_be_visible()
    assert fits(page)


def test_a_person_who_says_no_reads_why_nothing_is_connected(page: Page) -> None:
    page.goto("/crm/")
    sign_in(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The CRM was not given permission")).to_be_visible()


def test_a_person_is_asked_before_moving_to_another_portal(page: Page, place: Place) -> None:
    place.sandbox.hubspot.add_portal(7654321, name="Another portal")
    for portal in ("1234567", "7654321"):
        page.goto("/crm/")
        if page.get_by_text("Connect again").count():
            page.get_by_text("Connect again").click()
        sign_in(page)
        page.get_by_label("Account").select_option(portal)
        page.get_by_role("button", name="Connect app").click()
    page.get_by_role("button", name="Move to Portal 7654321").click()
    expect(page.get_by_text("Connected to Portal 7654321.")).to_be_visible()
