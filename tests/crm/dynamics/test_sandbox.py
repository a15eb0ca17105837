"""What only Dynamics has, against its sandbox: accounts as companies, chosen GUIDs, versions, its own limits.

What every CRM must do is proved by `tests/contract`.
"""

from __future__ import annotations

import json
import ssl
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from flask_crm_sync.clock import SystemClock
from flask_crm_sync.config import Settings
from flask_crm_sync.crm.base import NoteWrite, RemoteNote, RemoteRecord, Write, Written
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.crm.registry import connect
from flask_crm_sync.errors import CRMError, InvalidRecord, PermissionMissing, RateLimited, RecordLocked, RejectedByCRM
from flask_crm_sync.sandbox.server import Sandbox

_COMPANY = "parentcustomerid"
_AT = datetime(2026, 11, 22, 15, 4, tzinfo=UTC)
_TYPED = {
    "instance_url": "https://sandbox.crm.dynamics.com",
    "tenant_id": "99999999-8888-4777-8666-555555555555",
    "client_id": "11111111-2222-4333-8444-555555555555",
    "client_secret": "sandbox-client-secret",
}


class Office:
    """The environment of a test, and the hands of a person in it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.settings = Settings(
            encryption_keys=(b"k" * 32,),
            sandbox_url=sandbox.url,
            sandbox_ca=str(sandbox.ca_file),
            phone_region="US",
        )
        self._tls = ssl.create_default_context(cafile=str(sandbox.ca_file))
        self.made: list[DynamicsAdapter] = []

    def credentials(self) -> dict[str, str]:
        """Sign in as an app, by the grant that the adapter tells."""
        typed = DynamicsAdapter.checked("client_credentials", _TYPED, self.settings)
        flow = DynamicsAdapter.flow("client_credentials", typed, self.settings)
        form = {"grant_type": flow.grant, "client_id": flow.client_id, "client_secret": flow.client_secret}
        path = urllib.parse.urlsplit(flow.token_url).path
        body = urllib.parse.urlencode({**form, "scope": flow.scope}).encode()
        with urllib.request.urlopen(self.sandbox.url + path, body, context=self._tls) as answer:
            return {**typed, "access_token": json.load(answer)["access_token"]}

    def adapter(self, **settings: Any) -> DynamicsAdapter:
        """Return an adapter with the traits that the test call told."""
        credentials, told = self.credentials(), replace(self.settings, **settings)
        for traits in ({}, None):
            known = self.made[-1].test().traits if traits is None else traits
            made = connect("dynamics", credentials, told, known, meter=None, clock=SystemClock())
            assert isinstance(made, DynamicsAdapter)
            self.made.append(made)
        return self.made[-1]

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call the sandbox's own API."""
        request = urllib.request.Request(
            f"{self.sandbox.url}/_sandbox/api/dynamics/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, context=self._tls) as answer:
            text = answer.read().decode()
        if "ndjson" in answer.headers.get("Content-Type", ""):
            return [json.loads(line) for line in text.split("\n") if line]
        return json.loads(text) if text else None

    def company(self, name: str) -> str:
        return str(self.api("POST", "accounts", {"name": name})["id"])

    def contact(self, **columns: str) -> str:
        return str(self.api("POST", "contacts", {"properties": columns})["id"])

    def edit(self, contact: str, **columns: Any) -> None:
        self.api("PATCH", f"contacts/{contact}", {"properties": columns})


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), keep=False) as running:
        yield running


@pytest.fixture
def office(sandbox: Sandbox) -> Iterator[Office]:
    made = Office(sandbox)
    made.api("POST", "reset")
    yield made
    for adapter in made.made:
        adapter.http.close()


def _written(outcome: Written | CRMError) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def _values(adapter: DynamicsAdapter, contact: str) -> dict[str, str]:
    (record,) = adapter.read([contact])
    assert isinstance(record, RemoteRecord), record
    return dict(record.values)


def _new(**values: str) -> Write:
    return Write(uuid4().hex, values)


def test_company_is_bound_read_back_by_its_name_and_unbound(office: Office) -> None:
    office.company("O'Neil & [Söhne]")
    adapter = office.adapter()
    outcome = _written(adapter.upsert([_new(lastname="Lee", **{_COMPANY: "o'neil & [söhne]"})])[0])
    assert outcome.record.values[_COMPANY] == _values(adapter, outcome.record.id)[_COMPANY] == "O'Neil & [Söhne]"
    adapter.upsert([Write("k", {_COMPANY: ""}, outcome.record.id)])
    assert _values(adapter, outcome.record.id)[_COMPANY] == ""


def test_company_without_its_one_account_stays_blank_and_says_why(office: Office) -> None:
    for name in ("Twin", "twin"):
        office.company(name)
    adapter = office.adapter()
    outcomes = [_written(o) for o in adapter.upsert([_new(**{_COMPANY: name}) for name in ("Twin", "Nobody")])]
    assert ["several" in outcomes[0].refused[_COMPANY], "no active" in outcomes[1].refused[_COMPANY]] == [True, True]
    assert [_values(adapter, outcome.record.id)[_COMPANY] for outcome in outcomes] == ["", ""]


def test_account_is_made_once_however_many_need_it(office: Office) -> None:
    writes = [_new(**{_COMPANY: name}) for name in ("New Company", "new company")]
    first = office.adapter(dynamics_company="create")
    second = office.adapter(dynamics_company="create")
    made = [_written(o) for o in (*first.upsert(writes), *second.upsert([_new(**{_COMPANY: "NEW COMPANY"})]))]
    assert {_values(first, outcome.record.id)[_COMPANY] for outcome in made} == {"New Company"}
    assert {outcome.record.values[_COMPANY] for outcome in made} == {"New Company"}


def test_contact_is_the_guid_that_our_key_is(office: Office) -> None:
    write = _new(lastname="Lee")
    assert _written(office.adapter().upsert([write])[0]).record.id.replace("-", "") == write.key


def test_edit_of_a_person_between_reading_and_writing_is_not_overwritten(office: Office) -> None:
    contact = office.contact(lastname="Lee", address1_city="Rome")
    adapter = office.adapter()
    adapter.read([contact])
    office.edit(contact, address1_city="Oslo")
    (outcome,) = adapter.upsert([Write("k", {"address1_city": "Paris"}, contact)])
    assert isinstance(outcome, RecordLocked)
    assert _values(adapter, contact)["address1_city"] == "Oslo"
    _written(adapter.upsert([Write("k", {"address1_city": "Paris"}, contact)])[0])
    assert _values(adapter, contact)["address1_city"] == "Paris"


@pytest.mark.parametrize("read_first", [True, False])
def test_inactive_contact_is_read_but_never_written_or_activated(office: Office, read_first: bool) -> None:
    contact = office.contact(lastname="Lee")
    office.edit(contact, statecode=1)
    adapter = office.adapter()
    if read_first:
        assert _values(adapter, contact)["lastname"] == "Lee"
    (outcome,) = adapter.upsert([Write("k", {"lastname": "Li"}, contact)])
    assert isinstance(outcome, RejectedByCRM)
    assert "deactivated" in str(outcome)
    assert _values(adapter, contact)["lastname"] == "Lee"


def test_note_written_to_a_contact_merged_meanwhile_stands_on_the_survivor(office: Office) -> None:
    kept, gone = office.contact(lastname="Lee"), office.contact(lastname="Li")
    office.api("POST", "contacts/merge", {"primary": kept, "other": gone})
    (outcome,) = office.adapter().add_notes([NoteWrite(uuid4().hex, gone, "Chat", "Hello", _AT)])
    assert isinstance(outcome, RemoteNote)
    (note,) = office.api("GET", "notes")
    assert (note["id"], note["contacts"]) == (outcome.id, [kept])


def test_text_that_is_too_long_for_an_environments_own_columns_names_the_field(office: Office) -> None:
    (outcome,) = office.adapter().upsert([_new(address1_postalcode="1" * 21)])
    assert isinstance(outcome, InvalidRecord)
    assert list(outcome.fields) == ["zip"]


@pytest.mark.parametrize(("policy", "batches"), [("0x80072322", 1), ("0x80072321", 2), ("0x80072326", 1)])
def test_every_limit_holds_the_connection_as_long_as_it_says_and_too_much_work_halves(
    office: Office, policy: str, batches: int
) -> None:
    adapter = office.adapter(dynamics_batch_size=10)
    office.api("POST", "faults", {"kind": "throttle", "params": {"policy": policy, "retry_after": 17}, "times": 1})
    writes = [_new(lastname=f"Lee {n}") for n in range(10)]
    outcomes = adapter.upsert(writes)
    assert {(type(outcome), getattr(outcome, "retry_after", 0)) for outcome in outcomes} == {(RateLimited, 17)}
    before = office.api("GET", "figures")["api_calls"]
    assert all(_written(outcome).created for outcome in adapter.upsert(writes))
    assert office.api("GET", "figures")["api_calls"] - before == batches


def test_diagnosis_of_a_good_environment_finds_no_problem(office: Office) -> None:
    findings = office.adapter().diagnose()
    assert {finding.level for finding in findings} <= {"good", "note"}
    good = {finding.about for finding in findings if finding.level == "good"}
    assert {"Connection", "User", "Contacts", "Notes", "Accounts", "Columns", "Clock"} <= good


def test_app_without_its_application_user_is_told_how_to_get_one(office: Office) -> None:
    office.api("POST", "portals", {"portal_id": "sandbox", "application_user": False})
    with pytest.raises(PermissionMissing, match="Application users"):
        office.adapter()
