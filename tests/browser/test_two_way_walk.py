"""Both ways beside the sandbox: an edit comes home, a conflict, a mapped field, a preview, a backfill, an erasure.

The same walk twice: in English at a desktop, and in German on a phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Locator, Page, expect

from flask_crm_sync.sync.catch_up import catch_up
from flask_crm_sync.sync.now import sync_now
from tests.browser.chromium import SIZES, fits, in_chromium
from tests.browser.place import Place, beside_the_sandbox
from tests.browser.words import Words
from tests.web.helpdesk import Client

pytestmark = in_chromium

CRM = "HubSpot"
TEMPLATE = "Guest {{ client.first_name | upper }}"


@dataclass
class Walk:
    """A manager's visit to the helpdesk, whose one client has a record in the CRM."""

    page: Page
    words: Words
    place: Place

    def press(self, text: str, within: Locator | None = None) -> None:
        """Press a button of the pages."""
        (within or self.page.locator("main")).get_by_role("button", name=self.words(text), exact=True).click()

    def follow(self, text: str, within: Locator | None = None, **values: object) -> None:
        """Follow a link of the pages."""
        name = self.words(text, **values)
        (within or self.page.locator("main")).get_by_role("link", name=name, exact=True).click()

    def sees(self, text: str, **values: object) -> None:
        """Wait until the page says something."""
        self.reads(self.words(text, **values))

    def reads(self, said: str) -> None:
        """Wait until the page says something that is put together already."""
        expect(self.page.locator("main").get_by_text(said).first).to_be_visible()
        self.looks()

    def looks(self) -> None:
        """Find the page no wider than the screen, once its styles have come."""
        self.page.wait_for_load_state("load")
        assert fits(self.page)

    def opens_from_the_card(self, text: str) -> None:
        """Open one of the connection's pages where people find it."""
        self.page.goto("/crm/")
        self.follow(text, self.card)

    def looks_now(self) -> None:
        """Have both sides looked at, as people do who cannot wait after an edit here."""
        self.page.goto("/crm/")
        self.press("Sync now")
        self.reads(self.words.of("1 entry is on its way.", "%(number)s entries are on their way.", 1))
        self.place.work("hubspot")

    @property
    def card(self) -> Locator:
        """Return the connection's card."""
        return self.page.locator("#crmsync-card-hubspot")

    def edits_there(self, name: str, value: str) -> None:
        """Edit the client's record as a person in the CRM, on the sandbox's panel."""
        panel = self.page.context.new_page()
        panel.goto(f"{self.place.sandbox.url}/_sandbox/hubspot/contacts/{self.record['id']}")
        panel.get_by_text("Edit as a person in the CRM").click()
        panel.get_by_label("Property", exact=True).fill(name)
        panel.get_by_label("Value (blank clears)").fill(value)
        panel.get_by_role("button", name="Save").click()
        expect(panel.get_by_role("cell", name=value, exact=True)).to_be_visible()
        panel.close()

    def edits_here(self, **values: str) -> None:
        """Edit the client in the helpdesk."""
        now = datetime.now(UTC).replace(tzinfo=None)
        with self.place.desk.sync.database.write() as database:
            database.execute(sa.update(Client).where(Client.id == 1).values(updated_at=now, **values))

    @property
    def client(self) -> Any:
        """Return the client as the helpdesk has them."""
        with self.place.desk.sync.database.read() as database:
            return database.execute(sa.select(Client.__table__).where(Client.id == 1)).one()

    @property
    def record(self) -> dict[str, Any]:
        """Return the client's record as the CRM has it: the only one with their address."""
        (found,) = [row for row in self.place.records("hubspot") if row["properties"]["email"] == self.client.email]
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with beside_the_sandbox(tmp_path) as place:
        place.sandbox.hubspot.dialect.search_lag_ms = 0
        place.desk.connect(token="pat-na1-sandbox")
        place.client_comes(1, "Ada", "Weinstein")
        sync_now(place.desk.sync)
        place.work("hubspot")
        yield place


@pytest.fixture(params=[("desktop", "en-GB"), ("phone", "de-AT")], ids=lambda given: given[0])
def walk(chromium: Browser, place: Place, request: pytest.FixtureRequest) -> Iterator[Walk]:
    """Return the visit; whatever the browser complains of fails the test."""
    size, locale = request.param
    context = chromium.new_context(
        base_url=place.origin,
        viewport=SIZES[size],
        locale=locale,
        ignore_https_errors=True,  # the sandbox's own authority
    )
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    page.goto("/login-as/1")
    yield Walk(page, Words(locale), place)
    context.close()
    assert complaints == []


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
    walk.place.work("hubspot")
    assert walk.client.first_name == "Augusta"
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
    assert (walk.client.last_name, walk.record["properties"]["lastname"]) == ("Marsh", "Quist")
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
    walk.place.work("hubspot")
    assert (walk.client.last_name, walk.record["properties"]["lastname"]) == ("Quist", "Quist")


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
    expect(tried).to_contain_text(f"{walk.words('then:')} Guest AUGUSTA")
    walk.looks()
    assert "jobtitle" not in {name for name, value in walk.record["properties"].items() if value}
    walk.press("Save")
    expect(walk.page.locator(".crmsync-mapped li", has_text="jobtitle")).to_contain_text(TEMPLATE)
    walk.looks()


def preview_a_client(walk: Walk) -> None:
    """See for one client what the mapping would write; nothing is written."""
    walk.follow("Preview one client")
    walk.page.get_by_label(walk.words("Client"), exact=True).fill("Augusta")
    walk.press("Find")
    walk.page.get_by_role("link", name="Augusta Quist").click()
    walk.sees("The record would be changed.")
    line = walk.page.get_by_role("row").filter(has_text="Guest AUGUSTA")
    expect(line).to_contain_text(walk.words("is written"))
    walk.looks()
    assert not walk.record["properties"].get("jobtitle")


def fill_in_who_was_there_before(walk: Walk) -> None:
    """Begin a backfill, see how far it is, and, without a hand, that it is done."""
    for number, first in [(2, "Marta"), (3, "Emil")]:
        walk.place.client_comes(number, first, "Novak")
    walk.opens_from_the_card("Backfill")
    walk.press("Begin")
    walk.sees("Catching up with your clients")
    assert len(walk.place.records("hubspot")) == 1
    catch_up(walk.place.desk.sync)
    walk.place.work("hubspot")
    run = walk.page.locator("#crmsync-run-hubspot")
    expect(run).to_contain_text(walk.words("Done"))
    expect(run.locator("progress")).to_have_attribute("value", "100")
    walk.page.reload()
    walk.sees("Every client who can be in %(crm)s is there already.", crm=CRM)
    assert len(walk.place.records("hubspot")) == 3


def erase_a_client(walk: Walk) -> None:
    """Read what erasing does, say yes, and find the receipt and the person gone."""
    number = walk.record["id"]
    walk.page.goto("/crm/clients/1")
    walk.follow("Erase this client from the CRMs")
    walk.sees("This cannot be undone.")
    walk.press("Erase for good")
    walk.sees("The erasure is under way. Nothing more of this client is sent.")
    walk.reads(f"{CRM}: {walk.words('Waits')}")
    walk.place.work("hubspot")
    walk.page.reload()
    walk.reads(f"{CRM}: {walk.words('Deleted')}")
    walk.sees("The contact was deleted for good, and its notes with it.")
    assert number not in {row["id"] for row in walk.place.records("hubspot")}
    assert len(walk.place.records("hubspot")) == 2
