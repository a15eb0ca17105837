"""What every test stands on: loopback sockets only, a clean environment, one hypothesis profile, real servers."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest
from pytest_socket import socket_allow_hosts

pytest_plugins = ["tests.servers"]

_LOOPBACK = ["127.0.0.1", "::1", "localhost"]
_NOT_OURS = ("CRM_SYNC_", "FLASK_")
_NAMES = ("REDIS_URL", "DATABASE_URL", "SECRET_KEY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

for _name in [name for name in os.environ if name.startswith(_NOT_OURS) or name in _NAMES]:
    del os.environ[_name]  # a developer's own settings must not reach the tests

hypothesis.settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None, database=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Bar every socket but loopback and Unix ones."""
    socket_allow_hosts(_LOOPBACK, allow_unix_socket=True)


_LONGEST = ("benchmarks", "chaos", "plugin_crm", "browser", "example_host", "official_clients", "two_way", "jobs")
"""Where the tests take longest: they begin first, so that no process is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; within a file the order stays."""
    folders = {name: place for place, name in enumerate(_LONGEST)}
    here = Path(__file__).parent
    items.sort(key=lambda item: folders.get(item.path.relative_to(here).parts[0], len(folders)))
