"""What every test in a real Chromium needs: where it is, its flags, and a helpdesk that is served to it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize
from werkzeug.serving import make_server

from tests.web.helpdesk import Helpdesk

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1280, "height": 860},
    "phone": {"width": 390, "height": 844},
}
NODE_MODULES = Path(__file__).parents[1] / "official_clients" / "node" / "node_modules"
"""Where the packages of JavaScript and CSS lie that the tests use."""

in_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="browser: /usr/bin/chromium is not installed"),
]
"""The marks of a module whose tests need it."""


def served(desk: Helpdesk) -> AbstractContextManager[str]:
    """Serve a helpdesk on loopback; gives its origin."""
    return served_app(desk.app)


@contextmanager
def served_app(app: WSGIApplication) -> Iterator[str]:
    """Serve an application on loopback; yields its origin."""
    server = make_server("127.0.0.1", 0, read_whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read_whole(app: WSGIApplication) -> WSGIApplication:
    """Return the application with each answer read and closed before it is sent.

    Werkzeug's server leaves an answer open, and its file with it, when the browser hangs up in the middle, as it does
    on a click before the last page's scripts have come.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        parts = app(environ, start_response)
        if not hasattr(parts, "close"):
            return [b"".join(parts)]
        with closing(parts):
            return [b"".join(parts)]

    return answer


@contextmanager
def logged_in(
    chromium: Browser, origin: str, size: str, scheme: Literal["light", "dark"], locale: str
) -> Iterator[Page]:
    """Yield a manager's page; whatever the browser complains of, but for a form that is refused, is an error."""
    context = chromium.new_context(
        base_url=origin,
        viewport=SIZES[size],
        color_scheme=scheme,
        locale=locale,
        ignore_https_errors=True,  # the sandbox's own authority
    )
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda told: complaints.append(told.text) if told.type == "error" and "422" not in told.text else None,
    )
    page.goto("/login-as/1")
    yield page
    context.close()
    assert complaints == []


def fits(page: Page) -> bool:
    """Tell whether the page, once its styles have come, needs no scrolling sideways."""
    page.wait_for_load_state("load")
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
