"""A sandbox that the vendors' clients trust."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_crm_sync.sandbox import Sandbox


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("official"), keep=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """An empty sandbox. A CA bundle in the environment beats what a client is told, so it must be ours."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(running.ca_file))
    running.hubspot.start_afresh()
    running.hubspot.add_portal(1234567, "pat-na1-sandbox", tier="demo")
    return running
