"""A CRM that another package brings: found by its entry point, offered like ours, held to the same contract."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.registry import adapter_class, adapters, connect
from flask_crm_sync.errors import UnsupportedFeature

_ROOT = Path(__file__).parents[2]
_SITE = Path(__file__).parent / "site"
_SETTINGS = Settings(encryption_keys=(b"k" * 32,))


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the package lie where installed packages lie, with the metadata that pip writes."""
    monkeypatch.syspath_prepend(str(_SITE))
    adapters.cache_clear()
    yield
    adapters.cache_clear()


def test_without_the_package_nobody_knows_its_crm() -> None:
    with pytest.raises(UnsupportedFeature, match="'tiny'"):
        adapter_class("tiny")


@pytest.mark.usefixtures("_installed")
def test_package_is_found_by_its_entry_point() -> None:
    assert adapter_class("tiny").label == "Tiny CRM"
    assert set(adapters()) > {"tiny", "hubspot"}


@pytest.mark.usefixtures("_installed")
def test_its_calls_are_held_to_its_own_hosts_and_path() -> None:
    adapter = connect("tiny", {"key": "k"}, _SETTINGS, {}, meter=None, clock=SystemClock())
    assert (adapter.http.origin, adapter.http.base_path) == ("https://api.tinycrm.example", "/tiny/v1")
    assert adapter.allowed_hosts(_SETTINGS) == ("api.tinycrm.example",)


def test_it_fulfils_the_whole_contract() -> None:
    """In a process of its own, where the package is installed from the beginning."""
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract", "-k", "tiny"]
    environment = {**os.environ, "PYTHONPATH": str(_SITE)}
    done = subprocess.run(suite, cwd=_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(done.stdout.rstrip().splitlines()[-1].split(" passed")[0].split()[-1]) >= 50
