"""What the suite must know of each CRM: how its sandbox opens, what it cannot do, and how it words some troubles.

A new adapter of the registry needs a case here, or it fails every test of the suite. What a CRM cannot do is named one
by one, and each such name keeps only those tests away that are about it. Another package brings its own case and
server by the entry point `flask_crm_sync.contract`, as `tests/plugin_crm` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

import pytest

from flask_crm_sync.crm.registry import adapters
from flask_crm_sync.errors import CRMError, InvalidRecord, OutcomeUnknown, ServerFault, Unreachable
from flask_crm_sync.sandbox.crm import SandboxCRM
from flask_crm_sync.sandbox.server import Sandbox

ABILITIES: Mapping[str, str] = {
    "batches": "many records in one call",
    "keys": "our own key on a record, so that a lost or repeated create is found by it",
    "claiming": "setting our own key on a record that was there before us",
    "phones": "finding a record by its phone",
    "merges": "two records merged into one, whose ids both lead to the survivor",
    "unique emails": "refusing a second record with an e-mail, and naming the first",
    "rewriting notes": "changing a note in place",
    "finding notes": "finding the note of an unanswered attempt",
    "pages": "a page of its own for each record, whose address is known",
    "named fields": "saying which field a refused value is in",
    "named requests": "giving each call an id for the vendor's support",
    "moving": "announcing that an account moves, and for how long",
    "deleting": "removing a record for good",
    "further texts": "describing texts beside those of every client",
    "whole refusals": "refusing a batch whole for one bad record, without a word which",
}

Classes = tuple[type[CRMError], type[CRMError]]


@dataclass(frozen=True)
class Case:
    """One CRM's sandbox and ways. `writes` and `note_writes` match the calls that write, as a fault does.

    `a_person_enters` is what a person cannot leave out of a new record there; `troubles` are classes (of a write, of a
    read) that differ from the usual ones; `most_calls` is allowed for so many new clients, with a note each.
    """

    method: str
    credentials: Mapping[str, str]
    wrong_credentials: Mapping[str, str]
    portal: Mapping[str, Any]
    writes: Mapping[str, str]
    note_writes: Mapping[str, str]
    note_body: str
    most_calls: tuple[int, int]
    cannot: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)
    found_at_once: Mapping[str, Any] = field(default_factory=dict)
    """Switches that let what was just written be found by phone, where a search index lags."""
    a_person_enters: Mapping[str, str] = field(default_factory=dict)
    troubles: Mapping[str, Classes] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    """The HTTP status of a trouble, where it is not the usual one."""
    bad_value: tuple[str, str] = ("email", "not-an-address")
    """A field and a text that the CRM refuses in it, past the adapter's own look at it."""
    never_there: str = "987654321"
    records_a_call: int = 100
    user: str = ""
    """As whom the credentials work there, where the CRM tells it."""
    longest_text: int = 60_000
    """Characters of a name, where the adapter leaves lengths to the CRM; else the adapter's own limit decides."""

    @property
    def secret(self) -> str:
        """Return the first of the credentials, which must never show."""
        return next(iter(self.credentials.values()))


_SALESFORCE = {
    "instance_url": "https://sandbox.my.salesforce.com",
    "identity": "https://login.salesforce.com/id/00D5g000004SandboxEAC/0055g00000000001AAA",
}

_DYNAMICS = {"instance_url": "https://sandbox.crm.dynamics.com"}

CASES: dict[str, Case] = {
    "hubspot": Case(
        method="token",
        credentials={"token": "pat-na1-sandbox"},
        wrong_credentials={"token": "wrong-pat-na1-sandbox"},
        portal={"portal_id": 1234567, "token": "pat-na1-sandbox"},
        writes={"path": "/batch/"},
        note_writes={"path": "notes/batch/"},
        note_body="hs_note_body",
        most_calls=(1000, 45),
        found_at_once={"search_lag_ms": 0},
        troubles={"526": (Unreachable, Unreachable)},
    ),
    "salesforce": Case(
        method="oauth",
        credentials={"access_token": "00D5g-sandbox-session", "refresh_token": "", "expires_at": "", **_SALESFORCE},
        wrong_credentials={"access_token": "00D5g-wrong-session", "refresh_token": "", "expires_at": "", **_SALESFORCE},
        portal={"portal_id": "00D5g000004Sandbox", "token": "00D5g-sandbox-session"},
        writes={"path": "/composite/sobjects"},
        note_writes={"path": "/composite/sobjects"},
        note_body="Description",
        most_calls=(1000, 35),
        cannot=frozenset({"unique emails", "moving", "named requests"}),
        a_person_enters={"last_name": "Walker", "company": "Walk-ins"},
        # A move of the org looks like any other trouble of the server.
        troubles={"moving": (OutcomeUnknown, ServerFault)},
        statuses={"throttle": 403},
        never_there="00Q5g00000ZZZZZEAZ",
        user="integration@00d5g000004sand.example.com",
        records_a_call=200,
    ),
    "dynamics": Case(
        method="oauth",
        credentials={"access_token": "dv-sandbox-token", "expires_at": "", **_DYNAMICS},
        wrong_credentials={"access_token": "dv-wrong-token", "expires_at": "", **_DYNAMICS},
        portal={"portal_id": "sandbox", "token": "dv-sandbox-token"},
        writes={"path": "$batch"},
        note_writes={"path": "$batch"},
        note_body="notetext",
        most_calls=(1000, 35),
        cannot=frozenset({"claiming", "unique emails", "moving", "named requests"}),
        settings={"dynamics_company": "create"},
        # Neither a lock nor a move is told apart from other trouble of the server.
        troubles={"locked": (OutcomeUnknown, ServerFault), "moving": (OutcomeUnknown, ServerFault)},
        bad_value=("city", "x" * 5_000),
        never_there="00000000-0000-4000-8000-000000000000",
        user="# Sandbox app",
    ),
    "autochat": Case(
        method="api_key",
        credentials={"api_key": "ac-sandbox-key", "base_url": "https://sandbox.supabase.co/functions/v1/crm-api/v1"},
        wrong_credentials={
            "api_key": "ac-wrong-key",
            "base_url": "https://sandbox.supabase.co/functions/v1/crm-api/v1",
        },
        portal={"portal_id": "sandbox", "token": "ac-sandbox-key", "limit": 100_000},
        writes={"method": "POST", "path": "/clients"},
        note_writes={"path": "/activities"},
        note_body="description",
        # Two for each client (look up, create) and one for its note.
        most_calls=(100, 300),
        cannot=frozenset(ABILITIES),
        settings={"autochat_search": "email"},
        switches={"search_by": "email"},
        a_person_enters={"company": "Walk-ins"},
        # A conflict is not told apart from other refusals, and a move looks like any other trouble.
        troubles={"locked": (InvalidRecord, InvalidRecord), "moving": (OutcomeUnknown, ServerFault)},
        never_there="00000000-0000-4000-8000-000000000000",
        records_a_call=1,
        longest_text=255,
    ),
}


SANDBOXES: list[Callable[[Sandbox], SandboxCRM]] = []
"""What makes the servers of other packages' CRMs, which join ours on the one origin."""

for _entry in entry_points(group="flask_crm_sync.contract"):
    _part = _entry.load()
    CASES[_entry.name] = Case(**_part.CASE)
    SANDBOXES.append(_part.server)


def capable(capability: str, *abilities: str) -> pytest.MarkDecorator:
    """Run a test on those CRMs whose adapters say that they have a capability, and that can do what it is about."""
    assert set(abilities) <= set(ABILITIES), abilities
    known = [name for name, adapter in sorted(adapters().items()) if capability in adapter.capabilities]
    names = [name for name in known if name not in CASES or not CASES[name].cannot & set(abilities)]
    return pytest.mark.parametrize("bench", names, indirect=True)


def incapable(capability: str) -> pytest.MarkDecorator:
    """Run a test on those CRMs whose adapters do not say that they have a capability."""
    names = [name for name, adapter in sorted(adapters().items()) if capability not in adapter.capabilities]
    return pytest.mark.parametrize("bench", names, indirect=True)


def able(*abilities: str) -> pytest.MarkDecorator:
    """Run a test on those CRMs that can do what it is about."""
    assert set(abilities) <= set(ABILITIES), abilities
    names = [name for name in sorted(adapters()) if name not in CASES or not CASES[name].cannot & set(abilities)]
    return pytest.mark.parametrize("bench", names, indirect=True)
