"""The helpdesk in which the pages live."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.helpdesk import Helpdesk, open_helpdesk


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    """Return a helpdesk on a database of its own."""
    return open_helpdesk(tmp_path)
