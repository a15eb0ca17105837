"""What the crash suite must know of each CRM: how an account is connected, which calls write, where it shows things."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from example_host.crms import CRMS, Shown

_TAG = re.compile(r"\b(?:client|talk|never-[a-z]+)-\d+-\d+\b")
_MANY = 60_000
"""Calls a minute, where the usual limit would make a test last for hours."""


@dataclass(frozen=True)
class Portal:
    """An account's portal in the CRM: its name there, how it is opened, and the keys with which it is connected."""

    name: str
    opened_by: Mapping[str, Any]
    method: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One CRM. `writes` are ends of the paths that a fault strikes."""

    portals: Mapping[int, Portal]
    shown: Shown
    writes: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)
    company_is_text: bool = True
    """Whether a contact's company is a text there; otherwise its tag stands in the state as well."""
    notes_can_be_found: bool = True
    """Whether a note of which nobody heard can be looked for; otherwise a person must settle it."""
    creates_can_be_confirmed: bool = True
    """Whether a record of which nobody heard is surely found; otherwise a person must settle some of them."""
    notes_are_rewritten: bool = True
    """Whether a conversation that went on has its note rewritten; otherwise a further note follows."""


def tag_of(properties: Mapping[str, Any]) -> str:
    """Return the tag of a client or a conversation, wherever the CRM keeps it; "" where there is none."""
    found = _TAG.search("\n".join(str(value) for value in properties.values() if value))
    return found[0] if found else ""


def _hubspot(number: int, token: str) -> Portal:
    return Portal(str(number), {"portal_id": number, "token": token}, "token", (token,))


def _salesforce(name: str, org: str) -> Portal:
    client, secret, instance = f"{name}-client-id", f"{name}-client-secret", f"https://{name}.my.salesforce.com"
    body = {"portal_id": org, "name": name, "instance": instance, "client_id": client, "client_secret": secret}
    return Portal(org, body, "client_credentials", (client, secret, instance))


def _dynamics(name: str) -> Portal:
    tenant, client = "99999999-8888-4777-8666-555555555555", "11111111-2222-4333-8444-555555555555"
    keys = (f"https://{name}.crm.dynamics.com", tenant, client, "sandbox-client-secret")
    return Portal(name, {"portal_id": name}, "client_credentials", keys)


def _autochat(name: str) -> Portal:
    return Portal(name, {"portal_id": name, "token": f"ac-{name}-key", "limit": _MANY}, "api_key", (f"ac-{name}-key",))


KINDS: Mapping[str, Kind] = {
    "hubspot": Kind(
        {1: _hubspot(11, "pat-na1-first"), 2: _hubspot(22, "pat-na1-second")},
        CRMS["hubspot"],
        ("/batch/upsert", "/batch/create", "/batch/update"),
    ),
    "salesforce": Kind(
        {1: _salesforce("first", "00D5g00000First0"), 2: _salesforce("second", "00D5g0000Second0")},
        CRMS["salesforce"],
        ("/composite/sobjects", "/composite/graph", "/composite"),
    ),
    "dynamics": Kind(
        {1: _dynamics("first"), 2: _dynamics("second")},
        CRMS["dynamics"],
        ("/$batch",),
        company_is_text=False,
    ),
    "autochat": Kind(
        {1: _autochat("first"), 2: _autochat("second")},
        CRMS["autochat"],
        ("/clients",),
        settings={
            "CRM_SYNC_AUTOCHAT_BASE_URL": "https://sandbox.supabase.co/functions/v1/crm-api/v1",
            "CRM_SYNC_AUTOCHAT_SEARCH": "email",
        },
        switches={"search_by": "email"},
        notes_can_be_found=False,
        creates_can_be_confirmed=False,
        notes_are_rewritten=False,
    ),
}
