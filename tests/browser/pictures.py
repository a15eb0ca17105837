"""The pictures of the guide: of which page, in which state, which parts of it. A new page adds its line to `PICTURES`.

A picture is out of date when the parts that it shows no longer say what they said when it was taken: their accessible
text (headings, labels, values, what is ticked) is kept in the file. Letters and colours differ from one machine to the
next, and are not compared. `python -m tests.browser.guide` takes anew what is out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, FloatRect, Locator, Page, ViewportSize

from tests.browser.chromium import served
from tests.browser.guide_desk import TALK, lived_in, new
from tests.browser.guide_mapping import mapped
from tests.browser.png import small_with_text
from tests.web.helpdesk import Helpdesk

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
LARGEST = 80_000
"""Bytes that a picture may have."""

_MARGIN = 12
_BLOCKS = ".crmsync > :not(#crmsync-entry), #crmsync-entry > *"
"""The headings and cards of a page; an entry has a box around its own that looks for news."""
_ADDRESS = re.compile(r"^\s*- /url:.*\n", re.MULTILINE)


@dataclass(frozen=True)
class Picture:
    """Parts of a page (CSS selectors), after its steps. `heading` is what the guide tells the picture by."""

    name: str
    path: str
    heading: str
    parts: tuple[str, ...]
    steps: Callable[[Page], None] | None = None
    desk: str = "lived_in"
    width: int = 1240
    cut: bool = False
    """Whether the page goes on right below the last part, so that no margin is to be had there."""

    @property
    def file(self) -> Path:
        """Return where it lies."""
        return IMAGES / f"{self.name}.png"


def _unfold_the_help(page: Page) -> None:
    card = page.locator("#crmsync-card-hubspot")
    card.get_by_text("Connect with API keys").click()
    card.get_by_text("Where do I find it?").first.click()


def _open_the_failed_one(page: Page) -> None:
    page.get_by_role("row").filter(has_text="Marta Lindqvist").get_by_role("link", name="details").click()


def _open_the_ambiguous_one(page: Page) -> None:
    page.get_by_role("row").filter(has_text="Tomás Ferreira").get_by_role("link", name="details").click()


def _try_a_talk(page: Page) -> None:
    page.get_by_label("What was said").fill(TALK)
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="What they make of it").wait_for()


_HEAD, _FAILED = ".crmsync .crmsync-head", "/crm/log?status=failed&crm=hubspot"
_THIRD_FIELD = ".crmsync-rule >> nth=2"
PICTURES = [
    Picture("connection", "/crm/", "CRM Connection", (_HEAD, "#crmsync-card-salesforce", "#crmsync-card-hubspot")),
    Picture("connect", "/crm/", "HubSpot", ("#crmsync-card-hubspot",), _unfold_the_help, "new"),
    Picture("settings", "/crm/connections/hubspot/settings", "Settings of HubSpot", (".crmsync",)),
    Picture("progress", "/crm/", "Dynamics 365", ("#crmsync-card-dynamics",)),
    Picture("overview", "/crm/overview", "Overview", (_HEAD, "section[aria-labelledby=crmsync-health-hubspot]")),
    Picture("sync-log", "/crm/log", "Sync Log", (_HEAD, "#crmsync-rows tr:nth-child(9)"), cut=True),
    Picture("entry", _FAILED, "New lead: Marta Lindqvist", (".crmsync",), _open_the_failed_one),
    Picture("choice", _FAILED, "New lead: Tomás Ferreira", (_HEAD, ".crmsync-card"), _open_the_ambiguous_one),
    Picture("why", "/crm/clients/1", "Ada Weinstein", (".crmsync",)),
    Picture("qualification", "/crm/qualification", "Qualification Settings", (".crmsync",)),
    Picture(
        "try",
        "/crm/qualification/try",
        "Try the criteria",
        (_HEAD, "section[aria-labelledby=crmsync-said]"),
        _try_a_talk,
    ),
    Picture("conversation", "/crm/conversations/1", "Conversation 1", (".crmsync",)),
    Picture("notifications", "/crm/notifications", "Notifications", (".crmsync",)),
    Picture(
        "preferences",
        "/crm/notifications/preferences",
        "Notification preferences",
        (_HEAD, ".crmsync-channels >> nth=1"),
    ),
    Picture(
        "two-way", "/crm/connections/hubspot/two-way", "Two-way sync with HubSpot", (_HEAD, _THIRD_FIELD), cut=True
    ),
    Picture("conflicts", "/crm/conflicts", "Conflicts", (".crmsync",)),
    Picture("mapping", "/crm/connections/hubspot/mapping", "Field mapping for HubSpot", (".crmsync",), desk="mapped"),
    Picture(
        "preview", "/crm/connections/hubspot/preview?client=1", "Preview for HubSpot", (".crmsync",), desk="mapped"
    ),
    Picture("backfill", "/crm/connections/hubspot/backfill", "Backfill of HubSpot", (".crmsync",)),
    Picture("erase", "/crm/clients/1/erase", "Erase Ada Weinstein?", (".crmsync",)),
    Picture("phone", "/crm/log", "Sync Log", (_HEAD, "#crmsync-rows tr:nth-child(3)"), width=390, cut=True),
]
"""In the order of the guide. Where several parts are named, everything from the first to the last is in the picture."""

_DESKS: Mapping[str, Callable[[Path], Helpdesk]] = {"lived_in": lived_in, "new": new, "mapped": mapped}


class Studio:
    """Where pictures are taken: each helpdesk is opened and served when its first picture is wanted."""

    def __init__(self, chromium: Browser, directory: Path, stack: ExitStack) -> None:
        self._chromium, self._directory, self._stack = chromium, directory, stack
        self._contexts: dict[str, BrowserContext] = {}

    @contextmanager
    def sees(self, picture: Picture) -> Iterator[Page]:
        """Yield the page of a picture, ready to be taken."""
        page = self._context(picture.desk).new_page()
        page.set_viewport_size(ViewportSize(width=picture.width, height=800))
        page.set_default_timeout(10_000)
        answer = page.goto(picture.path)
        assert answer is not None
        assert answer.ok, f"{picture.path}: {answer.status}"
        if picture.steps is not None:
            picture.steps(page)
        yield page
        page.close()

    def _context(self, desk: str) -> BrowserContext:
        if desk not in self._contexts:
            directory = self._directory / desk
            directory.mkdir()
            origin = self._stack.enter_context(served(_DESKS[desk](directory)))
            context = self._chromium.new_context(base_url=origin, locale="en-GB", timezone_id="UTC")
            self._stack.callback(context.close)
            context.request.get("/login-as/1")
            self._contexts[desk] = context
        return self._contexts[desk]


def says(page: Page, picture: Picture) -> str:
    """Return the accessible text of what a picture shows, without addresses."""
    frame = _frame(page, picture)
    heard = [one.aria_snapshot() for one in page.locator(_BLOCKS).all() if frame.shows(one)]
    return _ADDRESS.sub("", "\n".join(heard) + "\n")


def taken(page: Page, picture: Picture) -> bytes:
    """Return the picture as a PNG file that keeps what the page says."""
    frame = _frame(page, picture)
    png = page.screenshot(full_page=True, clip=frame.with_margin(), animations="disabled", caret="hide")
    return small_with_text(png, says(page, picture))


@dataclass(frozen=True)
class Frame:
    """What of a page is in the picture, in pixels from the page's top left corner."""

    left: float
    top: float
    right: float
    bottom: float
    below: int

    def shows(self, one: Locator) -> bool:
        """Tell whether something visible begins in it."""
        box = _box(one)
        return box["height"] > 0 and self.top <= box["y"] < self.bottom

    def with_margin(self) -> FloatRect:
        """Return what to cut out."""
        left, top = max(0.0, self.left - _MARGIN), max(0.0, self.top - _MARGIN)
        return FloatRect(x=left, y=top, width=self.right + _MARGIN - left, height=self.bottom + self.below - top)


def _frame(page: Page, picture: Picture) -> Frame:
    root, parts = _box(page.locator(".crmsync")), [_box(page.locator(part).first) for part in picture.parts]
    top, bottom = min(box["y"] for box in parts), max(box["y"] + box["height"] for box in parts)
    return Frame(root["x"], top, root["x"] + root["width"], bottom, 0 if picture.cut else _MARGIN)


def _box(one: Locator) -> FloatRect:
    box: FloatRect = one.evaluate("""one => {
      const box = one.getBoundingClientRect();
      return {x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height};
    }""")
    return box
