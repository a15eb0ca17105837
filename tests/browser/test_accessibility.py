"""axe on every page in every state: WCAG 2.2 AA, desktop and phone, light and dark; and every chart has its table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.axe import AXE, MISSING, violations
from tests.browser.charts import charts
from tests.browser.chromium import SIZES, fits, in_chromium, served
from tests.browser.states import DESKS, STATES, State
from tests.web.helpdesk import USERS

pytestmark = [*in_chromium, pytest.mark.skipif(not AXE.exists(), reason=MISSING)]

LOOKS: list[tuple[str, Literal["light", "dark"]]] = [
    ("desktop", "light"),
    ("phone", "dark"),
    ("phone", "light"),
    ("desktop", "dark"),
]


class Rooms:
    """The helpdesks, each served once, with a context of the browser for each user who comes there."""

    def __init__(self, chromium: Browser, directory: Path, stack: ExitStack) -> None:
        self._chromium, self._directory, self._stack = chromium, directory, stack
        self._origins: dict[str, str] = {}
        self._contexts: dict[tuple[str, str], BrowserContext] = {}

    def page(self, state: State) -> Page:
        """Return a new page of whoever looks at a state."""
        key = state.desk, state.who
        if key not in self._contexts:
            self._contexts[key] = self._context(*key)
        return self._contexts[key].new_page()

    def _context(self, desk: str, who: str) -> BrowserContext:
        if desk not in self._origins:
            directory = self._directory / desk
            directory.mkdir()
            self._origins[desk] = self._stack.enter_context(served(DESKS[desk](directory)))
        context = self._chromium.new_context(base_url=self._origins[desk], bypass_csp=True)
        self._stack.callback(context.close)
        context.request.get(f"/login-as/{USERS[who][0]}")
        return context


@pytest.fixture(scope="module")
def rooms(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    with ExitStack() as stack:
        yield Rooms(chromium, tmp_path_factory.mktemp("desks"), stack)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_axe_finds_nothing(rooms: Rooms, state: State) -> None:
    page = rooms.page(state)
    answer = page.goto(state.path)
    assert answer is not None
    assert answer.headers["content-type"].startswith("text/html")
    if state.steps is not None:
        state.steps(page)
    assert page.locator(".crmsync").get_by_role("heading", level=1).count() == 1
    found = [lack for lack in charts(page) if lack]
    for number, (size, scheme) in enumerate(LOOKS):
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        found += [f"{size}, {scheme}: {one}" for one in violations(page, only_looks=number > 1)]
        if not fits(page):
            found.append(f"{size}: the page is wider than the screen")
    page.close()
    assert found == []


def test_axe_would_find_something(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<p style='color: #777; background: #888'>Hardly to be read</p><button></button>")
    assert {one.partition(":")[0] for one in violations(page)} >= {"button-name", "color-contrast", "html-has-lang"}
    assert [one.partition(":")[0] for one in violations(page, only_looks=True)] == ["color-contrast"]
    page.close()
