"""Dynamics' webhooks: a shared secret in a header, and a body that is a hint."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.webhooks.desk import ORGANIZATION, SECRET, HookedDesk, kept

CONTACT = "0f8fad5b-d9cb-469f-a165-70867728950e"


def context(**values: Any) -> bytes:
    """A RemoteExecutionContext, as far as its names are documented."""
    attributes = [{"key": "emailaddress1", "value": "canary@example.com"}]
    return json.dumps(
        {
            "MessageName": "Update",
            "PrimaryEntityName": "contact",
            "PrimaryEntityId": CONTACT,
            "OrganizationId": ORGANIZATION.upper(),
            "OperationCreatedOn": "/Date(1790000000000+0000)/",
            "Depth": 1,
            "InputParameters": [{"key": "Target", "value": {"Attributes": attributes}}],
        }
        | values
    ).encode()


def deliver(desk: HookedDesk, path: str, body: bytes, secret: str = SECRET) -> int:
    return desk.post(path, body, {"X-CRM-Sync-Secret": secret, "x-ms-dynamics-entity-name": "contact"})


@pytest.mark.parametrize("message", ["Create", "Update", "Delete"])
def test_message_about_a_contact_is_kept_as_a_hint(desk: HookedDesk, message: str) -> None:
    assert deliver(desk, desk.hook("dynamics"), context(MessageName=message)) == 204
    [row] = kept(desk.sync)
    assert (row.event, row.remote_id) == (f"contact.{message.lower()}", CONTACT)
    assert row.happened_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    assert "canary" not in str(row)


def test_message_that_was_too_long_for_dynamics_is_a_hint_all_the_same(desk: HookedDesk) -> None:
    assert deliver(desk, desk.hook("dynamics"), context(InputParameters=None)) == 204
    assert [row.remote_id for row in kept(desk.sync)] == [CONTACT]


def test_repeated_message_is_taken_once(desk: HookedDesk) -> None:
    path = desk.hook("dynamics")
    for body in (context(), context(), context(Depth=2)):
        assert deliver(desk, path, body) == 204
    assert len(kept(desk.sync)) == 2


@pytest.mark.parametrize("secret", ["", SECRET[:-1], SECRET + "x", SECRET.upper(), f"{SECRET}, {SECRET}", "é"])
def test_wrong_secret_is_refused(desk: HookedDesk, secret: str) -> None:
    path = desk.hook("dynamics")
    assert deliver(desk, path, context(), secret) == 401
    assert desk.post(f"{path}?code={SECRET}", context(), {}) == 401  # addresses end up in logs: never there
    assert kept(desk.sync) == []


@pytest.mark.parametrize(
    "values",
    [
        {"PrimaryEntityName": "account"},
        {"MessageName": "Retrieve"},
        {"OrganizationId": "11111111-2222-4333-8444-555555555555"},
    ],
)
def test_what_is_not_about_our_contacts_is_acknowledged_and_not_kept(desk: HookedDesk, values: dict[str, Any]) -> None:
    assert deliver(desk, desk.hook("dynamics"), context(**values)) == 204
    assert kept(desk.sync) == []


_WRONG: list[dict[str, Any]] = [{"PrimaryEntityId": None}, {"PrimaryEntityId": "x"}, {"OrganizationId": 1}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml/>",
        b"[]",
        b"{}",
        context(PrimaryEntityId=None),
        context(PrimaryEntityId="x"),
        context(OrganizationId=1),
    ],
)
def test_malformed_body_is_refused(desk: HookedDesk, body: bytes) -> None:
    assert deliver(desk, desk.hook("dynamics"), body) == 400


@pytest.mark.parametrize("told", [None, 5, "yesterday", "/Date(x)/", "/Date(999999999999999)/"])
def test_odd_time_does_no_harm(desk: HookedDesk, told: object) -> None:
    assert deliver(desk, desk.hook("dynamics"), context(OperationCreatedOn=told)) == 204
    assert [row.happened_at for row in kept(desk.sync)] == [None]
