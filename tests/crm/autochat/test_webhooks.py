"""Webhooks: the contract's own test vector, and what must never pass for genuine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.autochat.webhooks import is_genuine, read_event

SECRET = "example-signing-secret"
BODY = (
    b'{"event":"client.updated","timestamp":"2025-03-01T09:30:00Z","data":{"id":"6f1d2c3b-0a4e-4d5f-8a6b-7c8d9e0f1a2b",'
    b'"company_name":"Northwind Bikes","email":"ana@northwind.example"}}'
)
SIGNATURE = "sha256=6409b45c55febc8dd202c9e0cdfa849b1728da51ee6e44b937b073b5e58b141c"


def _body(event: str = "client.updated", **data: Any) -> bytes:
    return json.dumps({"event": event, "timestamp": "2025-03-01T09:30:00Z", "data": data}).encode()


def test_test_vector_is_genuine() -> None:
    assert len(BODY) == 179
    assert is_genuine(BODY, SIGNATURE, [SECRET])


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        SIGNATURE.removeprefix("sha256="),
        SIGNATURE.replace("sha256=", "sha1="),
        SIGNATURE.replace("sha256=", "SHA256="),
        SIGNATURE[:-1],
        SIGNATURE[:-2],
        SIGNATURE + "00",
        SIGNATURE[:-1] + "d",
        "sha256=" + "é" * 64,
        "sha256=" + "zz" * 32,
    ],
)
def test_missing_and_malformed_signatures_are_refused(signature: str | None) -> None:
    assert not is_genuine(BODY, signature, [SECRET])


@given(st.integers(0, len(BODY) - 1))
def test_any_changed_byte_is_noticed(position: int) -> None:
    changed = bytes([*BODY[:position], BODY[position] ^ 1, *BODY[position + 1 :]])
    assert not is_genuine(changed, SIGNATURE, [SECRET])


def test_same_json_written_otherwise_is_not_the_same_body() -> None:
    assert not is_genuine(json.dumps(json.loads(BODY)).encode(), SIGNATURE, [SECRET])


@pytest.mark.parametrize("secrets", [[], [""], ["another-secret"]])
def test_without_the_right_secret_nothing_is_genuine(secrets: list[str]) -> None:
    assert not is_genuine(BODY, SIGNATURE, secrets)
    empty = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert not is_genuine(BODY, empty, secrets)


def test_either_of_two_secrets_will_do_during_a_changeover() -> None:
    assert is_genuine(BODY, SIGNATURE, ["new-secret", SECRET])
    assert is_genuine(BODY, SIGNATURE, [SECRET, "new-secret"])


def test_base64_is_taken_where_it_is_configured_and_only_there() -> None:
    encoded = base64.b64encode(hmac.new(SECRET.encode(), BODY, hashlib.sha256).digest()).decode()
    assert is_genuine(BODY, f"sha256={encoded}", [SECRET], encoding="base64")
    assert not is_genuine(BODY, f"sha256={encoded}", [SECRET])
    assert not is_genuine(BODY, SIGNATURE, [SECRET], encoding="base64")


def test_event_tells_the_client_and_when() -> None:
    event = read_event(BODY)
    assert (event.name, event.is_used, event.client_id) == (
        "client.updated",
        True,
        "6f1d2c3b-0a4e-4d5f-8a6b-7c8d9e0f1a2b",
    )
    assert event.at == datetime(2025, 3, 1, 9, 30, tzinfo=UTC)
    assert event.row["email"] == "ana@northwind.example"
    assert "northwind" not in repr(event).lower()


def test_resource_one_level_deeper_is_the_same() -> None:
    plain, nested = (
        read_event(_body(id="c1", email="a@example.com")),
        read_event(_body(client={"id": "c1", "email": "a@example.com"})),
    )
    assert (plain.client_id, plain.row) == (nested.client_id, nested.row)
    assert plain.digest != nested.digest


def test_redelivered_body_has_the_same_digest() -> None:
    assert read_event(BODY).digest == read_event(BODY).digest


@pytest.mark.parametrize("name", ["invoice.paid", "quote.sent", "client.deleted", "something.new"])
def test_other_events_are_known_to_be_ignored_whatever_they_hold(name: str) -> None:
    event = read_event(json.dumps({"event": name}).encode())
    assert not event.is_used
    assert event.client_id == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"event": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"event": "client.created"}',
        b'{"event": "client.created", "data": []}',
        _body(id=""),
        _body(id=None),
        _body(id=7),
        _body(client={"id": ""}),
    ],
)
def test_malformed_bodies_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the (body|client) "):
        read_event(raw)


@pytest.mark.parametrize("stamp", ["yesterday", "", "2025-03-01T09:30:00", None, 12])
def test_unreadable_time_is_no_time(stamp: Any) -> None:
    raw = json.dumps({"event": "client.created", "timestamp": stamp, "data": {"id": "c1"}}).encode()
    assert read_event(raw).at is None
