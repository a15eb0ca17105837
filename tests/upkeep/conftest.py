"""The engine's worlds, and a helpdesk for what the pages' functions do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.conftest import (  # noqa: F401
    _nobody_listens,
    anywhere,
    clock,
    crm,
    engine_of,
    world,
    world_on,
)
from tests.web.helpdesk import Helpdesk, open_helpdesk


@pytest.fixture
def desk(tmp_path: Path) -> Helpdesk:
    return open_helpdesk(tmp_path)
