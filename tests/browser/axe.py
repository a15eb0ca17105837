"""axe in a page: what it finds against WCAG 2.2 AA, in words that a developer can act on."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.chromium import NODE_MODULES

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
MISSING = "browser: axe-core is not installed (make node)"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

WHAT_LOOKS_CHANGE = ["color-contrast", "target-size", "meta-viewport", "css-orientation-lock", "link-in-text-block"]
"""The rules whose outcome hangs on colours and sizes; the others read the document, which is the same in every look."""

_RUN = """([type, values]) => axe.run(document, {runOnly: {type, values}, resultTypes: ['violations']})
  .then(found => found.violations.flatMap(one => one.nodes.map(
    node => `${one.id}: ${node.target.join(' ')}: ${node.failureSummary}`)))"""


def violations(page: Page, *, only_looks: bool = False) -> list[str]:
    """Return what breaks WCAG 2.2 AA on the page as it stands; its context must bypass the page's own policy.

    With `only_looks` just the rules that another width or colour scheme can change.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(_RUN, ["rule", WHAT_LOOKS_CHANGE] if only_looks else ["tag", RULES])
    return found
