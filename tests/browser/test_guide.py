"""The guide's pictures are of the pages as they are: what a page says was kept in its picture, and is compared."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import in_chromium
from tests.browser.pictures import IMAGES, LARGEST, PICTURES, ROOT, Picture, Studio, says
from tests.browser.png import small_with_text, text_in

pytestmark = in_chromium

NAMED = re.compile(r"images/([\w-]+)\.png")
AGAIN = "take it again with python -m tests.browser.guide"

_APART = """async ([one, other]) => {
  const pixels = await Promise.all([one, other].map(async png => {
    const picture = new Image();
    picture.src = 'data:image/png;base64,' + png;
    await picture.decode();
    const canvas = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
    canvas.drawImage(picture, 0, 0);
    return canvas.getImageData(0, 0, picture.width, picture.height).data;
  }));
  return pixels[0].reduce((most, value, at) => Math.max(most, Math.abs(value - pixels[1][at])), 0);
}"""


@pytest.fixture(scope="module")
def studio(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with ExitStack() as stack:
        yield Studio(chromium, tmp_path_factory.mktemp("studio"), stack)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_shows_what_its_page_says_today(studio: Studio, picture: Picture) -> None:
    with studio.sees(picture) as page:
        expect(page.get_by_role("heading", name=picture.heading, exact=True).first).to_be_visible()
        now = says(page, picture)
    assert now == text_in(picture.file.read_bytes()), f"{picture.file.name} is out of date: {AGAIN}"
    assert picture.file.stat().st_size <= LARGEST


def test_every_picture_that_is_taken_is_named_and_every_one_named_is_taken() -> None:
    named = set()
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        named |= set(NAMED.findall(page.read_text()))
    assert named == {picture.name for picture in PICTURES}
    assert {file.stem for file in IMAGES.iterdir()} == named


def test_a_picture_in_few_colours_looks_the_same(chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 200, "height": 120})
    page.set_content("""<body style="background: linear-gradient(90deg, #fff, #eee)"><h1 style="color: #225">Log</h1>
      <i style="display: block; width: 4px; height: 4px; background: #c4262c"></i></body>""")
    taken = page.screenshot()
    small = small_with_text(taken, "what it says: Größe, 大きさ")
    assert text_in(small) == "what it says: Größe, 大きさ"
    assert text_in(taken) == ""
    assert len(small) < len(taken)
    assert page.evaluate(_APART, [base64.b64encode(png).decode() for png in (taken, small)]) < 32
    page.close()
