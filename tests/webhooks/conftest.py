"""A helpdesk that CRMs can tell of changes, with a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_crm_sync.config import Settings
from tests.small_host.fixtures import sandbox
from tests.web.helpdesk import open_helpdesk
from tests.webhooks.desk import ORIGIN, HookedDesk, Served, serve

__all__ = ["sandbox"]


@pytest.fixture
def settings() -> Settings:
    """Return the settings of the helpdesk."""
    return Settings(encryption_keys=(b"k" * 32,), public_url=ORIGIN)


@pytest.fixture
def desk(tmp_path: Path, settings: Settings) -> HookedDesk:
    """Return a helpdesk on a database of its own."""
    return HookedDesk(open_helpdesk(tmp_path, settings=settings))


@pytest.fixture
def served(desk: HookedDesk) -> Iterator[Served]:
    """Serve the helpdesk on loopback."""
    with serve(desk.app) as served:
        yield served
