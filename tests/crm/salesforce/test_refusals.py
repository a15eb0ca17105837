"""The table of Salesforce's refusals says what the adapter makes of them; recorded bodies are among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from flask_crm_sync.crm.base import Lookup, VendorError, Write
from flask_crm_sync.crm.salesforce.answers import allowance, failure, result
from flask_crm_sync.crm.salesforce.refusals import RECORD, SIGN_IN, VENDOR_ERRORS
from flask_crm_sync.errors import (
    AmbiguousMatch,
    CredentialsRefused,
    CRMError,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    ReconnectRequired,
    RecordLocked,
    RecordMissing,
    ServerFault,
)

from .conftest import API, BARE, LEAD, Meter, adapter_for, payload


def _body(entry: VendorError) -> dict[str, Any]:
    code, _colon, message = entry.code.partition(": ")
    return {"message": message or "no", "errorCode": code, "statusCode": code, "fields": []}


def _meanings(entry: VendorError) -> Iterator[CRMError | None]:
    if entry.status in (RECORD, ""):
        refusal = result({"success": False, "errors": [_body(entry)]}, str)
        yield getattr(refusal, "error", None)
    for status in entry.status.split(", ") if entry.status != RECORD else ():
        for writes in {"on a read": (False,), "on a write": (True,)}.get(entry.code, (False, True)):
            yield failure(int(status or 400), [_body(entry)], "", str, writes=writes)


@pytest.mark.parametrize(
    "entry", [e for e in VENDOR_ERRORS if e not in SIGN_IN], ids=lambda entry: f"{entry.status} {entry.code}"
)
def test_table_says_what_the_adapter_makes_of_it(entry: VendorError) -> None:
    assert {type(meaning) for meaning in _meanings(entry)} == {entry.error}


@pytest.mark.parametrize("entry", SIGN_IN, ids=lambda entry: entry.code)
def test_refused_sign_in_is_told_with_what_to_do(entry: VendorError) -> None:
    error, _colon, description = entry.code.partition(": ")
    told = failure(400, {"error": error, "error_description": description or "no"}, "", str, writes=True)
    assert type(told) is entry.error
    assert str(told) == entry.means


@pytest.mark.parametrize(
    ("status", "body", "of_a_write", "of_a_read"),
    [
        (200, None, type(None), type(None)),
        (302, None, OutcomeUnknown, ServerFault),
        (408, None, OutcomeUnknown, ServerFault),
        (500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "x"}], OutcomeUnknown, ServerFault),
        (503, "maintenance", OutcomeUnknown, ServerFault),
        (400, [], InvalidRecord, InvalidRecord),
        (400, [{"errorCode": "SOMETHING_NEW", "message": "x"}], InvalidRecord, InvalidRecord),
        (400, [{"errorCode": 7, "message": None, "fields": "x"}], InvalidRecord, InvalidRecord),
        (401, None, CredentialsRefused, CredentialsRefused),
        (403, [{"errorCode": "SOMETHING_NEW"}], PermissionMissing, PermissionMissing),
        (404, {"x": 1}, RecordMissing, RecordMissing),
        (414, None, InvalidRecord, InvalidRecord),
        (431, None, InvalidRecord, InvalidRecord),
    ],
)
def test_answers_that_no_table_knows_get_a_class_too(status: int, body: Any, of_a_write: type, of_a_read: type) -> None:
    assert type(failure(status, body, "", str, writes=True)) is of_a_write
    assert type(failure(status, body, "", str, writes=False)) is of_a_read


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("session_expired", CredentialsRefused),
        ("grant_expired", CredentialsRefused),
        ("external_id_unknown", ReconnectRequired),
        ("several_have_the_key", AmbiguousMatch),
        ("column_unknown", ReconnectRequired),
    ],
)
def test_recorded_refusals_get_their_class(name: str, error: type[CRMError]) -> None:
    told = payload(name)
    assert type(failure(told["status"], told["body"], "", str, writes=True)) is error


@pytest.mark.parametrize(
    ("message", "wait"),
    [
        ("TotalRequests Limit exceeded.", 900.0),
        ("ConcurrentPerOrgLongTxn Limit exceeded", 10.0),
        ("ConcurrentRequests (Concurrent API Requests) Limit exceeded.", 10.0),
        ("Something new exceeded.", 900.0),
    ],
)
def test_spent_quota_rests_longer_than_a_busy_moment(message: str, wait: float) -> None:
    error = failure(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": message}], "", str, writes=True)
    assert isinstance(error, RateLimited)
    assert error.retry_after == wait


def test_missing_right_is_named() -> None:
    error = failure(403, [{"errorCode": "API_DISABLED_FOR_ORG", "message": "no"}], "", str, writes=False)
    assert isinstance(error, PermissionMissing)
    assert error.permissions == ("API Enabled",)
    assert "API Enabled" in str(error)


def test_refused_value_is_named_by_the_hosts_field() -> None:
    told = {"statusCode": "STRING_TOO_LONG", "message": "data value too large", "fields": ["MailingCity"]}
    error = getattr(result({"success": False, "errors": [told]}, str), "error", None)
    assert isinstance(error, InvalidRecord)
    assert error.fields == {"city": "data value too large"}
    assert error.crm_message == "data value too large"


@pytest.mark.parametrize("item", [None, [], {}, {"success": "true"}, {"id": LEAD}])
def test_item_that_says_nothing_leaves_its_outcome_open(item: Any) -> None:
    assert isinstance(getattr(result(item, str), "error", None), OutcomeUnknown)


def test_locked_row_is_tried_again_soon() -> None:
    told = {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "x", "fields": []}
    error = getattr(result({"success": False, "errors": [told]}, str), "error", None)
    assert isinstance(error, RecordLocked)
    assert error.retry_after == 2.0


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("api-usage=18/5000", (5000, 4982)),
        ("api-usage=18/5000; per-app-api-usage=17/250(appName=sample-app)", (5000, 4982)),
        ("per-app-api-usage=17/250(appName=sample-app), api-usage=6000/5000", (5000, 0)),
        ("per-app-api-usage=17/250(appName=sample-app)", None),
        ("nonsense", None),
    ],
)
def test_limit_header_tells_the_daily_budget(header: str, told: tuple[int, int] | None) -> None:
    allowed = allowance({"Sforce-Limit-Info": header})
    assert (allowed and (allowed.daily_limit, allowed.daily_remaining)) == told


def test_limits_reach_the_meter_with_every_answer(salesforce: responses.RequestsMock) -> None:
    meter = Meter()
    salesforce.add("POST", f"{API}/composite", json=[], status=503, headers={"Sforce-Limit-Info": "api-usage=1/10"})
    (outcome,) = adapter_for(BARE, meter).find([Lookup("k", "ann@example.com")])
    assert isinstance(outcome, ServerFault)
    assert [allowed.daily_remaining for allowed in meter.told] == [9]


def test_token_never_shows_in_what_salesforce_said(salesforce: responses.RequestsMock) -> None:
    body = [{"errorCode": "INVALID_SESSION_ID", "message": "Session 00Dxx!AQtoken expired"}]
    salesforce.add("POST", f"{API}/composite/sobjects", json=body, status=401)
    (error,) = adapter_for(BARE).upsert([Write("k", {"Email": "ann@example.com"})])
    assert isinstance(error, CredentialsRefused)
    assert error.crm_message == "Session [removed] expired"
