"""The table of AutoChat CRM's refusals says what the adapter does."""

from __future__ import annotations

import pytest

from flask_crm_sync.crm.autochat.answers import VENDOR_ERRORS, failure
from flask_crm_sync.crm.base import VendorError
from flask_crm_sync.crm.http import Response

from .conftest import NOW

_KINDS = {"3xx": (301, 302, 307, 308), "other 4xx": (402, 410, 413, 415), "5xx": (500, 502, 503, 504, 546)}
_ONE_WAY = {"on a read": (False,), "on a write": (True,)}


def _statuses(entry: VendorError) -> tuple[int, ...]:
    return _KINDS.get(entry.status) or tuple(int(status) for status in entry.status.split(", "))


@pytest.mark.parametrize(
    "entry",
    # What depends on the path is tested where the calls are.
    [entry for entry in VENDOR_ERRORS if entry.status != "none" and entry.code in {"", *_ONE_WAY}],
    ids=lambda entry: f"{entry.status} {entry.code}",
)
def test_table_says_what_the_adapter_makes_of_it(entry: VendorError) -> None:
    for status in _statuses(entry):
        for writes in _ONE_WAY.get(entry.code, (True, False)):
            meaning = failure(Response(status, {}, None, ""), scope="s", writes=writes, now=NOW, words=str)
            assert type(meaning) is entry.error
