"""Addresses that CRMs and people outside must know: those of a host at the root, and of one below a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_crm_sync.config import Settings
from flask_crm_sync.web.addresses import callback_url
from flask_crm_sync.web.webhooks import webhook_url
from tests.web.helpdesk import open_helpdesk

SITE = "https://help.example.com"


@pytest.mark.parametrize(
    ("public_url", "mounted_at", "wanted"),
    [
        (SITE, "", SITE),
        (SITE, "/desk", f"{SITE}/desk"),
        (f"{SITE}/desk", "/desk", f"{SITE}/desk"),
        # A proxy that takes the path off, or a process without a request, such as `flask crm webhook`.
        (f"{SITE}/desk", "", f"{SITE}/desk"),
        (f"{SITE}/outside", "/inside", f"{SITE}/outside"),
    ],
)
def test_addresses_lead_to_where_the_host_is_mounted(
    tmp_path: Path, public_url: str, mounted_at: str, wanted: str
) -> None:
    app = open_helpdesk(tmp_path, settings=Settings(encryption_keys=(b"k" * 32,), public_url=public_url)).app
    with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": mounted_at}):
        assert callback_url("hubspot") == f"{wanted}/crm/connections/hubspot/callback"
        assert webhook_url("token") == f"{wanted}/crm/hooks/token"
