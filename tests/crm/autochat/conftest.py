"""An AutoChat adapter whose answers a test writes, and the clock that it lives by."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.autochat import AutoChatAdapter
from flask_crm_sync.crm.http import Allowance
from flask_crm_sync.crm.registry import connect

BASE = "https://abc.supabase.co/functions/v1/crm-api/v1"
CLIENTS = f"{BASE}/clients"
NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
SETTINGS = Settings(encryption_keys=(b"k" * 32,))

AdapterOf = Callable[..., AutoChatAdapter]


@dataclass
class StandingClock(SystemClock):
    """Time passes when a test says so."""

    passed: float = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.passed


@dataclass
class Listening:
    """A meter that remembers."""

    spent: list[str] = field(default_factory=list)
    told: list[Allowance] = field(default_factory=list)

    def spend(self, kind: str) -> None:
        self.spent.append(kind)

    def learn(self, allowance: Allowance) -> None:
        self.told.append(allowance)


@dataclass
class Wire:
    """The CRM's side: answers to give, and the calls that came."""

    mock: responses.RequestsMock

    def answers(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.mock.add(method, BASE + path, body=text, status=status, headers=named)

    def has(self, record_id: str, **row: Any) -> None:
        """Let a client be read."""
        self.answers("GET", f"/clients/{record_id}", {"data": {"id": record_id, **row}})

    @property
    def calls(self) -> list[str]:
        return [f"{call.request.method} {str(call.request.url).removeprefix(BASE)}" for call in self.mock.calls]

    def sent(self, number: int = -1) -> Any:
        return json.loads(self.mock.calls[number].request.body)  # type: ignore[union-attr]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Wire(mock)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def meter() -> Listening:
    return Listening()


@pytest.fixture
def adapter_of(clock: StandingClock, meter: Listening) -> Iterator[AdapterOf]:
    made: list[AutoChatAdapter] = []

    def make(base_url: str = BASE, **settings: Any) -> AutoChatAdapter:
        credentials = {"api_key": "ac-test-key-123", "base_url": base_url}
        adapter = connect("autochat", credentials, replace(SETTINGS, **settings), {}, meter=meter, clock=clock)
        assert isinstance(adapter, AutoChatAdapter)
        made.append(adapter)
        return adapter

    yield make
    for adapter in made:
        adapter.http.close()


@pytest.fixture
def adapter(adapter_of: AdapterOf) -> AutoChatAdapter:
    return adapter_of()
