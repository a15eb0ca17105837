"""What a browser has to load for our pages, beside the pages themselves."""

from __future__ import annotations

import gzip
from pathlib import Path

from flask_crm_sync.web import entrance

MOST = 60_000
"""Bytes, packed as web servers send them."""


def test_all_that_we_serve_is_light() -> None:
    served = [one for one in Path(entrance.blueprint.static_folder or "").rglob("*") if one.is_file()]
    names = {one.name for one in served}
    packed = sum(len(gzip.compress(one.read_bytes(), 6)) for one in served)
    assert {"crmsync.css", "htmx.min.js"} <= names
    assert packed < MOST
