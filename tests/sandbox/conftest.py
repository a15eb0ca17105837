"""A sandbox of its own for each test, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flask_crm_sync.sandbox import Sandbox

from .client import FAMILIES, Client

NOON = 1_790_000_000.0
"""A fixed moment: 2026-09-21T14:13:20Z."""


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for all sandboxes of the run, so that certificates are made once."""
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture(scope="session")
def running_sandbox(certificates: Path) -> Iterator[Sandbox]:
    """One sandbox in memory, in which time stands still until ``sandbox.clock.advance``."""
    with Sandbox(certificates, clock=lambda: NOON, keep=False) as running:
        yield running


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The sandbox as if it were new: empty, at noon, with its first portal and token as they were."""
    running_sandbox.clock.set(NOON)
    for crm in running_sandbox.crms:
        crm.start_afresh()
    return running_sandbox


@pytest.fixture
def client_for(sandbox: Sandbox) -> Iterator[Callable[..., Client]]:
    """Make clients: by family, by token."""
    made: list[Client] = []

    def make(family: str = "2026-09", token: str | None = "pat-na1-sandbox") -> Client:
        made.append(Client(sandbox, family, token))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def client(client_for: Callable[..., Client]) -> Client:
    """A client of the newest family with the default token."""
    return client_for()


@pytest.fixture(params=FAMILIES)
def any_client(request: pytest.FixtureRequest, client_for: Callable[..., Client]) -> Client:
    """The same test in each path family."""
    return client_for(request.param)
