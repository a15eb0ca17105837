"""One Chromium for all tests of the pages: starting it takes longer than most of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import CHROMIUM, FLAGS

SECONDS = 12_000
"""Milliseconds that anything may take to appear: the log refreshes itself every four seconds, on a busy machine."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Return a running browser; each test opens a context of its own in it."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=SECONDS)
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()
