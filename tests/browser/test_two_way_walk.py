"""Both ways beside the sandbox: an edit comes home, a conflict, a mapped field, a preview, a backfill, an erasure.

The same walk twice: in English at a desktop, and in German on a phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from flask_crm_sync.sync.catch_up import catch_up
from tests.browser.chromium import in_chromium
from tests.browser.place import Place, beside_the_sandbox
from tests.browser.walking import Visit, Walk, begin, visiting

pytestmark = in_chromium

CRM = "HubSpot"
TEMPLATE = "Guest {{ client.first_name | upper }}"
VISITS = [
    Visit("hubspot", CRM, "desktop", "light", "en-GB"),
    Visit("hubspot", CRM, "phone", "light", "de-AT"),
]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with beside_the_sandbox(tmp_path) as place:
        begin(place, "hubspot")
        yield place


@pytest.fixture(params=VISITS, ids=lambda visit: visit.name)
def walk(chromium: Browser, place: Place, request: pytest.FixtureRequest) -> Iterator[Walk]:
    """Return the visit; whatever the browser complains of fails the test."""
    with visiting(chromium, place, request.param) as walk:
        yield walk


def test_both_ways_from_the_switch_to_an_erasure(walk: Walk) -> None:
    switch_it_on(walk)
    see_an_edit_come_home(walk)
    decide_a_conflict(walk)
    add_a_field(walk)
    preview_a_client(walk)
    fill_in_who_was_there_before(walk)
    erase_a_client(walk)


def switch_it_on(walk: Walk) -> None:
    """Bring edits home, and have a person decide about last names."""
    walk.opens_from_the_card("Two-way sync")
    switch = walk.page.get_by_label(walk.words("Bring edits from %(crm)s here", crm=CRM))
    expect(switch).not_to_be_checked()
    switch.check()
    walk.page.locator("#crmsync-conflict-lastname").select_option(label=walk.words("a person decides"))
    walk.press("Save")
    walk.sees("Saved.")
    expect(switch).to_be_checked()


def see_an_edit_come_home(walk: Walk) -> None:
    """Let the poll find what nobody told of, and read of it in the log."""
    walk.edits_there("firstname", "Augusta")
    walk.work()
    assert walk.client().first_name == "Augusta"
    walk.page.goto("/crm/log")
    entry = walk.page.get_by_role("row").filter(has_text=walk.words("From the CRM"))
    expect(entry).to_contain_text("Augusta Weinstein")
    expect(entry).to_contain_text(walk.words("Success"))
    walk.looks()


def decide_a_conflict(walk: Walk) -> None:
    """Edit a field on both sides, see both values wait, choose the CRM's, and find both sides alike."""
    walk.edits_there("lastname", "Quist")
    walk.edits_here(last_name="Marsh")
    walk.looks_now()
    assert (walk.client().last_name, walk.there("lastname")) == ("Marsh", "Quist")
    walk.page.reload()
    waits = walk.words.of("1 conflict waits for your decision.", "%(number)s conflicts wait for your decision.", 1)
    expect(walk.card).to_contain_text(waits)
    walk.follow("Look at both values", walk.card)
    expect(walk.page.locator("label.crmsync-value").nth(0)).to_have_text(f"{walk.words('Here')}Marsh")
    theirs = walk.page.locator("label.crmsync-value").nth(1)
    expect(theirs).to_have_text(f"In {CRM}Quist")  # the same in both languages
    walk.looks()
    theirs.click()
    walk.page.get_by_role("button", name=walk.words("This one stays")).click()
    walk.sees("Thank you. It is carried out now.")
    walk.sees("Nothing waits for a decision.")
    walk.work()
    assert (walk.client().last_name, walk.there("lastname")) == ("Quist", "Quist")


def add_a_field(walk: Walk) -> None:
    """Fill a further field by a template, after a look at what that would change."""
    walk.opens_from_the_card("Field mapping")
    walk.follow("Add a field")
    walk.page.get_by_label(walk.words("Field in %(crm)s", crm=CRM)).select_option("jobtitle")
    walk.press("Next")
    walk.page.get_by_label(walk.words("A template"), exact=True).check()
    walk.page.locator("#crmsync-template").fill(TEMPLATE)
    walk.press("What would change?")
    tried = walk.page.locator("section[aria-labelledby=crmsync-h-tried]")
    expect(tried.get_by_role("heading")).to_be_focused()
    expect(tried).to_contain_text(f"{walk.words('then:')} Guest AUGUSTA")
    walk.looks()
    assert walk.there("jobtitle") == ""
    walk.press("Save")
    expect(walk.page.locator(".crmsync-mapped li", has_text="jobtitle")).to_contain_text(TEMPLATE)
    walk.looks()


def preview_a_client(walk: Walk) -> None:
    """See for one client what the mapping would write; nothing is written."""
    walk.follow("Preview one client")
    walk.page.get_by_label(walk.words("Client"), exact=True).fill("Augusta")
    walk.press("Find")
    expect(walk.page.get_by_role("heading", name=walk.words("Clients found"))).to_be_focused()
    walk.page.get_by_role("link", name="Augusta Quist").click()
    walk.sees("The record would be changed.")
    line = walk.page.get_by_role("row").filter(has_text="Guest AUGUSTA")
    expect(line).to_contain_text(walk.words("is written"))
    walk.looks()
    assert walk.there("jobtitle") == ""


def fill_in_who_was_there_before(walk: Walk) -> None:
    """Begin a backfill, see how far it is, and, without a hand, that it is done."""
    for number, first in [(2, "Marta"), (3, "Emil")]:
        walk.place.client_comes(number, first, "Novak")
    walk.opens_from_the_card("Backfill")
    walk.press("Begin")
    walk.sees("Catching up with your clients")
    assert len(walk.records()) == 1
    catch_up(walk.place.desk.sync)
    walk.work()
    run = walk.page.locator("#crmsync-run-hubspot")
    expect(run).to_contain_text(walk.words("Done"))
    expect(run.locator("progress")).to_have_attribute("value", "100")
    walk.page.reload()
    walk.sees("Every client who can be in %(crm)s is there already.", crm=CRM)
    assert len(walk.records()) == 3


def erase_a_client(walk: Walk) -> None:
    """Read what erasing does, say yes, and find the receipt and the person gone."""
    number = walk.record()["id"]
    walk.page.goto("/crm/clients/1")
    walk.follow("Erase this client from the CRMs")
    walk.sees("This cannot be undone.")
    walk.press("Erase for good")
    walk.sees("The erasure is under way. Nothing more of this client is sent.")
    walk.reads(f"{CRM}: {walk.words('Waits')}")
    walk.work()
    walk.reads(f"{CRM}: {walk.words('Deleted')}")  # without a hand
    walk.sees("The contact was deleted for good, and its notes with it.")
    assert number not in {row["id"] for row in walk.records()}
    assert len(walk.records()) == 2
