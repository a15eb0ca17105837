"""What only Dynamics has, against its sandbox: accounts as companies, chosen GUIDs, versions, its own limits.

What every CRM must do is proved by `tests/contract`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from flask_crm_sync.crm.base import NoteWrite, RemoteNote, RemoteRecord, Write, Written
from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.errors import CRMError, InvalidRecord, PermissionMissing, RateLimited, RecordLocked, RejectedByCRM

from .office import Office

_COMPANY = "parentcustomerid"
_AT = datetime(2026, 11, 22, 15, 4, tzinfo=UTC)


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
