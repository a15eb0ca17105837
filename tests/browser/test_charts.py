"""What counts as a chart with its table; the tests of accessibility hold every page in every state to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.charts import charts
from tests.browser.chromium import in_chromium, served
from tests.browser.states import full

pytestmark = in_chromium

BAR = "<table><tr><th scope=row>Used</th><td><svg></svg></td><td>{}</td></tr></table>"
COLUMNS = """<section><svg role="img" aria-label="Day"><rect x="1"/><rect x="1"/><rect x="2"/></svg>
<table><thead><tr><th>Hour</th></tr></thead><tbody>{}</tbody></table></section>"""
ROW = "<tr><th scope=row>12:00</th><td>3</td></tr>"


@pytest.mark.parametrize(
    ("html", "lacks"),
    [
        (BAR.format("12"), ""),
        (BAR.format(""), "a bar without its name or number"),
        (COLUMNS.format(ROW * 2), ""),
        (COLUMNS.format(ROW), "Day: 2 columns, but 1 rows in the table"),
        ('<section><svg role="img" aria-label="Day"></svg></section>', "Day: no table beside it"),
        ("<section><canvas></canvas></section>", "a chart without a name"),
    ],
    ids=["bar", "bar alone", "columns", "row missing", "no table", "no name"],
)
def test_a_chart_without_its_numbers_is_found(chromium: Browser, html: str, lacks: str) -> None:
    page = chromium.new_page()
    page.set_content(f'<div class="crmsync">{html}</div>')
    assert charts(page) == [lacks]
    page.close()


def test_the_overview_has_charts_and_their_tables(chromium: Browser, tmp_path: Path) -> None:
    with served(full(tmp_path)) as origin:
        page = chromium.new_page(base_url=origin)
        page.goto("/login-as/1")
        page.goto("/crm/overview")
        found = charts(page)
        page.close()
    assert len(found) > 4
    assert not any(found)
