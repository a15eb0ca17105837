"""Takes the guide's pictures anew: `python -m tests.browser.guide` those that are out of date, `--all` each one.

Names of pictures may follow, to take only those.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.chromium import CHROMIUM, FLAGS
from tests.browser.pictures import IMAGES, PICTURES, Picture, Studio, says, taken
from tests.browser.png import text_in


def main(arguments: list[str]) -> None:
    """Write the pictures that are out of date, and remove those that nobody takes."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        stack.callback(chromium.close)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        studio = Studio(chromium, directory, stack)
        for picture in PICTURES:
            if not arguments or picture.name in arguments or arguments == ["--all"]:
                _take(studio, picture, always=bool(arguments))
    for file in sorted(set(IMAGES.glob("*.png")) - {picture.file for picture in PICTURES}):
        file.unlink()
        print(f"{file.name}: removed, nobody takes it")


def _take(studio: Studio, picture: Picture, *, always: bool) -> None:
    with studio.sees(picture) as page:
        there = text_in(picture.file.read_bytes()) if picture.file.exists() else ""
        if not always and there == says(page, picture):
            return
        picture.file.write_bytes(taken(page, picture))
        print(f"{picture.file.name}: {picture.file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
