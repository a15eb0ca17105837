"""The documented pace of AutoChat, a hundred calls a minute for each key, in an hour that passes in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from flask_crm_sync.config import Settings
from flask_crm_sync.credentials.oauth import Granted
from flask_crm_sync.sandbox.server import Sandbox
from flask_crm_sync.sync import budget, due, lease
from flask_crm_sync.sync.connections import store_credentials
from tests.sync.host_models import make_engine
from tests.sync.world import FakeClock, World

A_MINUTE, CLIENTS = 100, 120
BASE_URL = "https://sandbox.supabase.co/functions/v1/crm-api/v1"


class AutoChatWorld(World):
    """A host whose one account is connected to AutoChat."""

    def connect(self, account_id: str, token: str = "") -> UUID:
        granted = Granted("autochat", "api_key", {"api_key": "ac-sandbox-key"})
        return store_credentials(self.sync, account_id, granted).id


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(budget, "LOOK", budget.look_by(clock.column()))
    monkeypatch.setattr(lease, "SQL", lease.Statements.by(clock.column()))
    monkeypatch.setattr(due, "FREE", due.free_by(clock.column()))
    return clock


@pytest.fixture
def sandbox(tmp_path: Path, clock: FakeClock) -> Iterator[Sandbox]:
    """The sandbox's minute is the engine's."""
    with Sandbox(tmp_path / "sandbox", clock=lambda: clock.now().timestamp(), keep=False) as running:
        running.autochat.add_workspace("sandbox", per_minute=A_MINUTE)
        yield running


def test_autochat_is_asked_no_more_than_a_hundred_times_a_minute(
    sandbox: Sandbox, clock: FakeClock, tmp_path: Path
) -> None:
    to_sandbox = {"sandbox_url": sandbox.url, "sandbox_ca": str(sandbox.ca_file)}
    settings = Settings(encryption_keys=(b"k" * 32,), autochat_base_url=BASE_URL, **to_sandbox)
    engine = make_engine(f"sqlite:///{tmp_path / 'host.sqlite'}")
    world = AutoChatWorld(engine, clock, settings)
    began = clock.passed
    for client in world.clients(CLIENTS):
        world.conversation(client)
    world.run_until_done()

    calls = sandbox.calls.newest(crm="autochat", limit=5000)
    assert (len(sandbox.autochat.contacts()), len(sandbox.autochat.notes())) == (CLIENTS, CLIENTS)
    assert {call.status for call in calls} <= {200, 201}  # not one was refused
    for call in calls:
        assert sum(call.at_ms <= other.at_ms < call.at_ms + 60_000 for other in calls) <= 2 * A_MINUTE
    assert clock.passed - began >= 60 * (2 * CLIENTS / A_MINUTE - 1)
    engine.dispose()
