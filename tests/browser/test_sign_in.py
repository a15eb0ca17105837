"""Signing in, in a real Chromium: its rules on where forms may lead are stricter than any HTTP client's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from flask_crm_sync.config import Settings
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync.connections import find_connection
from flask_crm_sync.sync.push import drain
from tests.browser.chromium import fits, in_chromium, read_whole
from tests.web.helpdesk import OURS, Client, Helpdesk, open_helpdesk

pytestmark = in_chromium


@dataclass
class Place:
    """A helpdesk that is served, and the sandbox beside it."""

    desk: Helpdesk
    sandbox: Sandbox
    origin: str


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    origin = f"http://127.0.0.1:{server.port}"
    with Sandbox(tmp_path / "sandbox", keep=False) as sandbox:
        settings = Settings(
            encryption_keys=(b"k" * 32,),
            sandbox_url=sandbox.url,
            sandbox_ca=str(sandbox.ca_file),
            public_url=origin,
            hubspot_client_id="sandbox-client-id",
            hubspot_client_secret="sandbox-client-secret",
        )
        desk = open_helpdesk(tmp_path, settings=settings, real_crm=True)
        server.app = read_whole(desk.app)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield Place(desk, sandbox, origin)
        server.shutdown()
        thread.join()
        server.server_close()


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


def go_by_key(page: Page) -> None:
    """Unfold the way by keys on HubSpot's card, as somebody does whose app is no longer to be signed in to."""
    page.get_by_text("Connect again, or with another key").first.click()
    page.locator("#crmsync-card-hubspot").get_by_text("Connect with API keys").click()
    page.get_by_label("Service key or token").fill("pat-na1-sandbox")
    page.get_by_role("button", name="Test and save").first.click()


def break_the_crm(page: Page, place: Place) -> None:
    """Have HubSpot refuse one client, from the sandbox's panel."""
    panel = page.context.new_page()
    panel.goto(f"{place.sandbox.url}/_sandbox/faults")
    panel.get_by_text("reject_matching").click()
    panel.locator("#reject_matching-crm").select_option("hubspot")
    panel.locator("#reject_matching-text").fill("Quist")
    panel.locator("#reject_matching-times").fill("")
    panel.locator("form", has=panel.locator("input[value=reject_matching]")).get_by_role("button", name="Add").click()
    expect(panel.get_by_role("cell", name="reject_matching")).to_be_visible()
    panel.close()


def mend_the_crm(page: Page, place: Place) -> None:
    """Have it take everything again."""
    panel = page.context.new_page()
    panel.goto(f"{place.sandbox.url}/_sandbox/faults")
    panel.get_by_role("button", name="Remove all").click()
    panel.close()


def work(place: Place) -> None:
    """Do what a worker does when it is rung for."""
    drain(place.desk.sync, find_connection(place.desk.sync, OURS, "hubspot").id)


def test_a_whole_life(page: Page, place: Place) -> None:
    page.set_default_timeout(8000)
    page.goto("/crm/")
    sign_in(page)
    page.get_by_role("button", name="Connect app").click()
    page.wait_for_url(f"{place.origin}/crm/")
    go_by_key(page)
    expect(page.get_by_role("status").first).to_contain_text("Connected to")

    page.locator("#crmsync-card-hubspot").get_by_role("link", name="Settings").click()
    page.get_by_label("Update interval in minutes").fill("15")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved.")

    break_the_crm(page, place)
    place.desk.add_client(1)
    place.desk.change(Client, email="ada.quist@example.com", updated_at=datetime.now(UTC).replace(tzinfo=None))
    page.goto("/crm/")
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("status").first).to_contain_text("1 entry is on its way.")
    work(place)

    page.goto("/crm/log?status=failed")
    page.get_by_role("link", name="New lead number 1: details").click()
    expect(page.get_by_role("heading", name="What to do")).to_be_visible()
    expect(page.get_by_text("HubSpot's own words")).to_be_visible()
    mend_the_crm(page, place)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status").first).to_contain_text("It is tried again now.")
    work(place)
    page.reload()
    expect(page.get_by_text("A new record was made in HubSpot.")).to_be_visible()
    assert len(place.sandbox.hubspot.contacts()) == 1

    page.goto("/crm/")
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("status").first).to_contain_text("HubSpot is disconnected")
