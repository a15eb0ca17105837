"""What every adapter must make of trouble: the class of the error decides what the engine does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flask_crm_sync.crm.base import Adapter, Lookup, RemoteRecord, Written
from flask_crm_sync.crm.http import Allowance
from flask_crm_sync.errors import (
    AccountMoving,
    CredentialsRefused,
    CRMError,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    RecordLocked,
    ServerFault,
    TransientCRMError,
    Unreachable,
)

from .cases import able
from .conftest import Bench

AdapterOf = Callable[..., Adapter]

_TROUBLE: list[Any] = [
    pytest.param("throttle", {}, RateLimited, RateLimited, id="throttle"),
    pytest.param("locked", {}, RecordLocked, RecordLocked, id="locked"),
    pytest.param("moving", {"retry_after": 90}, AccountMoving, AccountMoving, id="moving"),
    pytest.param("missing_scopes", {}, PermissionMissing, PermissionMissing, id="missing scope"),
    pytest.param("revoke_token", {}, CredentialsRefused, CredentialsRefused, id="revoked"),
    pytest.param("expire_token", {}, CredentialsRefused, CredentialsRefused, id="expired"),
    pytest.param("server_error", {"status": 500}, OutcomeUnknown, ServerFault, id="500"),
    pytest.param("server_error", {"status": 503}, OutcomeUnknown, ServerFault, id="503"),
    pytest.param("server_error", {"status": 504, "committed": True}, OutcomeUnknown, ServerFault, id="504 when done"),
    pytest.param("server_error", {"status": 524, "committed": True}, OutcomeUnknown, ServerFault, id="524 when done"),
    pytest.param("server_error", {"status": 522}, OutcomeUnknown, ServerFault, id="522"),
    pytest.param("server_error", {"status": 526}, OutcomeUnknown, ServerFault, id="526"),
    pytest.param("html_error", {"status": 502}, OutcomeUnknown, ServerFault, id="a proxy's page"),
    pytest.param("drop_request", {}, OutcomeUnknown, Unreachable, id="hangs up before"),
    pytest.param("lose_reply", {}, OutcomeUnknown, Unreachable, id="hangs up after"),
    pytest.param("truncated", {}, OutcomeUnknown, Unreachable, id="cut short"),
]


@pytest.mark.parametrize(("kind", "params", "of_a_write", "of_a_read"), _TROUBLE)
def test_trouble_is_told_by_its_class(
    bench: Bench, adapter: Adapter, kind: str, params: dict[str, Any], of_a_write: type, of_a_read: type
) -> None:
    own = bench.case.troubles.get(str(params.get("status", kind)), (of_a_write, of_a_read))
    there = bench.person_adds(email="ann1@example.com")
    bench.fault(kind, params=params)
    writes = [bench.write(f"key{n}", email=f"ann{n}@example.com") for n in range(3)]
    outcomes = adapter.upsert(writes)
    assert own[0] in {type(outcome) for outcome in outcomes}
    assert {type(outcome) for outcome in outcomes} <= {own[0], Unreachable}, "what is not sent after it is not written"
    assert {type(outcome) for outcome in adapter.find([Lookup("key1", "ann1@example.com")])} == {own[1]}
    assert {type(outcome) for outcome in adapter.read([there])} == {own[1]}


def test_answer_that_breaks_off_in_its_text_is_believed_no_further_than_it_goes(bench: Bench, adapter: Adapter) -> None:
    """A part that came whole may count; what did not come is unknown after a write, and tried again after a read."""
    there = bench.person_adds(email="ann1@example.com")
    bench.fault("malformed_json")
    outcomes = adapter.upsert([bench.write(f"key{n}", email=f"ann{n}@example.com") for n in range(3)])
    made = [outcome.record.id for outcome in outcomes if isinstance(outcome, Written)]
    (found,) = adapter.find([Lookup("key1", "ann1@example.com")])
    (read,) = adapter.read([there])
    assert OutcomeUnknown in {type(outcome) for outcome in outcomes}
    assert {type(outcome) for outcome in outcomes} <= {OutcomeUnknown, Unreachable, Written}
    assert found != (), "nobody is no answer"
    assert isinstance(found, (tuple, TransientCRMError))
    assert isinstance(read, (RemoteRecord, TransientCRMError))
    assert set(made) <= {record["id"] for record in bench.records()}


def test_drip_past_the_deadline_is_no_answer(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, call_timeout=1.0)
    bench.fault("slow_drip", params={"ms": 50})
    (outcome,) = adapter.upsert([bench.write("key1", email="ann@example.com")])
    assert isinstance(outcome, OutcomeUnknown)
    assert len(bench.records()) == 1


def test_server_that_is_gone_is_unreachable_even_for_a_write(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, traits={}, sandbox_url="https://127.0.0.1:9")
    (outcome,) = adapter.upsert([bench.write("key1", email="ann@example.com")])
    assert isinstance(outcome, Unreachable)


def test_errors_carry_their_evidence_and_never_the_key(bench: Bench, adapter: Adapter) -> None:
    for kind, status in (("throttle", 429), ("missing_scopes", 403), ("server_error", 503), ("revoke_token", 401)):
        bench.no_faults()
        bench.fault(kind)
        (error,) = adapter.upsert([bench.write("key1", email="ann@example.com")])
        assert isinstance(error, CRMError)
        assert error.status_code == bench.case.statuses.get(kind, status)
        assert error.crm_message
        assert error.request_id or "named requests" in bench.case.cannot
        assert bench.case.secret not in repr(vars(error)) + str(error)


def test_missing_permission_is_named(bench: Bench, adapter: Adapter) -> None:
    bench.fault("missing_scopes")
    (error,) = adapter.upsert([bench.write("key1", email="ann@example.com")])
    assert isinstance(error, PermissionMissing)
    assert error.permissions
    assert error.permissions[0] in str(error)


def test_wait_is_told_in_seconds(bench: Bench, adapter: Adapter) -> None:
    bench.fault("throttle", times=1)
    (limited,) = adapter.read([bench.case.never_there])
    assert isinstance(limited, RateLimited)
    assert limited.retry_after
    assert limited.retry_after > 0


@able("moving")
def test_move_tells_how_long_it_takes(bench: Bench, adapter: Adapter) -> None:
    bench.fault("moving", params={"retry_after": 90}, times=1)
    (moving,) = adapter.read([bench.case.never_there])
    assert isinstance(moving, AccountMoving)
    assert moving.retry_after == 90


def test_trouble_in_the_middle_leaves_what_was_written_written(bench: Bench, adapter: Adapter) -> None:
    sent = bench.case.records_a_call
    bench.fault("throttle", **bench.case.writes, after=1)
    writes = [bench.write(f"key{n}", email=f"ann{n}@example.com") for n in range(2 * sent + 50)]
    outcomes = adapter.upsert(writes)
    assert {type(outcome) for outcome in outcomes[:sent]} == {Written}
    assert {type(outcome) for outcome in outcomes[sent:]} == {RateLimited}
    assert len(bench.records()) == sent


class _Meter:
    def __init__(self) -> None:
        self.spent: list[str] = []
        self.told: list[Allowance] = []

    def spend(self, kind: str) -> None:
        self.spent.append(kind)

    def learn(self, allowance: Allowance) -> None:
        self.told.append(allowance)


def _tells(allowance: Allowance) -> bool:
    soon, today = (allowance.limit, allowance.remaining), (allowance.daily_limit, allowance.daily_remaining)
    return any(limit and remaining is not None for limit, remaining in (soon, today))


def test_every_call_is_metered_and_the_headers_are_passed_on(bench: Bench, adapter_of: AdapterOf) -> None:
    meter = _Meter()
    adapter = adapter_of(bench, meter=meter)
    before = bench.calls()
    adapter.find([Lookup("key1", "ann@example.com", "+1 202-555-0123")])
    adapter.upsert([bench.write("key1", email="ann@example.com")])
    assert len(meter.spent) == bench.calls() - before
    assert all(_tells(allowance) for allowance in meter.told)
    assert meter.told


def test_wrong_key_is_refused_by_the_test_call(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, credentials=bench.case.wrong_credentials, traits={})
    with pytest.raises(CredentialsRefused):
        adapter.test()


def test_test_call_tells_who_we_are_and_may_be_repeated(bench: Bench, adapter_of: AdapterOf) -> None:
    adapter = adapter_of(bench, traits={})
    first, again = adapter.test(), adapter.test()
    assert first == again
    assert first.remote_account_id
    assert first.label
    assert first.user == bench.case.user
    assert first.findings == ()
