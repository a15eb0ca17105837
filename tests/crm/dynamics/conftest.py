"""Environments of Dynamics: one that answers as a test says, and one of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from flask_crm_sync.sandbox.server import Sandbox

from .environment import Environment
from .office import Office


@pytest.fixture
def env() -> Iterator[Environment]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Environment(mock)


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), keep=False) as running:
        yield running


@pytest.fixture
def office(sandbox: Sandbox) -> Iterator[Office]:
    made = Office(sandbox)
    made.api("POST", "reset")
    yield made
    for adapter in made.made:
        adapter.http.close()
