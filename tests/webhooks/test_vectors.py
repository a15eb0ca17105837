"""The published vectors at the door itself: genuine ones pass once, altered and stale ones never."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flask_crm_sync.config import Settings
from flask_crm_sync.models import Connection
from tests.web.helpdesk import open_helpdesk
from tests.webhooks.desk import ORIGIN, HookedDesk, kept

SECRET = "example-signing-secret"
BODY = (
    b'{"event":"client.updated","timestamp":"2025-03-01T09:30:00Z","data":{"id":"6f1d2c3b-0a4e-4d5f-8a6b-7c8d9e0f1a2b",'
    b'"company_name":"Northwind Bikes","email":"ana@northwind.example"}}'
)
SIGNED = {"X-Webhook-Signature": "sha256=6409b45c55febc8dd202c9e0cdfa849b1728da51ee6e44b937b073b5e58b141c"}
SIGNED_AT = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)


def test_autochats_vector_is_taken_once_and_replayed_without_effect(desk: HookedDesk) -> None:
    path = desk.hook("autochat", secret=SECRET)
    desk.desk.change(Connection, two_way=True)
    assert desk.post(path, BODY, SIGNED) == 204
    first = kept(desk.sync)
    assert [(row.event, row.remote_id, row.happened_at) for row in first] == [
        ("client.updated", "6f1d2c3b-0a4e-4d5f-8a6b-7c8d9e0f1a2b", SIGNED_AT)
    ]
    desk.clock.sleep(3600)
    assert desk.post(path, BODY, SIGNED) == 204
    assert kept(desk.sync) == first


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY.replace(b"Bikes", b"Hikes"), SIGNED),
        (BODY + b"\n", SIGNED),
        (BODY, {"X-Webhook-Signature": SIGNED["X-Webhook-Signature"][:-1] + "d"}),
        (BODY, {"X-Webhook-Signature": SIGNED["X-Webhook-Signature"].removeprefix("sha256=")}),
    ],
)
def test_autochats_altered_vector_is_refused(desk: HookedDesk, body: bytes, headers: dict[str, str]) -> None:
    assert desk.post(desk.hook("autochat", secret=SECRET), body, headers) == 401
    assert kept(desk.sync) == []


def test_autochats_stale_vector_is_refused_where_an_age_is_set(tmp_path: Path) -> None:
    settings = Settings(encryption_keys=(b"k" * 32,), public_url=ORIGIN, autochat_webhook_age_minutes=1440)
    desk = HookedDesk(open_helpdesk(tmp_path, settings=settings))
    assert desk.post(desk.hook("autochat", secret=SECRET), BODY, SIGNED) == 401
    assert kept(desk.sync) == []
