"""In a real browser: its own language and time zone, and German words on a small screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import SIZES, fits, in_chromium, served
from tests.browser.guide_desk import lived_in
from tests.browser.states import STATES, full, unfold

pytestmark = in_chromium

WIDTHS = [320, 390, 780, 900, 1030]
"""What WCAG asks for (1.4.10), the phone, and either side of where menus and tables change their shape."""

CUT_OFF = """[...document.querySelectorAll('.crmsync nav, .crmsync header, .crmsync form')]
  .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1).map(one => one.className)"""
"""What shows a part of its content only."""


@pytest.fixture
def german(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """Return a phone in Vienna, logged in to a helpdesk with everything in it."""
    with served(full(tmp_path)) as origin:
        context = chromium.new_context(
            locale="de-AT", timezone_id="Europe/Vienna", viewport=SIZES["phone"], base_url=origin
        )
        page = context.new_page()
        page.goto("/login-as/1")
        yield page
        context.close()


def test_the_browser_tells_its_language_at_once_and_its_zone_for_the_next_page(german: Page) -> None:
    german.goto("/crm/log/2")
    assert german.locator("html").get_attribute("lang") == "de"
    assert "22.11.2026, 14:00:00 UTC" in german.locator("main").inner_text()
    german.goto("/crm/log/2")
    assert "22.11.2026, 15:00:00 MEZ" in german.locator("main").inner_text()


def test_what_the_criteria_found_is_german_also_after_a_review(chromium: Browser, tmp_path: Path) -> None:
    with served(lived_in(tmp_path)) as origin:
        page = chromium.new_page(locale="de", base_url=origin)
        page.goto("/login-as/1")
        page.goto("/crm/conversations/1")
        said = page.locator("section", has=page.get_by_role("heading", name="Standardsatz")).inner_text()
        page.close()
    assert "Kam vor: “i want to book”" in said
    assert "The criterion" not in said


def test_german_words_fit_on_phones_tablets_and_small_laptops(german: Page) -> None:
    wide = []
    for path in dict.fromkeys(state.path for state in STATES if state.desk == "full"):
        german.goto(path)
        unfold(german)
        for width in WIDTHS:
            german.set_viewport_size({"width": width, "height": 844})
            if not fits(german):
                wide.append(f"{path} at {width}")
            wide += [f"{path} at {width}: {cut}" for cut in german.evaluate(CUT_OFF)]
    assert wide == []
