"""The helpdesk in which people are told things."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from flask_crm_sync.config import Settings
from flask_crm_sync.notifications import sending
from flask_crm_sync.sandbox.authority import Authority
from tests.sync.conftest import anywhere, clock, crm, engine_of, world_on  # noqa: F401  fixtures
from tests.web.helpdesk import Helpdesk, open_helpdesk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Helpdesk:
    """Return a helpdesk whose clock the leases of channels go by as well."""
    return _open(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> Helpdesk:
    """Return a helpdesk that works with the sandbox, and so may tell receivers on loopback."""
    given = {"sandbox_url": "https://127.0.0.1:1", "sandbox_ca": str(authority.ca_file), "notify_timeout": 5.0}
    place = tmp_path / "inside"
    place.mkdir()
    return _open(place, monkeypatch, settings=Settings(encryption_keys=(b"k" * 32,), **given))


def _open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Settings) -> Helpdesk:
    desk = open_helpdesk(tmp_path, **options)
    column = sa.bindparam("fake_now", callable_=lambda: desk.clock.now().timestamp(), type_=sa.Double())
    monkeypatch.setattr(sending, "FREE", sending.free_by(column))
    monkeypatch.setattr(sending, "TAKE", sending.take_by(column))
    return desk
