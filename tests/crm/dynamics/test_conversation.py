"""Finding, reading and writing contacts, and notes, as the calls go over the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from flask_crm_sync.crm.base import Lookup, Match, NoteWrite, RemoteNote, RemoteRecord, Write, Written
from flask_crm_sync.errors import (
    CRMError,
    Duplicate,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    RecordLocked,
    RecordMissing,
    RejectedByCRM,
)

from .environment import Answering, Environment, Part, Told, refusal

_EMAIL, _COMPANY = "emailaddress1", "parentcustomerid"
_AT = datetime(2026, 11, 22, 15, 4, tzinfo=UTC)
_ANN, _BEN, _EVE = (str(UUID(int=n)) for n in (0xA, 0xB, 0xE))
_ACME = str(UUID(int=0xACE))


def _row(contact: str = _ANN, **columns: Any) -> dict[str, Any]:
    return {"@odata.etag": 'W/"7"', "contactid": contact, "statecode": 0, "merged": False, **columns}


def _merged_into(master: str, contact: str = _ANN) -> dict[str, Any]:
    return _row(contact, merged=True, _masterid_value=master, statecode=1)


def _rows(*rows: Mapping[str, Any]) -> Told:
    return Told(200, {"value": list(rows)})


def _contacts(**by_id: Mapping[str, Any]) -> Answering:
    """Answer reads of single contacts from the given rows, searches with nothing, writes with success."""
    rows = {row["contactid"]: row for row in by_id.values()}

    def answer(part: Part) -> Told:
        found = re.match(r"contacts\(([^)]+)\)\?", part.path)
        if part.method != "GET":
            return Told(204)
        if not found:
            return _rows()
        return Told(200, rows[found[1]]) if found[1] in rows else refusal(404, "0x80040217")

    return answer


def _searches(**by_column: Told) -> Answering:
    """Answer searches by the column that they are for."""

    def answer(part: Part) -> Told:
        column = re.search(r"@p1='(\w+)'|\$filter=(\w+) eq", part.path)
        name = (column[1] or column[2]) if column else ""
        return by_column.get(name, _rows() if part.method == "GET" else Told(204))

    return answer


def _matches(outcome: tuple[Match, ...] | CRMError) -> list[tuple[str, str]]:
    assert isinstance(outcome, tuple), outcome
    return sorted((match.record.id, match.by) for match in outcome)


def _written(outcome: Written | CRMError) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def _record(outcome: RemoteRecord | CRMError) -> RemoteRecord:
    assert isinstance(outcome, RemoteRecord), outcome
    return outcome


# Find


def test_all_ways_of_a_hundred_clients_go_into_one_call(env: Environment) -> None:
    adapter = env.adapter()
    values = [
        {_EMAIL: f"ann{n}@example.com", "telephone1": f"+1 202-555-{n:04d}", _COMPANY: f"Company {n}"}
        for n in range(100)
    ]
    env.answer = lambda part: _rows() if "?$select=contactid" not in part.path or "$filter" in part.path else Told(404)
    lookups = [adapter.lookup(UUID(int=n).hex, value, by_key=True) for n, value in enumerate(values)]
    assert adapter.find(lookups) == [()] * 100
    assert len(env.batches) == 1
    asked = " ".join(part.path for part in env.parts)
    assert asked.count("contacts(") == 100
    assert all(text in asked for text in ("ann99@example.com", "+12025550099", "(202) 555-0099", "Company 99"))
    assert len(env.parts) < 150


def test_search_takes_the_form_of_the_documentation(env: Environment) -> None:
    env.adapter().find([Lookup("k", "Ann@example.com", by_key=False), Lookup("k", "ben@example.com", by_key=False)])
    (part,) = env.parts
    assert part.path.partition("?$select=")[0] == "contacts"
    assert part.path.endswith(
        "&$filter=Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2) and statecode eq 0"
        '&@p1=\'emailaddress1\'&@p2=["ann@example.com","ben@example.com"]'
    )
    raw = env.mock.calls[0].request.body
    assert raw is not None
    address = re.search(rb"GET (\S+) HTTP", raw if isinstance(raw, bytes) else raw.encode())
    assert address
    assert not re.search(rb"[ \"'<>\[\]]", address[1])


@pytest.mark.parametrize(
    ("email", "asked"),
    [
        ("o'brien@example.com", "emailaddress1 eq 'o''brien@example.com' and statecode eq 0"),
        ('a"b@example.com', "emailaddress1 eq 'a\"b@example.com' and statecode eq 0"),
        ("a]b@example.com", "emailaddress1 eq 'a]b@example.com' and statecode eq 0"),
    ],
)
def test_value_that_could_end_a_list_is_asked_for_alone_with_doubled_quotes(
    env: Environment, email: str, asked: str
) -> None:
    env.answer = _searches(emailaddress1=_rows(_row(emailaddress1=email)))
    (found,) = env.adapter().find([Lookup("k", email, by_key=False)])
    assert _matches(found) == [(_ANN, "email")]
    assert env.parts[0].path.endswith(f"&$filter={asked}")


def test_addresses_stay_short_enough_for_any_number_of_values(env: Environment) -> None:
    lookups = [Lookup("k", f"{'ä' * 60}{n}@example.com", by_key=False) for n in range(100)]
    env.adapter().find(lookups)
    sent = env.mock.calls[0].request.body
    assert isinstance(sent, bytes)
    assert max(len(line) for line in sent.split(b"\r\n")) < 32_768
    assert sum(part.path.count("@example.com") for part in env.parts) == 100


def test_key_decides_before_email_and_email_before_phone(env: Environment) -> None:
    keyed = _row(str(UUID(int=1)), emailaddress1="old@example.com")
    by_email = _row(_BEN, emailaddress1="ANN@example.com")
    by_phone = _row(_EVE, telephone1="(202) 555-0123")

    def answer(part: Part) -> Told:
        if part.path.startswith("contacts("):
            return Told(200, keyed) if keyed["contactid"] in part.path else refusal(404)
        return _searches(emailaddress1=_rows(by_email), telephone1=_rows(by_phone))(part)

    env.answer = answer
    found = env.adapter().find(
        [
            Lookup(UUID(int=1).hex, "ann@example.com", "+1 202-555-0123"),
            Lookup(UUID(int=2).hex, "ann@example.com", "+1 202-555-0123"),
            Lookup(UUID(int=3).hex, "", "202.555.0123"),
            Lookup(UUID(int=4).hex, "new@example.com", "+12025550199"),
        ]
    )
    assert [_matches(outcome) for outcome in found] == [
        [(str(UUID(int=1)), "key")],
        [(_BEN, "email")],
        [(_EVE, "phone")],
        [],
    ]


def test_phone_of_a_contact_with_another_email_is_another_person(env: Environment) -> None:
    env.answer = _searches(mobilephone=_rows(_row(mobilephone="+1 (202) 555-0123", emailaddress1="ben@example.com")))
    phone = "+1 202-555-0123"
    found = env.adapter().find([Lookup("k", "ann@example.com", phone, False), Lookup("k", "", phone, False)])
    assert [_matches(outcome) for outcome in found] == [[], [(_ANN, "phone")]]


def test_one_contact_found_in_both_phone_columns_is_one_match(env: Environment) -> None:
    both = _rows(_row(mobilephone="+1 (202) 555-0123", telephone1="202-555-0123"))
    env.answer = _searches(mobilephone=both, telephone1=both)
    (found,) = env.adapter().find([Lookup("k", "", "+1 202-555-0123", False)])
    assert _matches(found) == [(_ANN, "phone")]


def test_key_of_a_merged_contact_finds_its_survivor(env: Environment) -> None:
    env.answer = _contacts(ann=_merged_into(_BEN), ben=_merged_into(_EVE, _BEN), eve=_row(_EVE))
    (found,) = env.adapter().find([Lookup(UUID(_ANN).hex)])
    assert _matches(found) == [(_EVE, "key")]


def test_search_that_fails_is_told_to_those_who_needed_it_only(env: Environment) -> None:
    env.answer = _searches(emailaddress1=refusal(500))
    found = env.adapter().find([Lookup("k", "ann@example.com", "", False), Lookup("k", "", "+1 202-555-0123", False)])
    assert isinstance(found[0], CRMError)
    assert found[1] == ()


def test_nothing_to_look_for_calls_nobody(env: Environment) -> None:
    adapter = env.adapter()
    assert adapter.find([]) == []
    assert adapter.find([adapter.lookup("k", {"telephone1": "n/a", _COMPANY: "Acme"}, by_key=False)]) == [()]
    assert not env.batches


# Read


def test_contact_is_read_with_its_values_company_name_and_page(env: Environment) -> None:
    company = {
        "_parentcustomerid_value": _ACME,
        "_parentcustomerid_value@OData.Community.Display.V1.FormattedValue": "Acme",
    }
    env.answer = _contacts(ann=_row(firstname="Ann", lastname=None, address1_city="Rome", **company))
    record = _record(env.adapter().read([_ANN.upper()])[0])
    assert record.id == _ANN
    assert {name: text for name, text in record.values.items() if text} == {
        "firstname": "Ann",
        "address1_city": "Rome",
        _COMPANY: "Acme",
    }
    assert record.url == f"https://org.crm4.dynamics.com/main.aspx?pagetype=entityrecord&etn=contact&id={_ANN}"
    assert record.lacks == frozenset()


def test_company_is_left_alone_where_it_is_off(env: Environment) -> None:
    env.answer = _contacts(ann=_row())
    assert _record(env.adapter(dynamics_company="off").read([_ANN])[0]).lacks == {_COMPANY}


def test_read_answers_survivors_in_order_and_missing_ones_alone(env: Environment) -> None:
    env.answer = _contacts(ann=_merged_into(_BEN), ben=_row(_BEN), eve=_merged_into(_ANN[:-1] + "f", _EVE))
    outcomes = env.adapter().read([_ANN, _BEN, _EVE, "987654321", _ANN])
    assert [getattr(outcome, "id", type(outcome)) for outcome in outcomes] == [
        _BEN,
        _BEN,
        RecordMissing,
        RecordMissing,
        _BEN,
    ]
    assert len(env.batches) == 2


def test_merges_in_a_circle_come_to_an_end(env: Environment) -> None:
    env.answer = _contacts(ann=_merged_into(_BEN), ben=_merged_into(_ANN, _BEN))
    assert isinstance(env.adapter().read([_ANN])[0], RecordMissing)


# Write


def test_create_leaves_blanks_out_and_answers_every_field(env: Environment) -> None:
    key = UUID(_ANN).hex
    outcome = _written(env.adapter().upsert([Write(key, {"firstname": "Ann", "lastname": ""})])[0])
    (part,) = env.parts
    assert part.body == {"firstname": "Ann"}
    assert (outcome.created, outcome.record.id, outcome.record.values["firstname"]) == (True, _ANN, "Ann")
    assert len(outcome.record.values) == 10


def test_update_sends_changed_columns_only_and_clears_with_null(env: Environment) -> None:
    outcome = _written(env.adapter().upsert([Write("k", {"address1_city": "Rome", "lastname": ""}, _ANN)])[0])
    (part,) = env.parts
    assert (part.path, part.headers["If-Match"]) == (f"contacts({_ANN})", "*")
    assert part.body == {"address1_city": "Rome", "lastname": None}
    assert (outcome.created, outcome.record.values) == (False, {"address1_city": "Rome", "lastname": ""})


def test_contact_that_was_read_is_written_only_while_it_is_that_version(env: Environment) -> None:
    env.answer = _contacts(ann=_row())
    adapter = env.adapter()
    adapter.read([_ANN])
    adapter.upsert([Write("k", {"lastname": "Lee"}, _ANN), Write("k", {"lastname": "Li"}, _ANN)])
    adapter.upsert([Write("k", {"lastname": "Lu"}, _ANN)])
    assert [part.headers["If-Match"] for part in env.parts if part.method == "PATCH"] == ['W/"7"', "*", "*"]


def test_person_who_was_faster_is_merged_with_at_the_next_try(env: Environment) -> None:
    env.answer = lambda part: Told(200, _row()) if part.method == "GET" else refusal(412)
    adapter = env.adapter()
    adapter.read([_ANN])
    assert isinstance(adapter.upsert([Write("k", {"lastname": "Lee"}, _ANN)])[0], RecordLocked)


def test_repeated_create_answers_the_contact_that_the_first_one_made(env: Environment) -> None:
    env.answer = lambda part: refusal(412) if part.method == "PATCH" else Told(200, _row(lastname="Lee"))
    (outcome,) = env.adapter().upsert([Write(UUID(_ANN).hex, {"lastname": "Lee"})])
    assert _written(outcome).created is False
    assert (_written(outcome).record.id, _written(outcome).record.values["lastname"]) == (_ANN, "Lee")
    assert len(env.parts) == 2


def test_contact_of_an_earlier_attempt_that_holds_other_values_is_named_to_be_merged_with(env: Environment) -> None:
    env.answer = lambda part: refusal(412) if part.method == "PATCH" else Told(200, _row(lastname="Edited"))
    (outcome,) = env.adapter().upsert([Write(UUID(_ANN).hex, {"lastname": "Lee"})])
    assert isinstance(outcome, Duplicate)
    assert outcome.existing_id == _ANN


def test_create_that_met_its_guid_but_cannot_be_read_is_unknown(env: Environment) -> None:
    env.answer = lambda part: refusal(412) if part.method == "PATCH" else refusal(404)
    assert isinstance(env.adapter().upsert([Write("k", {"lastname": "Lee"})])[0], OutcomeUnknown)


def test_duplicate_rule_is_final_and_sent_once(env: Environment) -> None:
    env.answer = lambda part: refusal(412, "0x80040333")
    (outcome,) = env.adapter().upsert([Write("k", {"lastname": "Lee"})])
    assert isinstance(outcome, Duplicate)
    assert outcome.existing_id is None
    assert len(env.parts) == 1


def test_inactive_contact_is_told_and_never_written(env: Environment) -> None:
    env.answer = _contacts(ann=_row(statecode=1))
    adapter = env.adapter()
    adapter.read([_ANN])
    (outcome,) = adapter.upsert([Write("k", {"lastname": "Lee"}, _ANN)])
    assert type(outcome) is RejectedByCRM
    assert "deactivated" in str(outcome)
    assert [part.method for part in env.parts] == ["GET"]


@pytest.mark.parametrize("status", [400, 403])
def test_update_that_is_refused_because_the_contact_is_inactive_says_so(env: Environment, status: int) -> None:
    env.answer = lambda part: refusal(status, "", "No.") if part.method == "PATCH" else Told(200, _row(statecode=1))
    (outcome,) = env.adapter().upsert([Write("k", {"lastname": "Lee"}, _ANN)])
    assert type(outcome) is RejectedByCRM
    assert "deactivated" in str(outcome)
    assert outcome.crm_message == "No."


def test_update_that_a_merge_overtook_reaches_the_survivor(env: Environment) -> None:
    good = _contacts(ann=_merged_into(_BEN), ben=_row(_BEN))
    env.answer = lambda part: refusal(400) if part.method == "PATCH" and _ANN in part.path else good(part)
    outcome = _written(env.adapter().upsert([Write("k", {"lastname": "Lee"}, _ANN)])[0])
    assert outcome.record.id == _BEN
    assert env.parts[-1].headers["If-Match"] == 'W/"7"'


def test_update_of_a_deleted_contact_is_missing_and_recreates_nothing(env: Environment) -> None:
    env.answer = lambda part: refusal(404, "0x80040217") if _BEN in part.path else Told(204)
    outcomes = env.adapter().upsert([Write("k", {"lastname": "Lee"}, contact) for contact in (_ANN, _BEN, _EVE)])
    assert [type(outcome) for outcome in outcomes] == [Written, RecordMissing, Written]
    assert all("If-Match" in part.headers for part in env.parts if part.method == "PATCH")


def test_privilege_that_is_missing_stops_the_connection(env: Environment) -> None:
    env.answer = lambda part: refusal(403, "0x80040220", "Principal user is missing prvCreateContact privilege")
    (outcome,) = env.adapter().upsert([Write("k", {"lastname": "Lee"})])
    assert isinstance(outcome, PermissionMissing)
    assert outcome.whole_connection
    assert len(env.parts) == 1


def test_privilege_that_is_missing_on_one_contact_alone_is_that_contacts_matter(env: Environment) -> None:
    denied = refusal(403, "0x80040220", "Principal user is missing prvWriteContact privilege on this one")
    env.answer = lambda part: denied if _BEN in part.path else Told(204)
    outcomes = env.adapter().upsert([Write("k", {"lastname": "Lee"}, contact) for contact in (_ANN, _BEN, _EVE)])
    assert [type(outcome) for outcome in outcomes] == [Written, RejectedByCRM, Written]
    assert "prvWriteContact" in getattr(outcomes[1], "crm_message", "")


# Company


def _acme(*accounts: tuple[str, str]) -> Answering:
    return _searches(name=_rows(*({"accountid": guid, "name": name} for guid, name in accounts)))


def _company(name: str = "Acme", record_id: str | None = None) -> Write:
    return Write(UUID(_ANN).hex, {"lastname": "Lee", _COMPANY: name}, record_id)


def test_company_binds_the_one_account_of_its_name(env: Environment) -> None:
    env.answer = _acme((_ACME, "ACME"))
    outcome = _written(env.adapter().upsert([_company(" acme")])[0])
    assert env.parts[-1].body == {"lastname": "Lee", "parentcustomerid_account@odata.bind": f"/accounts({_ACME})"}
    assert outcome.record.values[_COMPANY] == "ACME"
    assert outcome.refused == {}


@pytest.mark.parametrize(
    ("accounts", "says"),
    [
        ((), "no active account"),
        (((_ACME, "Acme"), (_ANN, "acme")), "several active accounts"),
        (((_ACME, "Acme Inc"),), "no active account"),
    ],
)
def test_company_without_its_one_account_is_left_out_and_the_rest_written(
    env: Environment, accounts: tuple[tuple[str, str], ...], says: str
) -> None:
    env.answer = _acme(*accounts)
    outcome = _written(env.adapter().upsert([_company()])[0])
    assert env.parts[-1].body == {"lastname": "Lee"}
    assert says in outcome.refused[_COMPANY]
    assert outcome.record.values[_COMPANY] == ""


def test_company_that_is_off_is_neither_looked_up_nor_sent(env: Environment) -> None:
    outcome = _written(env.adapter(dynamics_company="off").upsert([_company()])[0])
    assert [part.body for part in env.parts] == [{"lastname": "Lee"}]
    assert "off" in outcome.refused[_COMPANY]


def test_account_looked_up_while_finding_is_not_looked_up_again(env: Environment) -> None:
    env.answer = _acme((_ACME, "Acme"))
    adapter = env.adapter()
    adapter.find([adapter.lookup("k", {_EMAIL: "ann@example.com", _COMPANY: "Acme"}, by_key=False)])
    adapter.upsert([_company()])
    assert [len(batch) for batch in env.batches] == [2, 1]


def test_missing_account_is_made_once_before_its_contacts_with_a_guid_of_its_name(env: Environment) -> None:
    env.answer = _acme()
    adapter = env.adapter(dynamics_company="create")
    writes = [Write(UUID(int=n).hex, {_COMPANY: name}) for n, name in ((1, "Acme"), (2, "acme"), (3, "Other"))]
    assert all(_written(outcome).refused == {} for outcome in adapter.upsert(writes))
    account, first, second, other, third = env.batches[-1]
    assert account.path.startswith("accounts(")
    assert (account.body, account.headers["If-None-Match"]) == ({"name": "Acme"}, "*")
    assert first.body == second.body == {"parentcustomerid_account@odata.bind": f"/{account.path}"}
    assert third.body == {"parentcustomerid_account@odata.bind": f"/{other.path}"}
    again = env.adapter(dynamics_company="create")
    again.upsert(writes[:1])
    assert env.batches[-1][0].path == account.path


def test_account_that_is_there_by_now_is_bound(env: Environment) -> None:
    env.answer = lambda part: refusal(412) if part.path.startswith("accounts(") else _acme()(part)
    outcome = _written(env.adapter(dynamics_company="create").upsert([_company()])[0])
    assert outcome.record.values[_COMPANY] == "Acme"


def test_account_that_cannot_be_bound_does_not_stop_the_contact(env: Environment) -> None:
    def answer(part: Part) -> Told:
        if part.method == "PATCH" and any("bind" in name for name in part.body):
            return refusal(403, "0x80040220", "Principal user is missing prvAppendToAccount privilege")
        return _acme((_ACME, "Acme"))(part)

    env.answer = answer
    outcome = _written(env.adapter().upsert([_company()])[0])
    assert "prvAppendToAccount" in outcome.refused[_COMPANY]
    assert env.parts[-1].body == {"lastname": "Lee"}


def test_company_of_an_update_that_cannot_be_bound_leaves_what_is_there(env: Environment) -> None:
    def answer(part: Part) -> Told:
        if part.method == "PATCH" and any("bind" in name for name in part.body):
            return refusal(404, "0x80040217", "Account With Id = 1 Does Not Exist")
        return Told(200, _row()) if part.path.startswith("contacts(") else _acme((_ACME, "Acme"))(part)

    env.answer = answer
    outcome = _written(env.adapter().upsert([_company(record_id=_ANN)])[0])
    assert _COMPANY not in outcome.record.values
    assert "Does Not Exist" in outcome.refused[_COMPANY]


def test_update_of_nothing_but_a_company_without_account_sends_nothing(env: Environment) -> None:
    env.answer = _acme()
    outcome = _written(env.adapter().upsert([Write("k", {_COMPANY: "Acme"}, _ANN)])[0])
    assert (outcome.record.id, dict(outcome.record.values)) == (_ANN, {})
    assert [part.method for part in env.parts] == ["GET"]


def test_account_that_a_person_adds_is_bound_by_the_next_write(env: Environment) -> None:
    env.answer = _acme()
    adapter = env.adapter()
    assert _written(adapter.upsert([_company()])[0]).refused
    env.answer = _acme((_ACME, "Acme"))
    assert _written(adapter.upsert([_company()])[0]).refused == {}


def test_cleared_company_is_unbound(env: Environment) -> None:
    outcome = _written(env.adapter().upsert([Write("k", {_COMPANY: ""}, _ANN)])[0])
    assert env.parts[0].body == {"parentcustomerid_account@odata.bind": None}
    assert outcome.record.values == {_COMPANY: ""}


def test_accounts_that_may_not_be_read_are_asked_for_once_and_said(env: Environment) -> None:
    env.answer = _searches(name=refusal(403, "0x80040220", "missing prvReadAccount privilege"))
    adapter = env.adapter()
    adapter.find([adapter.lookup("k", {_EMAIL: "ann@example.com", _COMPANY: "Acme"}, by_key=False)])
    outcome = _written(adapter.upsert([_company()])[0])
    assert "prvReadAccount" in outcome.refused[_COMPANY]
    assert sum("accounts?" in part.path for part in env.parts) == 1


def test_limit_while_accounts_are_looked_up_holds_the_contacts_too(env: Environment) -> None:
    env.answer = _searches(name=refusal(429, "0x80072322", **{"Retry-After": "5"}))
    outcomes = env.adapter().upsert([_company(), Write("k", {"lastname": "Lee"})])
    assert [type(outcome) for outcome in outcomes] == [RateLimited, RateLimited]
    assert all(part.method == "GET" for part in env.parts)


# Notes


def _note(key: str = "n", contact: str = _ANN, note_id: str | None = None, body: str = "Wants a room") -> NoteWrite:
    return NoteWrite(key, contact, "Web chat", body, _AT, note_id)


def _note_id(outcome: RemoteNote | CRMError | None) -> str:
    assert isinstance(outcome, RemoteNote), outcome
    return outcome.id


def test_note_is_created_under_its_key_on_its_contact(env: Environment) -> None:
    env.answer = _contacts(ann=_row())
    key = UUID(_EVE).hex
    (outcome,) = env.adapter().add_notes([_note(key)])
    state, note = env.parts
    assert state.path.startswith(f"contacts({_ANN})?")
    assert (note.path, note.headers["If-None-Match"]) == (f"annotations({_EVE})", "*")
    assert note.body == {
        "subject": "Web chat",
        "notetext": "2026-11-22 15:04 UTC<br>Wants a room",
        "isdocument": False,
        "objectid_contact@odata.bind": f"/contacts({_ANN})",
    }
    assert _note_id(outcome) == _EVE
    assert isinstance(outcome, RemoteNote)
    assert outcome.url.endswith(_ANN)


def test_hundred_notes_are_one_call_and_ask_for_each_contact_once(env: Environment) -> None:
    env.answer = _contacts(ann=_row(), ben=_row(_BEN))
    notes = [_note(f"n{n}", _ANN if n % 2 else _BEN) for n in range(100)]
    assert len({_note_id(outcome) for outcome in env.adapter().add_notes(notes)}) == 100
    assert [len(batch) for batch in env.batches] == [102]


def test_note_is_rewritten_in_place_and_never_made_anew(env: Environment) -> None:
    assert _note_id(env.adapter().add_notes([_note(note_id=_BEN)])[0]) == _BEN
    (part,) = env.parts
    assert (part.path, part.headers["If-Match"]) == (f"annotations({_BEN})", "*")
    assert set(part.body) == {"subject", "notetext"}
    env.answer = lambda part: refusal(404)
    assert isinstance(env.adapter().add_notes([_note(note_id=_BEN)])[0], RecordMissing)


def test_note_that_is_there_already_is_brought_up_to_date(env: Environment) -> None:
    env.answer = lambda part: Told(200, _row()) if part.method == "GET" else Told(204)
    kept = env.answer
    env.answer = lambda part: refusal(412) if "If-None-Match" in part.headers and part.body else kept(part)
    _note_id(env.adapter().add_notes([_note(body="The newer text")])[0])
    last = env.parts[-1]
    assert last.headers["If-Match"] == "*"
    assert "The newer text" in last.body["notetext"]


def test_note_on_a_merged_contact_moves_on_to_the_survivor(env: Environment) -> None:
    env.answer = _contacts(ann=_merged_into(_BEN), ben=_row(_BEN))
    _note_id(env.adapter().add_notes([_note()])[0])
    assert env.parts[-1].body == {"objectid_contact@odata.bind": f"/contacts({_BEN})"}
    assert env.parts[-1].headers["If-Match"] == "*"


def test_note_that_a_merged_contact_refuses_is_made_on_the_survivor(env: Environment) -> None:
    good = _contacts(ann=_merged_into(_BEN), ben=_row(_BEN))
    env.answer = lambda part: refusal(400) if part.body and _ANN in json.dumps(part.body) else good(part)
    _note_id(env.adapter().add_notes([_note()])[0])
    assert env.parts[-1].body["objectid_contact@odata.bind"] == f"/contacts({_BEN})"
    assert env.parts[-1].headers["If-None-Match"] == "*"


@pytest.mark.parametrize("status", [400, 404])
def test_note_for_a_contact_that_is_gone_is_missing_whatever_the_words(env: Environment, status: int) -> None:
    good = _contacts(ann=_row())
    env.answer = lambda part: refusal(status) if part.body and _BEN in json.dumps(part.body) else good(part)
    first, gone = env.adapter().add_notes([_note("n1"), _note("n2", _BEN)])
    _note_id(first)
    assert isinstance(gone, RecordMissing)


def test_note_that_is_refused_for_itself_keeps_its_reason(env: Environment) -> None:
    good = _contacts(ann=_row())
    env.answer = lambda part: refusal(400, "0x80044331", "too long") if part.body else good(part)
    (outcome,) = env.adapter().add_notes([_note()])
    assert isinstance(outcome, CRMError)
    assert outcome.crm_message == "too long"


def test_notes_are_found_by_their_guid(env: Environment) -> None:
    contacts = _contacts(ann=_row())

    def answer(part: Part) -> Told:
        if part.path.startswith(f"annotations({_EVE})"):
            return Told(200, {"annotationid": _EVE})
        return refusal(404) if part.path.startswith("annotations") else contacts(part)

    env.answer = answer
    notes = [_note(UUID(_EVE).hex), _note("never"), _note("gone", _BEN), _note(UUID(_EVE).hex, _BEN)]
    there, never, gone, moved = env.adapter().find_notes(notes)
    assert (_note_id(there), never, _note_id(moved)) == (_EVE, None, _EVE)
    assert isinstance(gone, RecordMissing)
    assert len(env.batches) == 1
