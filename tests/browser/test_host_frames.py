"""Our pages in frames of hosts: neither's styles change the other's, with Bootstrap, Tailwind's reset, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Response
from playwright.sync_api import Browser, Page

from tests.browser.chromium import NODE_MODULES, SIZES, fits, in_chromium, served
from tests.browser.states import full
from tests.web.helpdesk import Helpdesk

STYLES = {
    "bare": None,
    "bootstrap": NODE_MODULES / "bootstrap" / "dist" / "css" / "bootstrap.min.css",
    "tailwind": NODE_MODULES / "tailwindcss" / "preflight.css",
}
MISSING = [path for path in STYLES.values() if path is not None and not path.exists()]
pytestmark = [
    *in_chromium,
    pytest.mark.skipif(bool(MISSING), reason="browser: the hosts' styles are not installed (make node)"),
]

PAGES = ["/crm/", "/crm/overview", "/crm/log?reason=invalid_record", "/crm/log/2", "/crm/connections/hubspot/settings"]

FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block crm_sync_title %}{% endblock %}</title><link rel="stylesheet" href="/host.css">
{% block crm_sync_head %}{% endblock %}</head><body>
<div id="host">
<nav class="navbar"><ul class="nav"><li class="nav-item"><a class="nav-link" href="/">Tickets</a></li></ul></nav>
<h1>Helpdesk</h1><h2>Today</h2><h3>Later</h3><p>A line with <a href="/x">a link</a> and <code>code</code>.</p>
<button class="btn btn-primary">Answer</button> <input class="form-control" value="x">
<select><option>1</option></select>
<label><input type="checkbox"> Mine</label> <progress max="2" value="1"></progress>
<table class="table"><thead><tr><th>No.</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>
<details><summary>More</summary><dl><dt>A</dt><dd>B</dd></dl></details><fieldset><legend>L</legend></fieldset></div>
<main>{% block crm_sync_content %}{% endblock %}</main></body></html>"""

_LOOK_OF_THE_HOST = """() => [...document.querySelectorAll('html, body, #host, #host *, main')].map(one => {
  const style = getComputedStyle(one), look = {};
  for (const name of style)
    if (!/^(height|width|block-size|inline-size|perspective-origin|transform-origin)$/.test(name))
      look[name] = style.getPropertyValue(name);
  return [one.tagName, look];
})"""

_LOOK_OF_OURS = """([parts, names]) => Object.fromEntries(parts.flatMap(part => {
  const one = [...document.querySelectorAll('.crmsync ' + part)].find(found => found.checkVisibility());
  if (!one) return [];
  const style = getComputedStyle(one);
  return [[part, Object.fromEntries(names.map(name => [name, style.getPropertyValue(name)]))]];
}))"""

PARTS = [
    *(
        "h1",
        "h2",
        "h3",
        "p",
        "ul",
        "ol",
        "li",
        "a",
        "code",
        "dt",
        "dd",
        "dl",
        "th",
        "td",
        "label",
        "select",
        "progress",
    ),
    *(".crmsync-card", ".crmsync-badge", ".crmsync-button", ".crmsync-button.crmsync-main", ".crmsync-notice"),
    *("input[type=text]", "input[type=search]", "input[type=number]", "input[type=checkbox]", ".crmsync-way > summary"),
]
NAMES = [
    *("font-size", "font-weight", "line-height", "display", "list-style-type", "text-decoration-line", "box-sizing"),
    *("margin-top", "margin-bottom"),  # the others are made from the frame's width where they are automatic
    *(f"padding-{side}" for side in ("top", "right", "bottom", "left")),
    *(f"border-{side}-width" for side in ("top", "right", "bottom", "left")),
    *("border-top-left-radius", "text-align", "cursor"),
]


def framed(directory: Path, host: str) -> Helpdesk:
    """Return a full helpdesk whose host has a frame of its own; without a host, ours."""
    directory.mkdir()
    if host:
        (directory / "templates" / "crm_sync").mkdir(parents=True)
        (directory / "templates" / "crm_sync" / "base.html").write_text(FRAME)
    desk, path = full(directory), STYLES.get(host)
    sheet = path.read_text() if path is not None else ""
    desk.app.add_url_rule("/host.css", "host_css", lambda: Response(sheet, mimetype="text/css"))
    return desk


@pytest.fixture(scope="module")
def pages(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Page]]:
    """Return a page in each frame; "" is our own."""
    directory = tmp_path_factory.mktemp("frames")
    with ExitStack() as stack:
        opened = {}
        for host in ("", *STYLES):
            origin = stack.enter_context(served(framed(directory / (host or "own"), host)))
            context = chromium.new_context(base_url=origin, viewport=SIZES["desktop"])
            stack.callback(context.close)
            opened[host] = context.new_page()
            opened[host].goto("/login-as/1")
        yield opened


def looks(page: Page, path: str) -> dict[str, dict[str, str]]:
    page.goto(path)
    found: dict[str, dict[str, str]] = page.evaluate(_LOOK_OF_OURS, [PARTS, NAMES])
    return found


@pytest.mark.parametrize("host", STYLES)
def test_the_hosts_own_look_stays(pages: dict[str, Page], host: str) -> None:
    page = pages[host]
    page.goto(PAGES[0])
    ours = "document.querySelector('link[href$=\"crmsync.css\"]')"
    with_us: list[Any] = page.evaluate(_LOOK_OF_THE_HOST)
    page.evaluate(f"{ours}.remove()")
    assert page.evaluate(_LOOK_OF_THE_HOST) == with_us
    assert len(with_us) > 20


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("host", STYLES)
def test_our_look_stays(pages: dict[str, Page], host: str, path: str) -> None:
    own, theirs = looks(pages[""], path), looks(pages[host], path)
    assert own.keys() == theirs.keys()
    changed = [
        f"{part}: {name} is {theirs[part][name]}, not {own[part][name]}"
        for part in own
        for name in NAMES
        if theirs[part][name] != own[part][name]
    ]
    assert not changed, "\n".join(changed)


def test_a_leak_would_be_seen(pages: dict[str, Page]) -> None:
    page = pages["bare"]
    page.goto(PAGES[0])
    before = page.evaluate(_LOOK_OF_THE_HOST)
    page.evaluate("document.adoptedStyleSheets = [new CSSStyleSheet()]")
    page.evaluate("document.adoptedStyleSheets[0].insertRule('li { list-style: square }')")
    assert page.evaluate(_LOOK_OF_THE_HOST) != before


@pytest.mark.parametrize("host", STYLES)
def test_a_phone_needs_no_scrolling_sideways(pages: dict[str, Page], host: str) -> None:
    page = pages[host]
    page.set_viewport_size(SIZES["phone"])
    wide = [path for path in PAGES if page.goto(path) and not fits(page)]
    page.set_viewport_size(SIZES["desktop"])
    assert wide == []
