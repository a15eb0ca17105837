"""The stylesheets: nothing in them lies on the left or the right, so that pages in Arabic or Hebrew turn as a whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flask_crm_sync.web import entrance

SHEETS = sorted(Path(entrance.blueprint.static_folder or "").glob("*.css"))
_SIDES = re.compile(
    r"(?:^|[\s;{])((?:margin-|padding-|border-)?(?:left|right)|(?:float|text-align): ?(?:left|right))\b"
)
_FOUR = re.compile(r"(?:margin|padding): ([^;}]+)")


def turned(sheet: str) -> list[str]:
    """Return what of a stylesheet would stay where it is when the page is turned."""
    one_sided = [found[0] for found in _FOUR.finditer(sheet) if len(v := found[1].split()) == 4 and v[1] != v[3]]
    return one_sided + [found[1] for found in _SIDES.finditer(sheet)]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_no_rule_names_a_side(sheet: Path) -> None:
    assert turned(re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)) == []


def test_a_side_would_be_seen() -> None:
    assert turned("a { left: 0; padding: 1px 2px 1px 3px }") == ["padding: 1px 2px 1px 3px ", "left"]
    assert turned("a { padding: 1px 2px 3px 2px; text-align: start }") == []
