"""Writing leads and contacts: what goes over the wire, and what Salesforce's refusals of single records come to."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
import responses

from flask_crm_sync.crm.base import Write, Written
from flask_crm_sync.errors import (
    CRMError,
    Duplicate,
    InvalidRecord,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    ReconnectRequired,
    RecordLocked,
    RecordMissing,
    Unreachable,
)

from .conftest import API, BARE, CONTACT, KEY, KEYED, LEAD, adapter_for, payload, sent, written

_COLLECTIONS = f"{API}/composite/sobjects"
_UPSERT = f"{_COLLECTIONS}/Lead/{KEY}"
_OTHER = "00Q5g00000Z9y8XEAR"


def _written(outcome: Written | CRMError) -> Written:
    assert isinstance(outcome, Written), outcome
    return outcome


def _refused(code: str, *fields: str) -> dict[str, Any]:
    return {"statusCode": code, "fields": list(fields)}


def _lead(record_id: str = LEAD, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, "Id": record_id, "IsConverted": False, **fields}


def _duplicates_with(*record_ids: str) -> dict[str, Any]:
    told: dict[str, Any] = payload("duplicate_blocked")
    matches = [{"matchConfidence": 100.0, "record": {"Id": record_id}} for record_id in record_ids]
    told["body"][0]["duplicateResut"]["matchResults"][0]["matchRecords"] = matches
    return told


def test_new_lead_gets_our_key_and_stand_ins_for_what_salesforce_demands(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _UPSERT, json=written({"id": LEAD, "created": True}))
    (outcome,) = adapter_for().upsert([Write("k1", {"FirstName": "Ann", "Email": "ann@example.com"})])
    assert sent(salesforce) == {
        "allOrNone": False,
        "records": [
            {
                "attributes": {"type": "Lead"},
                KEY: "k1",
                "FirstName": "Ann",
                "Email": "ann@example.com",
                "LastName": "Unknown",
                "Company": "[not provided]",
            }
        ],
    }
    made = _written(outcome)
    assert (made.record.id, made.created, made.refused) == (LEAD, True, {})
    assert (made.record.values["LastName"], made.record.values["Company"]) == ("", "")
    assert made.record.url == f"https://acme.my.salesforce.com/lightning/r/{LEAD}/view"


def test_stand_ins_never_come_with_an_update(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _COLLECTIONS, json=written({"id": LEAD}))
    adapter_for().upsert([Write("k1", {"City": "Rome", "Street": "", "LastName": ""}, LEAD)])
    assert sent(salesforce)["records"] == [
        {"attributes": {"type": "Lead"}, "Id": LEAD, "City": "Rome", "Street": None},
    ]


def test_repeated_create_says_that_it_made_nothing(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _UPSERT, json=written({"id": LEAD, "created": False}))
    (outcome,) = adapter_for().upsert([Write("k1", {"FirstName": "Ann"})])
    assert _written(outcome).created is False


def test_org_without_our_field_gets_plain_creates(salesforce: responses.RequestsMock) -> None:
    salesforce.add("POST", _COLLECTIONS, json=written({"id": LEAD[:15]}))
    (outcome,) = adapter_for(BARE).upsert([Write("k1", {"LastName": "Lee", "Company": "Example Ltd"})])
    assert KEY not in sent(salesforce)["records"][0]
    assert _written(outcome).record.id == LEAD[:15] + _written(outcome).record.id[15:]
    assert len(_written(outcome).record.id) == 18


def test_contact_is_written_under_its_own_names_and_without_a_company(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _COLLECTIONS, json=written({"id": LEAD}, {"id": CONTACT}))
    values = {"City": "Rome", "Phone": "+1 202-555-0123", "Company": "Example Ltd"}
    contact, lead = adapter_for().upsert([Write("k1", values, CONTACT), Write("k2", {"City": "Rome"}, LEAD)])
    kinds = {record["Id"]: record for record in sent(salesforce)["records"]}
    assert kinds[CONTACT] == {
        "attributes": {"type": "Contact"},
        "Id": CONTACT,
        "MailingCity": "Rome",
        "Phone": "+1 202-555-0123",
    }
    assert kinds[LEAD]["City"] == "Rome"
    assert set(_written(contact).refused) == {"Company"}
    assert "Company" in _written(contact).record.lacks
    assert "Company" not in _written(lead).record.lacks


def test_outcomes_keep_their_order_whatever_the_kinds(salesforce: responses.RequestsMock) -> None:
    contacts = [f"0035g00000A1b{n:02}AAR" for n in range(20)]
    leads = [f"00Q5g00000A1b{n:02}EAR" for n in range(20)]
    salesforce.add_callback(
        "PATCH", _COLLECTIONS, callback=lambda call: (200, {}, _echo(call.body)), content_type="application/json"
    )
    ids = [record_id for pair in zip(contacts, leads, strict=True) for record_id in pair]
    outcomes = adapter_for().upsert([Write(f"k{n}", {"City": "Rome"}, record_id) for n, record_id in enumerate(ids)])
    kinds = [record["attributes"]["type"] for record in sent(salesforce)["records"]]
    assert sum(one != other for one, other in itertools.pairwise(kinds)) == 1, "at most ten runs of a kind"
    assert [_written(outcome).record.id for outcome in outcomes] == ids


def _echo(body: bytes | str | None) -> str:
    return json.dumps(written(*({"id": record["Id"]} for record in json.loads(body or "")["records"])))


def test_refused_record_fails_alone(salesforce: responses.RequestsMock) -> None:
    items = [{"id": LEAD}, _refused("STRING_TOO_LONG", "City"), _refused("UNABLE_TO_LOCK_ROW"), {"id": _OTHER}]
    salesforce.add("PATCH", _UPSERT, json=written(*items))
    outcomes = adapter_for().upsert([Write(f"k{n}", {"City": "x"}) for n in range(4)])
    assert [type(outcome) for outcome in outcomes] == [Written, InvalidRecord, RecordLocked, Written]


@pytest.mark.parametrize(
    ("code", "fields", "left_out"),
    [
        ("INVALID_EMAIL_ADDRESS", ["Email"], {"Email"}),
        ("INVALID_EMAIL_ADDRESS", [], {"Email"}),
        ("FIELD_INTEGRITY_EXCEPTION", ["State"], {"State", "Country"}),
        ("FIELD_INTEGRITY_EXCEPTION", ["CountryCode"], {"State", "Country"}),
        ("FIELD_INTEGRITY_EXCEPTION", [], {"State", "Country"}),
    ],
)
def test_value_that_the_org_refuses_is_left_out_and_said(
    salesforce: responses.RequestsMock, code: str, fields: list[str], left_out: set[str]
) -> None:
    salesforce.add("PATCH", _UPSERT, json=written({"id": _OTHER}, _refused(code, *fields)))
    salesforce.add("PATCH", _UPSERT, json=written({"id": LEAD, "created": True}))
    values = {"FirstName": "Ann", "Email": "ann@example.com", "State": "Here", "Country": "There", "City": "Rome"}
    fine, bent = adapter_for().upsert([Write("k1", {**values, "Email": "ben@example.com"}), Write("k2", values)])
    assert not left_out & set(sent(salesforce)["records"][0])
    assert sent(salesforce)["records"][0]["City"] == "Rome"
    assert set(_written(bent).refused) == left_out
    assert {name: _written(bent).record.values[name] for name in left_out} == dict.fromkeys(left_out, "")
    assert _written(fine).refused == {}


def test_lead_that_could_not_be_found_again_is_not_created_without_its_email(
    salesforce: responses.RequestsMock,
) -> None:
    salesforce.add("POST", _COLLECTIONS, json=written(_refused("INVALID_EMAIL_ADDRESS", "Email")))
    (outcome,) = adapter_for(BARE).upsert([Write("k1", {"Email": "ann@example.com", "LastName": "Lee"})])
    assert isinstance(outcome, InvalidRecord)
    assert list(outcome.fields) == ["email"]
    assert len(salesforce.calls) == 1


def test_field_that_is_refused_for_good_is_not_sent_for_ever(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _UPSERT, json=written(_refused("INVALID_EMAIL_ADDRESS", "Email")))
    salesforce.add("PATCH", _UPSERT, json=written(_refused("FIELD_INTEGRITY_EXCEPTION", "State")))
    salesforce.add("PATCH", _UPSERT, json=written(_refused("FIELD_INTEGRITY_EXCEPTION", "Status")))
    (outcome,) = adapter_for().upsert([Write("k1", {"Email": "ann@example.com", "State": "Here"})])
    assert isinstance(outcome, InvalidRecord)
    assert len(salesforce.calls) == 3


def test_update_of_nothing_but_a_refused_value_leaves_the_record_alone(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _COLLECTIONS, json=written(_refused("INVALID_EMAIL_ADDRESS", "Email")))
    (outcome,) = adapter_for().upsert([Write("k1", {"Email": "ann@example.com"}, LEAD)])
    assert set(_written(outcome).refused) == {"Email"}
    assert _written(outcome).record.values == {}
    assert len(salesforce.calls) == 1


def test_converted_lead_is_followed_to_its_contact_once(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _COLLECTIONS, json=written(_refused("CANNOT_UPDATE_CONVERTED_LEAD")))
    lead = _lead(IsConverted=True, ConvertedContactId=CONTACT[:15])
    salesforce.add("POST", f"{_COLLECTIONS}/Lead", json=[lead])
    salesforce.add("POST", f"{_COLLECTIONS}/Contact", json=[{"Id": CONTACT, KEY: "other"}])
    salesforce.add("PATCH", _COLLECTIONS, json=written({"id": CONTACT}))
    (outcome,) = adapter_for().upsert([Write("k1", {"City": "Rome", "Company": "Example Ltd"}, LEAD)])
    assert _written(outcome).record.id == CONTACT
    assert set(_written(outcome).refused) == {"Company"}
    assert sent(salesforce)["records"] == [
        {"attributes": {"type": "Contact"}, "Id": CONTACT, "MailingCity": "Rome"},
    ]


def test_merged_record_is_followed_and_a_deleted_one_is_missing(salesforce: responses.RequestsMock) -> None:
    gone = "00Q5g00000G0neXEAR"
    refusals = written(_refused("ENTITY_IS_DELETED"), _refused("INVALID_CROSS_REFERENCE_KEY"))
    salesforce.add("PATCH", _COLLECTIONS, json=refusals)
    salesforce.add("POST", f"{_COLLECTIONS}/Lead", json=[None, None])
    rows = [{"Id": LEAD, "MasterRecordId": _OTHER}, {"Id": gone, "MasterRecordId": None}]
    salesforce.add("GET", f"{API}/queryAll", json={"done": True, "records": rows})
    salesforce.add("POST", f"{_COLLECTIONS}/Lead", json=[_lead(_OTHER)])
    salesforce.add("PATCH", _COLLECTIONS, json=written({"id": _OTHER}))
    moved, missing = adapter_for().upsert([Write("k1", {"City": "Rome"}, LEAD), Write("k2", {"City": "Rome"}, gone)])
    assert _written(moved).record.id == _OTHER
    assert isinstance(missing, RecordMissing)


def test_key_that_stands_elsewhere_does_not_stop_an_update(salesforce: responses.RequestsMock) -> None:
    adapter = adapter_for()
    salesforce.add("POST", f"{_COLLECTIONS}/Lead", json=[_lead()])
    adapter.read([LEAD])
    salesforce.add("PATCH", _COLLECTIONS, json=written(_refused("DUPLICATE_VALUE", KEY)))
    salesforce.add("PATCH", _COLLECTIONS, json=written({"id": LEAD}))
    (outcome,) = adapter.upsert([Write("k1", {"City": "Rome"}, LEAD)])
    _written(outcome)
    assert [KEY in sent(salesforce, number)["records"][0] for number in (1, 2)] == [True, False]


def test_concurrent_create_of_the_same_key_is_sent_once_more(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _UPSERT, json=written(_refused("DUPLICATE_VALUE", KEY)))
    salesforce.add("PATCH", _UPSERT, json=written({"id": LEAD, "created": False}))
    (outcome,) = adapter_for().upsert([Write("k1", {"City": "Rome"})])
    assert (_written(outcome).record.id, _written(outcome).created) == (LEAD, False)


def test_key_of_a_lead_that_was_converted_meanwhile_names_it(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _UPSERT, json=written(_refused("CANNOT_UPDATE_CONVERTED_LEAD")))
    salesforce.add("GET", f"{API}/query", json={"done": True, "records": [{"Id": LEAD}]})
    (outcome,) = adapter_for().upsert([Write("k1", {"City": "Rome"})])
    assert isinstance(outcome, Duplicate)
    assert outcome.existing_id == LEAD


@pytest.mark.parametrize("member", ["duplicateResut", "duplicateResult"])
def test_lead_that_a_duplicate_rule_knows_is_used_where_it_is_surely_the_client(
    salesforce: responses.RequestsMock, member: str
) -> None:
    told = payload("duplicate_blocked")
    told["body"][0][member] = told["body"][0].pop("duplicateResut")
    salesforce.add("PATCH", _UPSERT, json=written(_refused("DUPLICATES_DETECTED")))
    salesforce.add("PATCH", f"{API}/sobjects/Lead/{KEY}/k1", json=told["body"], status=400)
    salesforce.add("POST", f"{_COLLECTIONS}/Lead", json=[_lead(Email="ANN@example.com")])
    (outcome,) = adapter_for().upsert([Write("k1", {"Email": "ann@example.com"})])
    assert isinstance(outcome, Duplicate)
    assert outcome.existing_id == LEAD
    body = sent(salesforce, 1)
    assert KEY not in body
    assert "attributes" not in body
    assert "Id" not in body


@pytest.mark.parametrize(
    ("found", "existing"),
    [
        ([{"Phone": "(202) 555-0123"}], LEAD),
        ([{"Phone": "(202) 555-0199"}], None),
        ([{"Phone": "(202) 555-0123"}, {"Phone": "202.555.0123"}], None),
        ([], None),
    ],
)
def test_duplicate_rule_is_believed_only_where_one_record_has_the_phone(
    salesforce: responses.RequestsMock, found: list[dict[str, str]], existing: str | None
) -> None:
    ids = [LEAD, _OTHER][: len(found)]
    told = _duplicates_with(*ids)
    salesforce.add("POST", _COLLECTIONS, json=written(_refused("DUPLICATES_DETECTED")))
    salesforce.add("POST", f"{API}/sobjects/Lead", json=told["body"], status=400)
    if found:
        rows = [_lead(record_id, **fields) for record_id, fields in zip(ids, found, strict=True)]
        salesforce.add("POST", f"{_COLLECTIONS}/Lead", json=rows)
    (outcome,) = adapter_for(BARE).upsert([Write("k1", {"Phone": "+12025550123"})])
    assert isinstance(outcome, Duplicate)
    assert outcome.existing_id == existing
    assert "duplicate rule" in str(outcome)


def test_spent_quota_ends_looking_into_duplicates(salesforce: responses.RequestsMock) -> None:
    refused = _refused("DUPLICATES_DETECTED")
    salesforce.add("POST", _COLLECTIONS, json=written(refused, refused))
    quota = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    salesforce.add("POST", f"{API}/sobjects/Lead", json=quota, status=403)
    writes = [Write(f"k{n}", {"Email": f"ann{n}@example.com"}) for n in range(2)]
    assert {type(outcome) for outcome in adapter_for(BARE).upsert(writes)} == {RateLimited}
    assert len(salesforce.calls) == 2


def test_lost_answer_leaves_the_rest_unsent(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _UPSERT, json=[], status=502)
    outcomes = adapter_for().upsert([Write(f"k{n}", {"City": "Rome"}) for n in range(201)])
    assert {type(outcome) for outcome in outcomes[:200]} == {OutcomeUnknown}
    assert isinstance(outcomes[200], Unreachable)
    assert len(salesforce.calls) == 1


def test_answer_of_another_length_leaves_every_outcome_open(salesforce: responses.RequestsMock) -> None:
    salesforce.add("PATCH", _UPSERT, json=written({"id": LEAD}))
    outcomes = adapter_for().upsert([Write(f"k{n}", {"City": "Rome"}) for n in range(2)])
    assert {type(outcome) for outcome in outcomes} == {OutcomeUnknown}


def test_key_field_that_was_removed_asks_for_a_person(salesforce: responses.RequestsMock) -> None:
    told = payload("external_id_unknown")
    salesforce.add("PATCH", _UPSERT, json=told["body"], status=404)
    outcomes = adapter_for().upsert([Write(f"k{n}", {"City": "Rome"}) for n in range(3)])
    assert {type(outcome) for outcome in outcomes} == {ReconnectRequired}
    assert len(salesforce.calls) == 1


def test_field_that_this_user_may_not_write_is_not_sent(salesforce: responses.RequestsMock) -> None:
    closed = {**KEYED["objects"]["Lead"], "not_settable": ["Phone"], "not_changeable": ["Phone"], "hidden": ["City"]}
    traits = {"objects": {**KEYED["objects"], "Lead": {**closed, "not_settable": ["City", "Phone"]}}}
    salesforce.add("PATCH", _UPSERT, json=written({"id": LEAD}))
    (outcome,) = adapter_for(traits).upsert(
        [Write("k1", {"Phone": "1234567", "City": "Rome", "Email": "a@example.com"})]
    )
    assert not {"Phone", "City"} & set(sent(salesforce)["records"][0])
    assert set(_written(outcome).refused) == {"Phone", "City"}
    assert {"Phone", "City"} <= _written(outcome).record.lacks


def test_user_who_may_not_create_leads_is_told_without_a_call(salesforce: responses.RequestsMock) -> None:
    traits = {"objects": {**KEYED["objects"], "Lead": {**KEYED["objects"]["Lead"], "denied": ["createable"]}}}
    (outcome,) = adapter_for(traits).upsert([Write("k1", {"City": "Rome"})])
    assert isinstance(outcome, PermissionMissing)
    assert outcome.permissions == ("Create on Lead",)


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({}, {"Sforce-Auto-Assign": None, "allowSave": "false"}),
        ({"salesforce_assign": False}, {"Sforce-Auto-Assign": "FALSE", "allowSave": "false"}),
        ({"salesforce_save_duplicates": True}, {"Sforce-Auto-Assign": None, "allowSave": "true"}),
    ],
)
def test_installation_decides_about_assignment_and_duplicate_alerts(
    salesforce: responses.RequestsMock, settings: dict[str, Any], headers: dict[str, Any]
) -> None:
    salesforce.add("PATCH", _UPSERT, json=written({"id": LEAD}))
    adapter_for(**settings).upsert([Write("k1", {"City": "Rome"})])
    got = salesforce.calls[0].request.headers
    assert got.get("Sforce-Auto-Assign") == headers["Sforce-Auto-Assign"]
    rule = f"allowSave={headers['allowSave']}; includeRecordDetails=false; runAsCurrentUser=true"
    assert got["Sforce-Duplicate-Rule-Header"] == rule
    assert got["Sforce-Call-Options"].startswith("client=")
