"""The page of errors says what the code does."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from flask_crm_sync.crm.base import Adapter
from flask_crm_sync.crm.registry import adapters
from flask_crm_sync.errors import CRMError, error_classes

_DOCS = Path(__file__).parents[1] / "docs"
_OURS = [adapter for adapter in adapters().values() if adapter.__module__.startswith("flask_crm_sync.")]


def test_error_page_is_written_from_the_adapters() -> None:
    written = runpy.run_path(str(_DOCS / "write_errors.py"))["page"]()
    shown = (_DOCS / "errors.md").read_text(encoding="utf-8")
    assert shown == written, "run `python docs/write_errors.py`"


@pytest.mark.parametrize("adapter", _OURS, ids=lambda adapter: adapter.name)
def test_every_adapter_tells_its_vendors_errors(adapter: type[Adapter]) -> None:
    assert adapter.vendor_errors
    told = [(entry.status, entry.code, entry.means) for entry in adapter.vendor_errors]
    assert len(set(told)) == len(told), "a row twice"
    assert all(entry.means and (entry.status or entry.code) for entry in adapter.vendor_errors)
    assert {entry.error for entry in adapter.vendor_errors} <= set(error_classes(CRMError))


@pytest.mark.parametrize("adapter", _OURS, ids=lambda adapter: adapter.name)
def test_every_adapter_knows_a_limit_a_refused_key_and_a_lost_answer(adapter: type[Adapter]) -> None:
    codes = {entry.error.code for entry in adapter.vendor_errors}
    assert {"rate_limited", "credentials_refused", "permission_missing", "outcome_unknown", "record_missing"} <= codes
