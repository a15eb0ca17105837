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
from flask_crm_sync.errors import ConfigurationError, UnsupportedFeature
from tests.extension.test_registration import CONFIG
from tests.small_host.app import create_app

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


_WHOLE = """
from tinycrm.adapter import TinyAdapter

class Adapter(TinyAdapter):
    name = "other"
"""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "import nothing_of_that_name",
            "cannot be loaded (ModuleNotFoundError: No module named 'nothing_of_that_name')",
        ),
        ("Adaptor = 1", "cannot be loaded (AttributeError"),
        ("class Adapter: pass", "no subclass of flask_crm_sync.crm.base.Adapter"),
        (_WHOLE.replace("other", "another"), "must be the same word"),
        (
            _WHOLE + "    burst_limit = property()\n    del burst_limit\nAdapter.__abstractmethods__ = {'find'}",
            "lacks find",
        ),
        (
            "from flask_crm_sync.crm.base import Adapter as A\nclass Adapter(A):\n    name = 'other'",
            "lacks label, fields",
        ),
    ],
    ids=["import", "attribute", "class", "name", "method", "data"],
)
@pytest.mark.usefixtures("_installed")
def test_package_whose_crm_cannot_be_used_is_said_when_the_app_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: str
) -> None:
    """Not by every page and every worker that happens to look at the CRMs."""
    (tmp_path / "othercrm.py").write_text(code)
    (tmp_path / "othercrm-1.0.dist-info").mkdir()
    (tmp_path / "othercrm-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: othercrm\nVersion: 1.0\n"
    )
    (tmp_path / "othercrm-1.0.dist-info" / "entry_points.txt").write_text(
        "[flask_crm_sync.crm]\nother = othercrm:Adapter\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "othercrm", raising=False)
    with pytest.raises(ConfigurationError) as refused:
        create_app(CONFIG)
    assert str(refused.value).startswith("CRM other: ")
    assert says in str(refused.value)


def test_it_fulfils_the_whole_contract() -> None:
    """In a process of its own, where the package is installed from the beginning."""
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract", "-k", "tiny"]
    environment = {**os.environ, "PYTHONPATH": str(_SITE)}
    done = subprocess.run(suite, cwd=_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(done.stdout.rstrip().splitlines()[-1].split(" passed")[0].split()[-1]) >= 50
