"""Dynamics' refusals, in the words that its documentation gives them, and what we make of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flask_crm_sync.crm.base import VendorError
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.crm.dynamics.answers import Setting, allowance, failure, retry_after
from flask_crm_sync.crm.dynamics.multipart import Answer, Request
from flask_crm_sync.crm.http import clean
from flask_crm_sync.errors import (
    CredentialsRefused,
    CRMError,
    Duplicate,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    RecordLocked,
    RecordMissing,
    RejectedByCRM,
    ServerFault,
    TransientCRMError,
)

_BODIES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "payloads" / "error_bodies.json").read_text())
_NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
_SETTING = Setting(clean, _NOW, "ours")
_CREATE = Request("PATCH", "/x", {}, {"If-None-Match": "*"}, record_id="1" * 8)
_UPDATE = Request("PATCH", "/x", {}, {"If-Match": 'W/"7"'})


def _told(status: int, code: str = "", message: str = "Refused.", **headers: str) -> Answer:
    return Answer(status, headers, {"error": {"code": code, "message": message}})


def _meaning(answer: Answer, part: Request | None = None, *, writes: bool = True) -> CRMError:
    error = failure(answer, _SETTING, writes=writes, part=part)
    assert error is not None
    return error


def _documented(code: str = "", words: str = "") -> dict[str, Any]:
    return next(
        body for body in _BODIES if body["body"]["error"]["code"] == code and words in body["body"]["error"]["message"]
    )


@pytest.mark.parametrize(
    ("code", "words", "part", "kind"),
    [
        ("0x80072322", "", _CREATE, RateLimited),
        ("0x80072321", "", _CREATE, RateLimited),
        ("0x80072326", "", _CREATE, RateLimited),
        ("0x80072560", "", _CREATE, PermissionMissing),
        ("", "matching key values", _CREATE, Duplicate),
        ("", "RowVersion", _UPDATE, RecordLocked),
        ("", "Does Not Exist", _UPDATE, RecordMissing),
        ("0x80040333", "", _CREATE, Duplicate),
        ("0x80044331", "", _CREATE, InvalidRecord),
    ],
)
def test_documented_refusal_becomes_its_class(code: str, words: str, part: Request, kind: type[CRMError]) -> None:
    told = _documented(code, words)
    statuses = told["status"] if isinstance(told["status"], list) else [told["status"]]
    for status in statuses:
        error = _meaning(Answer(status, {"retry-after": "31"}, told["body"]), part)
        assert type(error) is kind
        assert error.status_code == status
        assert error.crm_message == " ".join(told["body"]["error"]["message"].split("\n"))
        assert error.retry_after == {RateLimited: 31, RecordLocked: 2}.get(kind)


@pytest.mark.parametrize("status", [412, 500])
def test_duplicate_rule_is_told_by_its_code_and_names_no_record_to_link(status: int) -> None:
    error = _meaning(_told(status, "0x80040333"), _CREATE)
    assert isinstance(error, Duplicate)
    assert error.existing_id is None


def test_create_that_meets_its_own_guid_names_it() -> None:
    for code in ("", "0x80040237"):
        error = _meaning(_told(412, code), _CREATE)
        assert isinstance(error, Duplicate)
        assert error.existing_id == _CREATE.record_id


@pytest.mark.parametrize(
    ("status", "of_a_write", "of_a_read", "of_a_part_that_reads"),
    [
        (302, OutcomeUnknown, ServerFault, TransientCRMError),
        (400, InvalidRecord, InvalidRecord, InvalidRecord),
        (401, CredentialsRefused, CredentialsRefused, CredentialsRefused),
        (403, PermissionMissing, PermissionMissing, PermissionMissing),
        (404, RecordMissing, RecordMissing, RecordMissing),
        (405, RejectedByCRM, RejectedByCRM, RejectedByCRM),
        (408, OutcomeUnknown, ServerFault, TransientCRMError),
        (413, RejectedByCRM, RejectedByCRM, RejectedByCRM),
        (429, RateLimited, RateLimited, RateLimited),
        (500, OutcomeUnknown, ServerFault, TransientCRMError),
        (502, OutcomeUnknown, ServerFault, TransientCRMError),
        (503, OutcomeUnknown, ServerFault, TransientCRMError),
        (504, OutcomeUnknown, ServerFault, TransientCRMError),
    ],
)
def test_bare_status_becomes_its_class(
    status: int, of_a_write: type, of_a_read: type, of_a_part_that_reads: type
) -> None:
    bare = Answer(status, {})
    assert type(_meaning(bare)) is of_a_write
    assert type(_meaning(bare, writes=False)) is of_a_read
    assert type(_meaning(bare, Request("GET", "/x"), writes=False)) is of_a_part_that_reads


@pytest.mark.parametrize(
    "body", [None, [], "x", {"error": "x"}, {"error": {"code": 7, "message": None}}, {"error": []}]
)
def test_error_body_of_any_shape_is_read_by_its_status(body: Any) -> None:
    assert isinstance(_meaning(Answer(400, {}, body)), InvalidRecord)


def test_success_is_no_error() -> None:
    assert failure(Answer(204, {}), _SETTING, writes=True) is None
    assert failure(Answer(201, {}, {"a": 1}), _SETTING, writes=True) is None


def test_missing_application_user_is_explained() -> None:
    error = _meaning(_told(403, "0x80072560", "The user is not a member of the organization."))
    assert isinstance(error, PermissionMissing)
    assert "application user" in str(error).lower()
    assert error.permissions
    assert error.permissions[0] in str(error)


def test_missing_privilege_is_named() -> None:
    words = "Principal user (Id=1, type=8) is missing prvCreateContact privilege (Id=2) on OTC=2 for entity 'contact'."
    error = _meaning(_told(403, "0x80040220", words))
    assert isinstance(error, PermissionMissing)
    assert error.permissions == ("prvCreateContact",)
    assert "prvCreateContact" in str(error)


def test_column_that_a_message_quotes_is_named_by_the_hosts_field() -> None:
    words = "The length of the 'address1_city' attribute of the 'contact' entity exceeded the maximum of '80'."
    error = _meaning(_told(400, "0x80044331", words))
    assert isinstance(error, InvalidRecord)
    assert error.fields == {"city": words}


def test_request_id_for_support_is_dynamics_own_else_the_parts_else_ours() -> None:
    both = {"x-ms-service-request-id": "theirs", "req_id": "part"}
    assert _meaning(_told(400, **both)).request_id == "theirs"
    assert _meaning(_told(400, req_id="part")).request_id == "part"
    assert _meaning(_told(400)).request_id == "ours"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("17", 17.0),
        ("0.5", 0.5),
        ("-5", None),
        ("9999999", 86_400.0),
        ("Mon, 23 Nov 2026 06:01:30 GMT", 90.0),
        ("Mon, 23 Nov 2026 05:00:00 GMT", 0.0),
    ],
)
def test_wait_is_read_in_seconds_or_as_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, _NOW) == seconds


def test_limit_without_a_wait_waits_a_minute() -> None:
    assert _meaning(Answer(429, {})).retry_after == 60


def test_limit_is_read_from_the_headers_where_they_tell_it() -> None:
    told = allowance({"x-ms-ratelimit-burst-remaining-xrm-requests": "5987"})
    assert told is not None
    assert (told.limit, told.remaining, told.interval_seconds) == (6000, 5987, 300)
    assert allowance({}) is None
    assert allowance({"x-ms-ratelimit-burst-remaining-xrm-requests": "many"}) is None


def _rows(*codes: str) -> list[VendorError]:
    return [row for row in DynamicsAdapter.vendor_errors if row.code in codes]


def test_table_of_refusals_has_every_code_of_the_documentation() -> None:
    told = {body["body"]["error"]["code"] for body in _BODIES} - {""}
    assert told <= {row.code for row in DynamicsAdapter.vendor_errors}
    assert all(row.means for row in DynamicsAdapter.vendor_errors)
    sign_in = (
        7000215,
        7000222,
        700016,
        90002,
        70011,
        500011,
        65001,
        7000112,
        50011,
        53003,
        54005,
        70008,
        700082,
        70000,
    )
    assert len(_rows(*map(str, sign_in))) == len(sign_in)
    assert "Value" in _rows("7000215")[0].then
