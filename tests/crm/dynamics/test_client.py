"""Batches: what goes into one call, what an answer that is cut or refused means, and pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_crm_sync.crm.base import Lookup, NoteWrite, RemoteRecord, Write, Written
from flask_crm_sync.errors import (
    CredentialsRefused,
    CRMError,
    InvalidRecord,
    OutcomeUnknown,
    RateLimited,
    ReconnectRequired,
    RecordMissing,
    ServerFault,
    TransientCRMError,
    Unreachable,
)

from .environment import ORIGIN, ROOT, Environment, Meter, Part, Told, refusal

_EMAIL = "emailaddress1"


def _key(number: int) -> str:
    return UUID(int=number + 1).hex


def _writes(count: int) -> list[Write]:
    return [Write(_key(n), {"firstname": "Ann", _EMAIL: f"ann{n}@example.com"}) for n in range(count)]


def _kinds(outcomes: list[Any]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def _wire(mock: responses.RequestsMock, body: str, status: int = 200, **headers: str) -> None:
    mock.replace("POST", f"{ROOT}$batch", body=body, status=status, headers=headers)


def _printed(*answers: str) -> str:
    return "".join(f"--b\r\nContent-Type: application/http\r\n\r\n{answer}\r\n" for answer in answers)


_DONE = "HTTP/1.1 204 No Content\r\n\r\n"
_BAD = 'HTTP/1.1 400 Bad Request\r\n\r\n{"error":{"code":"0x80044331","message":"too long"}}'


def test_call_carries_what_the_documentation_asks_for(env: Environment) -> None:
    env.adapter().upsert(_writes(1))
    headers = env.mock.calls[0].request.headers
    assert headers["OData-Version"] == headers["OData-MaxVersion"] == "4.0"
    assert headers["Prefer"] == "odata.continue-on-error"
    assert UUID(headers["x-ms-client-request-id"])
    (part,) = env.parts
    assert (part.method, part.path) == ("PATCH", f"contacts({UUID(_key(0))})")
    assert part.headers == {"Content-Type": "application/json; charset=utf-8", "If-None-Match": "*"}


def test_reads_within_a_batch_ask_past_caches_and_for_names(env: Environment) -> None:
    env.answer = lambda part: Told(404)
    env.adapter().read(["1"])
    assert env.parts[0].headers == {
        "Accept": "application/json",
        "If-None-Match": "null",
        "Prefer": 'odata.include-annotations="*"',
    }


@pytest.mark.parametrize(("size", "batches"), [(100, [100, 5]), (1000, [105]), (50, [50, 50, 5])])
def test_batches_have_the_configured_size(env: Environment, size: int, batches: list[int]) -> None:
    outcomes = env.adapter(dynamics_batch_size=size).upsert(_writes(105))
    assert set(_kinds(outcomes)) == {Written}
    assert [len(batch) for batch in env.batches] == batches


def test_no_batch_has_more_than_a_thousand_requests(env: Environment) -> None:
    env.answer = lambda part: Told(200, {"value": []}) if part.method == "GET" else Told(204)
    writes = [Write(_key(n), {"parentcustomerid": f"Company {n}"}) for n in range(700)]
    outcomes = env.adapter(dynamics_batch_size=1000, dynamics_company="create").upsert(writes)
    assert set(_kinds(outcomes)) == {Written}
    assert max(len(batch) for batch in env.batches) == 1000
    assert sum(part.path.startswith("accounts(") for part in env.parts) == 700


def test_meter_is_asked_once_a_batch_and_told_what_is_left(env: Environment) -> None:
    meter = Meter()
    env.headers = {"x-ms-ratelimit-burst-remaining-xrm-requests": "5000"}
    env.adapter(meter).upsert(_writes(150))
    assert meter.spent == ["call", "call"]
    assert [told.remaining for told in meter.told] == [5000, 5000]


def test_answer_without_an_end_leaves_the_rest_unknown_and_sends_no_more(env: Environment) -> None:
    _wire(env.mock, _printed(_DONE, _DONE), **{"Content-Type": "multipart/mixed; boundary=b"})
    outcomes = env.adapter(dynamics_batch_size=3).upsert(_writes(5))
    assert _kinds(outcomes) == [Written, OutcomeUnknown, OutcomeUnknown, Unreachable, Unreachable]
    assert len(env.mock.calls) == 1


def test_answer_that_speaks_of_another_record_puts_all_after_it_in_doubt(env: Environment) -> None:
    other = f"HTTP/1.1 204 No Content\r\nOData-EntityId: {ROOT}contacts({UUID(_key(7))})\r\n\r\n"
    _wire(env.mock, _printed(_DONE, other, _DONE) + "--b--", **{"Content-Type": "multipart/mixed; boundary=b"})
    assert _kinds(env.adapter().upsert(_writes(3))) == [Written, OutcomeUnknown, OutcomeUnknown]


def test_row_of_another_record_is_not_taken_for_the_one_asked_for(env: Environment) -> None:
    env.answer = lambda part: Told(200, {"contactid": str(UUID(_key(7)))})
    assert _kinds(env.adapter().read([_key(1)])) == [TransientCRMError]


def test_more_answers_than_requests_prove_nothing(env: Environment) -> None:
    _wire(env.mock, _printed(_DONE, _DONE) + "--b--", **{"Content-Type": "multipart/mixed; boundary=b"})
    assert _kinds(env.adapter().upsert(_writes(1))) == [OutcomeUnknown]


def test_success_that_is_no_batch_is_unknown_to_a_write_and_a_fault_to_a_read(env: Environment) -> None:
    _wire(env.mock, '{"value":[]}', **{"Content-Type": "application/json"})
    assert _kinds(env.adapter().upsert(_writes(2))) == [OutcomeUnknown] * 2
    assert _kinds(env.adapter().read(["1", "2"])) == [ServerFault] * 2


def test_batch_that_ended_at_the_first_error_is_taken_up_after_it(env: Environment) -> None:
    """Where continue-on-error was lost on the way, what comes after the error was not carried out."""
    url = f"{ROOT}$batch"
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    env.mock.remove("POST", url)
    env.mock.add("POST", url, body=_printed(_DONE, _BAD) + "--b--", status=400, headers=headers)
    env.mock.add("POST", url, body=_printed(_DONE, _DONE) + "--b--", headers=headers)
    outcomes = env.adapter().upsert(_writes(4))
    assert _kinds(outcomes) == [Written, InvalidRecord, Written, Written]
    assert len(env.mock.calls) == 2


def test_refusal_of_a_whole_batch_is_halved_until_the_faulty_record_stands_alone(env: Environment) -> None:
    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        sent = request.body.decode()
        if "ann3@" in sent:
            return 400, {}, '{"error":{"code":"","message":"A request is malformed."}}'
        count = sent.count("PATCH ")
        return 200, {"Content-Type": "multipart/mixed; boundary=b"}, _printed(*[_DONE] * count) + "--b--"

    env.mock.remove("POST", f"{ROOT}$batch")
    env.mock.add_callback("POST", f"{ROOT}$batch", answer)
    outcomes = env.adapter().upsert(_writes(8))
    assert [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Written)] == [3]
    assert isinstance(outcomes[3], InvalidRecord)


def test_address_without_the_api_is_no_word_about_any_record(env: Environment) -> None:
    _wire(env.mock, '{"error":{"code":"","message":"Not found."}}', 404)
    assert _kinds(env.adapter().read(["1", "2"])) == [ReconnectRequired] * 2
    assert len(env.mock.calls) == 1


def test_limit_on_the_whole_holds_everything_for_as_long_as_it_says(env: Environment) -> None:
    _wire(env.mock, '{"error":{"code":"0x80072322"}}', 429, **{"Retry-After": "77"})
    outcomes = env.adapter(dynamics_batch_size=1).upsert(_writes(3))
    assert {(type(outcome), getattr(outcome, "retry_after", 0)) for outcome in outcomes} == {(RateLimited, 77.0)}
    assert len(env.mock.calls) == 1


def test_limit_within_a_batch_stops_the_batches_after_it(env: Environment) -> None:
    def answer(part: Part) -> Told:
        return refusal(429, "0x80072326", **{"Retry-After": "9"}) if "000000000002" in part.path else Told(204)

    env.answer = answer
    outcomes = env.adapter(dynamics_batch_size=3).upsert(_writes(6))
    assert _kinds(outcomes) == [Written, RateLimited, Written, RateLimited, RateLimited, RateLimited]
    assert {outcome.retry_after for outcome in outcomes if isinstance(outcome, RateLimited)} == {9.0}
    assert len(env.batches) == 1


@pytest.mark.parametrize("inside", [True, False], ids=["within", "whole"])
def test_batches_are_halved_when_dynamics_works_too_long(env: Environment, inside: bool) -> None:
    adapter = env.adapter(dynamics_batch_size=8)
    if inside:
        env.answer = lambda part: refusal(429, "0x80072321")
        adapter.upsert(_writes(8))
        env.answer = lambda part: Told(204)
        env.batches.clear()
    else:
        kept = env.mock.registered()[0]
        env.mock.remove("POST", f"{ROOT}$batch")
        env.mock.add("POST", f"{ROOT}$batch", json={"error": {"code": "0x80072321"}}, status=429)
        adapter.upsert(_writes(8))
        env.mock.remove("POST", f"{ROOT}$batch")
        env.mock.add(kept)
    adapter.upsert(_writes(8))
    assert [len(batch) for batch in env.batches] == [4, 4]


def test_token_that_is_refused_within_a_batch_stops_everything(env: Environment) -> None:
    env.answer = lambda part: refusal(401)
    outcomes = env.adapter(dynamics_batch_size=1).upsert(_writes(3))
    assert set(_kinds(outcomes)) == {CredentialsRefused}
    assert len(env.batches) == 1


def test_fault_of_one_part_is_that_records_alone(env: Environment) -> None:
    env.answer = lambda part: refusal(500, "0x80040216") if "000000000002" in part.path else Told(204)
    outcomes = env.adapter().upsert(_writes(3))
    assert _kinds(outcomes) == [Written, OutcomeUnknown, Written]
    env.answer = lambda part: refusal(500) if "000000000002" in part.path else refusal(404)
    read = env.adapter().read([_key(0), _key(1), _key(2)])
    assert _kinds(read) == [RecordMissing, TransientCRMError, RecordMissing]


def _page(link: str | None, *emails: str) -> Told:
    rows = [{"contactid": str(UUID(int=100 + n)), _EMAIL: email, "statecode": 0} for n, email in enumerate(emails)]
    return Told(200, {"value": rows, **({"@odata.nextLink": link} if link else {})})


def test_pages_are_followed_unchanged_to_the_last(env: Environment) -> None:
    link = f"{ROOT}contacts?$select=contactid&$skiptoken=%3Ccookie%20pagenumber=%222%22%3E"
    env.answer = lambda part: _page(link, "ben@example.com")
    env.mock.add("GET", re.compile(re.escape(f"{ROOT}contacts")), json=_page(None, "ann@example.com").body)
    (found,) = env.adapter().find([Lookup("k", "ann@example.com", by_key=False)])
    assert isinstance(found, tuple)
    assert [match.by for match in found] == ["email"]
    assert env.mock.calls[1].request.url == link


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/data/v9.2/contacts?x",
        "https://org.crm4.dynamics.com.evil.example/api/data/v9.2/contacts",
        "https://org.crm4.dynamics.com@evil.example/api/data/v9.2/contacts",
        "http://org.crm4.dynamics.com/api/data/v9.2/contacts",
        f"{ORIGIN}/admin/everything",
        f"{ROOT}../../admin",
        f"{ROOT}contacts\r\nHost: evil.example",
        "//evil.example",
    ],
)
def test_next_page_elsewhere_is_never_called(env: Environment, link: str) -> None:
    env.answer = lambda part: _page(link, "ben@example.com")
    (found,) = env.adapter().find([Lookup("k", "ann@example.com", by_key=False)])
    assert isinstance(found, ServerFault)
    assert len(env.mock.calls) == 1


def test_list_without_an_end_is_given_up(env: Environment) -> None:
    link = f"{ROOT}contacts?$skiptoken=1"
    env.answer = lambda part: _page(link)
    env.mock.add("GET", re.compile(re.escape(f"{ROOT}contacts")), json=_page(link).body)
    assert _kinds(env.adapter().find([Lookup("k", "ann@example.com", by_key=False)])) == [ServerFault]


_NAMES = ["value", "contactid", "merged", "_masterid_value", "statecode", "error", "code", "@odata.nextLink", _EMAIL]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(body=_JSON, status=st.sampled_from([200, 204, 304, 400, 401, 403, 404, 412, 429, 500]))
def test_no_answer_whatever_its_shape_crashes_the_adapter(env: Environment, body: Any, status: int) -> None:
    env.answer = lambda part: Told(status, body)
    adapter = env.adapter()
    note = NoteWrite("k", "1", "Chat", "x", datetime(2026, 11, 22, tzinfo=UTC))
    assert len(adapter.find([Lookup("k", "ann@example.com", "+1 202-555-0123")])) == 1
    assert len(adapter.upsert([*_writes(1), Write("k", {"parentcustomerid": "X"}, "1")])) == 2
    assert all(isinstance(outcome, RemoteRecord | CRMError) for outcome in adapter.read(["1", "2"]))
    assert len(adapter.add_notes([note])) == 1
    assert len(adapter.find_notes([note])) == 1
