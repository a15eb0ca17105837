"""An adapter whose calls are answered by what Salesforce was recorded, or documented, to say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import responses

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.http import Allowance
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.crm.salesforce import SalesforceAdapter

PAYLOADS = Path(__file__).parent / "payloads"
ORIGIN = "https://acme.my.salesforce.com"
API = f"{ORIGIN}/services/data/v60.0"
NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
KEY = "CRM_Sync_Id__c"
LEAD, CONTACT, TASK = "00Q5g00000A1b2CEAR", "0035g00000A1b2CAAR", "00T5g00000A1b2CEAR"
_OPEN: dict[str, Any] = {"hidden": [], "not_settable": [], "not_changeable": [], "denied": [], "picks": {}}
KEYED = {"objects": {kind: {**_OPEN, "key": KEY} for kind in ("Lead", "Contact", "Task")}}
BARE = {"objects": {kind: {**_OPEN, "key": ""} for kind in ("Lead", "Contact", "Task")}}


class Clock(SystemClock):
    def now(self) -> datetime:
        return NOW


class Meter:
    def __init__(self) -> None:
        self.told: list[Allowance] = []

    def spend(self, kind: str) -> None:
        pass

    def learn(self, allowance: Allowance) -> None:
        self.told.append(allowance)


def adapter_for(traits: Mapping[str, Any] = KEYED, meter: Meter | None = None, **settings: Any) -> SalesforceAdapter:
    """Return an adapter for the org, as the engine would make it."""
    known = Settings(encryption_keys=(b"k" * 32,), phone_region="US", **settings)
    credentials = {"access_token": "00Dxx!AQtoken", "instance_url": ORIGIN}
    made = connect("salesforce", credentials, known, traits, meter=meter, clock=Clock())
    assert isinstance(made, SalesforceAdapter)
    return made


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def written(*items: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a collection's answer; an item without `id` is refused by its statusCode."""
    return [
        {"success": True, "errors": [], **item}
        if "id" in item
        else {"success": False, "errors": [{"message": "no", "fields": [], **item}]}
        for item in items
    ]


def sent(mock: responses.RequestsMock, number: int = -1) -> Any:
    """Return the JSON that a call carried."""
    body = mock.calls[number].request.body
    assert body is not None
    return json.loads(body)


@pytest.fixture
def salesforce() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock
