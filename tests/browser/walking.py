"""What the walks beside the sandbox share: a manager, what they press and read, and people's edits on either side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from playwright.sync_api import Browser, Locator, Page, expect

from flask_crm_sync.models import Link
from flask_crm_sync.models.change import CLIENT
from flask_crm_sync.models.link import ACTIVE
from flask_crm_sync.sync.connections import connect_account
from flask_crm_sync.sync.now import sync_now
from tests.browser.chromium import fits, logged_in
from tests.browser.place import Place
from tests.browser.words import Words
from tests.web.helpdesk import OURS, Client

KEYS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "hubspot": ("token", {"token": "pat-na1-sandbox"}),
    "salesforce": (
        "client_credentials",
        {
            "client_id": "sandbox-client-id",
            "client_secret": "sandbox-client-secret",
            "instance_url": "https://sandbox.my.salesforce.com",
        },
    ),
    "autochat": (
        "api_key",
        {"api_key": "ac-sandbox-key", "base_url": "https://sandbox.supabase.co/functions/v1/crm-api/v1"},
    ),
}
"""How the helpdesk is connected to each sandbox CRM: the way, and what is typed in."""


@dataclass(frozen=True)
class Visit:
    """Who comes: to which CRM, before which screen, in which colours and language."""

    crm: str
    label: str
    size: str
    scheme: Literal["light", "dark"]
    locale: str

    @property
    def name(self) -> str:
        """Return what the visit is called in a test's name."""
        return f"{self.crm}-{self.size}-{self.scheme}-{self.locale}"


@dataclass
class Walk:
    """A manager's visit to a helpdesk whose first client has a record in the CRM."""

    page: Page
    words: Words
    place: Place
    visit: Visit

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
        """Find the page in the reader's language, and no wider than the screen."""
        assert self.page.locator("html").get_attribute("lang") == self.visit.locale[:2]
        assert fits(self.page)

    def opens_from_the_card(self, text: str) -> None:
        """Open one of the connection's pages where people find it."""
        self.page.goto("/crm/")
        self.follow(text, self.card)

    def looks_now(self) -> None:
        """Have both sides looked at, as people do who cannot wait after an edit here."""
        self.page.goto("/crm/")
        self.press("Sync now")
        expect(self.page.locator(".crmsync-notice.crmsync-good")).to_be_visible()
        self.work()

    def work(self) -> None:
        """Do what a worker does when it is rung for."""
        self.place.work(self.visit.crm)

    @property
    def card(self) -> Locator:
        """Return the connection's card."""
        return self.page.locator(f"#crmsync-card-{self.visit.crm}")

    def edits_there(self, name: str, value: str, of: int = 1) -> None:
        """Edit a client's record as a person in the CRM, on the sandbox's panel."""
        panel = self.page.context.new_page()
        panel.goto(f"{self.place.sandbox.url}/_sandbox/{self.visit.crm}/contacts/{self.record(of)['id']}")
        panel.get_by_text("Edit as a person in the CRM").click()
        field = panel.locator("[name=name]")
        if self.visit.crm == "autochat":
            field.select_option(name)
        else:
            field.fill(name)
        panel.get_by_label("Value (blank clears)").fill(value)
        panel.get_by_role("button", name="Save").click()
        expect(panel.get_by_role("cell", name=value, exact=True)).to_be_visible()
        panel.close()

    def edits_here(self, of: int = 1, **values: str) -> None:
        """Edit a client in the helpdesk."""
        now = datetime.now(UTC).replace(tzinfo=None)
        with self.place.desk.sync.database.write() as database:
            database.execute(sa.update(Client).where(Client.id == of).values(updated_at=now, **values))

    def client(self, number: int = 1) -> Any:
        """Return a client as the helpdesk has them."""
        with self.place.desk.sync.database.read() as database:
            return database.execute(sa.select(Client.__table__).where(Client.id == number)).one()

    def record(self, of: int = 1) -> dict[str, Any]:
        """Return a client's record as the CRM has it: the linked one, else the only one with their address."""
        linked, email = self._linked(of), self.client(of).email
        (found,) = [
            row for row in self.records() if (row["id"] == linked if linked else values_of(row).get("email") == email)
        ]
        return found

    def _linked(self, of: int) -> str | None:
        own = sa.and_(Link.subject_type == CLIENT, Link.subject_id == str(of), Link.state == ACTIVE)
        with self.place.desk.sync.database.read() as database:
            return database.execute(sa.select(Link.remote_id).where(own)).scalar()

    def there(self, name: str, of: int = 1) -> str:
        """Return what the CRM has in a field of a client's record, "" for nothing."""
        return str(self.record(of)["properties"].get(name) or "")

    def records(self) -> list[dict[str, Any]]:
        """Return what the CRM has of clients and has not deleted."""
        return [row for row in self.place.records(self.visit.crm) if not row["archived"]]


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's values, by names in small letters, as not every CRM writes them alike."""
    return {name.lower(): value for name, value in row["properties"].items()}


def begin(place: Place, crm: str) -> None:
    """Connect the helpdesk to a CRM, and let its first client get a record there."""
    place.sandbox.hubspot.dialect.search_lag_ms = 0
    way, keys = KEYS[crm]
    connect_account(place.desk.sync, OURS, crm, way, dict(keys))
    place.client_comes(1, "Ada", "Weinstein")
    sync_now(place.desk.sync)
    place.work(crm)


@contextmanager
def visiting(chromium: Browser, place: Place, visit: Visit) -> Iterator[Walk]:
    """Log a manager in; whatever their browser complains of, but for a form that is refused, is an error."""
    with logged_in(chromium, place.origin, visit.size, visit.scheme, visit.locale) as page:
        yield Walk(page, Words(visit.locale), place, visit)
