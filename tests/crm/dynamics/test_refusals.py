"""The table of refusals says what the adapter does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from flask_crm_sync.crm.base import VendorError
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.crm.dynamics.answers import Setting, failure
from flask_crm_sync.crm.dynamics.multipart import Answer, Request
from flask_crm_sync.errors import CRMError, Duplicate

_SETTING = Setting(str, datetime(2026, 11, 20, 22, 30, tzinfo=UTC))
_WIRE = [row for row in DynamicsAdapter.vendor_errors if row.status]


def _meanings(row: VendorError) -> Iterator[CRMError | None]:
    body = {"error": {"code": row.code, "message": "Refused."}} if row.code.startswith("0x") else None
    condition = {"If-None-Match": "*"} if row.error is Duplicate else {"If-Match": 'W/"1"'}
    for status in row.status.split(", "):
        for writes in {"on a read": (False,), "on a write": (True,)}.get(row.code, (False, True)):
            yield failure(Answer(int(status), {}, body), _SETTING, writes=writes, part=_part(row, status, condition))


def _part(row: VendorError, status: str, condition: dict[str, str]) -> Request | None:
    return Request("PATCH", "/x", {}, condition) if status == "412" and not row.code else None


@pytest.mark.parametrize("row", _WIRE, ids=lambda row: f"{row.status} {row.code}")
def test_table_says_what_the_adapter_makes_of_it(row: VendorError) -> None:
    assert {type(meaning) for meaning in _meanings(row)} == {row.error}


def test_no_code_stands_twice() -> None:
    codes = [row.code for row in DynamicsAdapter.vendor_errors if row.code and not row.code.startswith("on ")]
    assert len(codes) == len(set(codes))
