"""The table of HubSpot's refusals says what `answers.py` does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.crm.base import VendorError
from flask_crm_sync.crm.http import Response
from flask_crm_sync.crm.hubspot import HubSpotAdapter
from flask_crm_sync.crm.hubspot.answers import Setting, failure, row_error
from flask_crm_sync.crm.hubspot.refusals import ROW, TOKEN_CODES, VENDOR_ERRORS
from flask_crm_sync.errors import CRMError

_PAYLOADS = Path(__file__).parent / "payloads"
_SETTING = Setting(str, datetime(2026, 11, 20, 22, 30, tzinfo=UTC), "US/Eastern")
_POLICIES = {"TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"}
_FAULTS = {"INVALID_EMAIL", "INVALID_OPTION", "READ_ONLY_VALUE", "PROPERTY_DOESNT_EXIST"}


def _body(code: str) -> dict[str, Any]:
    """Return a body that says a code where HubSpot says it."""
    if code in _POLICIES:
        return {"errorType": "RATE_LIMIT", "policyName": code}
    if code in _FAULTS:
        detail = {"message": "no", "code": code, "context": {"propertyName": ["zip"]}}
        return {"category": "VALIDATION_ERROR", "errors": [detail]}
    return {"category": code} if code.isupper() else {}


def _meanings(entry: VendorError) -> Iterator[CRMError | None]:
    if entry.status == ROW:
        yield row_error(_body(entry.code), _SETTING)
        return
    for status in entry.status.split(", "):
        response = Response(int(status), {}, _body(entry.code), "")
        for writes in {"on a read": (False,), "on a write": (True,)}.get(entry.code, (False, True)):
            yield failure(response, _SETTING, writes=writes)


@pytest.mark.parametrize(
    "entry",
    [entry for entry in VENDOR_ERRORS if entry.status != "none" and entry.code not in TOKEN_CODES],
    ids=lambda entry: f"{entry.status} {entry.code}",
)
def test_table_says_what_the_adapter_makes_of_it(entry: VendorError) -> None:
    assert {type(meaning) for meaning in _meanings(entry)} == {entry.error}


@pytest.mark.parametrize("path", sorted(_PAYLOADS.glob("*.json")), ids=lambda path: path.stem)
def test_every_recorded_refusal_is_in_the_table(path: Path) -> None:
    told = json.loads(path.read_text())
    statuses = {status for entry in HubSpotAdapter.vendor_errors for status in entry.status.split(", ")}
    assert told["status"] == 207 or str(told["status"]) in statuses
