"""An environment of Dynamics that answers as a test says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from .environment import Environment


@pytest.fixture
def env() -> Iterator[Environment]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Environment(mock)
