"""Tiny CRM's part in the contract suite, found by the entry point `flask_crm_sync.contract`."""

from __future__ import annotations

from typing import Any

from flask_crm_sync.errors import OutcomeUnknown, ServerFault
from flask_crm_sync.sandbox.server import Sandbox
from tinycrm.sandbox import KEY, TinyCRM

CASE: dict[str, Any] = {
    "method": "key",
    "credentials": {"key": KEY},
    "wrong_credentials": {"key": "tiny-wrong-key"},
    "portal": {"portal_id": "tiny"},
    "writes": {"method": "POST", "path": "/people"},
    "note_writes": {"path": "/notes"},
    "note_body": "text",
    "most_calls": (100, 300),
    "cannot": frozenset(
        {"batches", "phones", "merges", "unique emails", "pages", "named requests", "moving", "whole refusals"}
    ),
    "troubles": {"moving": (OutcomeUnknown, ServerFault)},
    "records_a_call": 1,
}


def server(sandbox: Sandbox) -> TinyCRM:
    """Return Tiny CRM's server, to join ours on the sandbox's origin."""
    return TinyCRM(sandbox.calls, sandbox.faults)
