"""Finding and reading people: the queries that go out, and whom their rows are taken for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from requests import PreparedRequest

from flask_crm_sync.crm.base import Lookup, Match, RemoteRecord
from flask_crm_sync.crm.salesforce.soql import ROOM, lists, literal
from flask_crm_sync.crm.salesforce.spelling import same_number, spellings
from flask_crm_sync.errors import CRMError, ReconnectRequired, RecordMissing, ServerFault

from .conftest import API, BARE, CONTACT, KEY, KEYED, LEAD, ORIGIN, adapter_for, payload

_OTHER = "0035g00000Z9y8XAAR"
_RETRIEVE = f"{API}/composite/sobjects"


class _Org:
    """Answers queries with the rows of their kind and way, and keeps what was asked."""

    def __init__(self, mock: responses.RequestsMock, **rows: list[dict[str, Any]]) -> None:
        self.rows, self.asked, self.calls = rows, [], 0
        mock.assert_all_requests_are_fired = False
        mock.add_callback("POST", f"{API}/composite", callback=self._composite)
        mock.add_callback("GET", f"{API}/query", callback=self._single)

    asked: list[str]

    def _composite(self, call: PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.calls += 1
        parts = json.loads(call.body or "")["compositeRequest"]
        assert len(parts) <= 5, "Salesforce takes five queries in one composite call"
        answers = [
            {"referenceId": part["referenceId"], "httpStatusCode": 200, "body": self._rows(part["url"])}
            for part in reversed(parts)
        ]
        return 200, {}, json.dumps({"compositeResponse": answers})

    def _single(self, call: PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.calls += 1
        return 200, {}, json.dumps(self._rows(call.url or ""))

    def _rows(self, url: str) -> dict[str, Any]:
        assert len(url) < 16_384
        (statement,) = parse_qs(urlsplit(url).query)["q"]
        self.asked.append(statement)
        kind = "contact" if " FROM Contact " in statement else "lead"
        by = "email" if "Email IN" in statement else "phone" if "Phone IN" in statement else "key"
        rows = self.rows.get(f"{kind}_{by}", [])
        return {"totalSize": len(rows), "done": True, "records": rows}


def _lead(**fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, "Id": LEAD, "IsConverted": False, **fields}


def _contact(record_id: str = CONTACT, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Contact"}, "Id": record_id, **fields}


def _matches(outcome: tuple[Match, ...] | CRMError) -> list[tuple[str, str]]:
    assert isinstance(outcome, tuple), outcome
    return [(match.record.id, match.by) for match in outcome]


def test_contact_comes_before_a_lead_with_the_same_email(salesforce: responses.RequestsMock) -> None:
    email = {"Email": "Ann@Example.com"}
    org = _Org(salesforce, contact_email=[_contact(**email)], lead_email=[_lead(**email)])
    found = adapter_for(BARE).find([Lookup("k", "ann@example.com", by_key=False)])
    assert _matches(found[0]) == [(CONTACT, "email")]
    assert org.calls == 1
    assert all("IsConverted = false AND " in asked for asked in org.asked if " FROM Lead " in asked)


def test_several_contacts_with_one_email_are_for_a_person_to_choose(salesforce: responses.RequestsMock) -> None:
    email = {"Email": "ann@example.com"}
    _Org(salesforce, contact_email=[_contact(**email), _contact(_OTHER, **email)], lead_email=[_lead(**email)])
    (found,) = adapter_for(BARE).find([Lookup("k", "ann@example.com", by_key=False)])
    assert _matches(found) == [(CONTACT, "email"), (_OTHER, "email")]


def test_our_key_decides_before_the_email(salesforce: responses.RequestsMock) -> None:
    _Org(salesforce, lead_key=[_lead(**{KEY: "K1"})], contact_email=[_contact(Email="ann@example.com")])
    found = adapter_for().find([Lookup("k1", "ann@example.com"), Lookup("k2", "ann@example.com")])
    assert [_matches(outcome) for outcome in found] == [[(LEAD, "key")], [(CONTACT, "email")]]


def test_key_is_looked_for_only_where_an_attempt_may_have_left_it(salesforce: responses.RequestsMock) -> None:
    org = _Org(salesforce)
    adapter_for().find([Lookup("k1", "ann@example.com", by_key=False)])
    assert not [asked for asked in org.asked if f"{KEY} IN" in asked]


def test_converted_lead_that_bears_our_key_leads_to_its_contact(salesforce: responses.RequestsMock) -> None:
    lead = _lead(**{KEY: "k1", "IsConverted": True, "ConvertedContactId": CONTACT})
    _Org(salesforce, lead_key=[lead])
    salesforce.add("POST", f"{_RETRIEVE}/Lead", json=[lead])
    salesforce.add("POST", f"{_RETRIEVE}/Contact", json=[_contact(LastName="Lee", MailingCity="Rome")])
    (outcome,) = adapter_for().find([Lookup("k1")])
    assert _matches(outcome) == [(CONTACT, "key")]
    assert isinstance(outcome, tuple)
    assert outcome[0].record.values["City"] == "Rome"


@pytest.mark.parametrize(
    ("typed", "wanted", "same"),
    [
        ("(202) 555-0123", "+1 202-555-0123", True),
        ("202.555.0123", "+12025550123", True),
        ("+1 (202) 555-0123", "2025550123", True),
        ("(202) 555-0199", "+1 202-555-0123", False),
    ],
)
def test_phone_is_the_same_in_whatever_form(
    salesforce: responses.RequestsMock, typed: str, wanted: str, same: bool
) -> None:
    _Org(salesforce, lead_phone=[_lead(Phone=typed)])
    (found,) = adapter_for(BARE).find([Lookup("k", "", wanted, by_key=False)])
    assert _matches(found) == ([(LEAD, "phone")] if same else [])


def test_phone_of_somebody_with_another_email_is_another_person(salesforce: responses.RequestsMock) -> None:
    _Org(salesforce, lead_phone=[_lead(Phone="+1 202-555-0123", Email="ben@example.com")])
    found = adapter_for(BARE).find(
        [
            Lookup("k1", "ann@example.com", "+1 202-555-0123", by_key=False),
            Lookup("k2", "", "+1 202-555-0123", by_key=False),
        ]
    )
    assert [_matches(outcome) for outcome in found] == [[], [(LEAD, "phone")]]


def test_two_hundred_clients_cost_few_calls(salesforce: responses.RequestsMock) -> None:
    org = _Org(salesforce)
    lookups = [
        Lookup(f"k{n}", f"first.last.{n}@mail{n}.example.com", f"+49 30 1234 {n:04d}", by_key=False) for n in range(200)
    ]
    assert adapter_for().find(lookups) == [()] * 200
    assert org.calls <= 2


def test_nothing_is_asked_for_nobody(salesforce: responses.RequestsMock) -> None:
    assert adapter_for().find([Lookup("k", "", "n/a", by_key=False)]) == [()]
    assert adapter_for().find([]) == []
    assert len(salesforce.calls) == 0


def test_contacts_that_the_user_may_not_see_are_not_asked_for(salesforce: responses.RequestsMock) -> None:
    denied = {**KEYED["objects"]["Contact"], "denied": ["createable", "see", "updateable"]}
    org = _Org(salesforce)
    adapter_for({"objects": {**KEYED["objects"], "Contact": denied}}).find([Lookup("k", "ann@example.com")])
    assert all(" FROM Lead " in asked for asked in org.asked)


def test_field_that_the_user_may_not_see_is_not_asked_for(salesforce: responses.RequestsMock) -> None:
    hidden = {**KEYED["objects"]["Lead"], "hidden": ["Phone", "City"]}
    org = _Org(salesforce)
    adapter_for({"objects": {**KEYED["objects"], "Lead": hidden}}).find(
        [Lookup("k", "ann@example.com", "+1 202-555-0123")]
    )
    of_leads = [asked for asked in org.asked if " FROM Lead " in asked]
    assert of_leads
    assert not [asked for asked in of_leads if "Phone" in asked or "City" in asked]


def test_bad_part_of_a_composite_answer_is_told(salesforce: responses.RequestsMock) -> None:
    body = payload("composite_one_bad")["body"]
    for part, name in zip(body["compositeResponse"], ("q0", "q1"), strict=True):
        part["referenceId"] = name
    salesforce.add("POST", f"{API}/composite", json=body)
    (outcome,) = adapter_for(BARE).find([Lookup("k", "ann@example.com", by_key=False)])
    assert isinstance(outcome, ReconnectRequired)
    assert "XYZZY" in outcome.crm_message


def test_part_that_is_missing_is_no_absence(salesforce: responses.RequestsMock) -> None:
    salesforce.add("POST", f"{API}/composite", json={"compositeResponse": []})
    (outcome,) = adapter_for(BARE).find([Lookup("k", "ann@example.com", by_key=False)])
    assert isinstance(outcome, ServerFault)


def test_pages_are_followed_by_path_only(salesforce: responses.RequestsMock) -> None:
    first, last = payload("page_first")["body"], payload("page_last")["body"]
    first["nextRecordsUrl"] = "https://evil.example.com" + first["nextRecordsUrl"]
    first["records"], last["records"] = [_lead(Email="ann@example.com")], [_lead(Id="00Q5g00000Z9y8XEAR")]
    salesforce.add("GET", f"{API}/query", json=first)
    salesforce.add("GET", f"{ORIGIN}/services/data/v26.0/query/01gD", json=last)
    blind = {**KEYED["objects"]["Contact"], "denied": ["see"]}
    adapter = adapter_for({"objects": {**KEYED["objects"], "Contact": blind}})
    (found,) = adapter.find([Lookup("k", "ann@example.com", by_key=False)])
    assert _matches(found) == [(LEAD, "email")]


@pytest.mark.parametrize("path", ["/services/oauth2/userinfo", "https://evil.example.com/x", "x"])
def test_next_page_outside_the_api_is_not_asked_for(salesforce: responses.RequestsMock, path: str) -> None:
    first = {**payload("page_first")["body"], "nextRecordsUrl": path}
    salesforce.add("GET", f"{API}/query", json=first)
    blind = {**KEYED["objects"]["Contact"], "denied": ["see"]}
    adapter = adapter_for({"objects": {**KEYED["objects"], "Contact": blind}})
    (found,) = adapter.find([Lookup("k", "ann@example.com", by_key=False)])
    assert isinstance(found, ServerFault)
    assert len(salesforce.calls) == 1


def test_read_follows_conversions_and_merges_and_tells_what_is_gone(salesforce: responses.RequestsMock) -> None:
    converted, merged, gone = "00Q5g00000C0nvXEAR", "00Q5g00000MergXEAR", "00Q5g00000G0neXEAR"
    first = [_lead(), {**_lead(), "Id": converted, "IsConverted": True, "ConvertedContactId": CONTACT}, None, None]
    salesforce.add("POST", f"{_RETRIEVE}/Lead", json=first)
    rows = [{"Id": merged, "MasterRecordId": LEAD}, {"Id": gone, "MasterRecordId": None}]
    salesforce.add("GET", f"{API}/queryAll", json={"done": True, "records": rows})
    salesforce.add("POST", f"{_RETRIEVE}/Contact", json=[_contact(MailingCity="Rome")])
    salesforce.add("POST", f"{_RETRIEVE}/Lead", json=[_lead()])
    read = adapter_for().read([LEAD[:15], converted, merged, gone, "987654321"])
    assert [r.id if isinstance(r, RemoteRecord) else type(r) for r in read] == [
        LEAD,
        CONTACT,
        LEAD,
        RecordMissing,
        RecordMissing,
    ]
    assert len(salesforce.calls) == 4


def test_records_that_lead_in_a_circle_end(salesforce: responses.RequestsMock) -> None:
    salesforce.add("POST", f"{_RETRIEVE}/Lead", json=[None])
    salesforce.add("GET", f"{API}/queryAll", json={"done": True, "records": [{"Id": LEAD, "MasterRecordId": LEAD}]})
    assert isinstance(adapter_for().read([LEAD])[0], RecordMissing)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("O'Neil", r"'O\'Neil'"),
        ("back\\slash'", r"'back\\slash\''"),
        ('say "hi"\r\n\t\b\f', r"""'say \"hi\"\r\n\t\b\f'"""),
        ("') OR Name LIKE '%", r"'\') OR Name LIKE \'%'"),
        ("Zoë_%", "'Zoë_%'"),
    ],
)
def test_literal_cannot_end_early(text: str, written: str) -> None:
    assert literal(text) == written


@given(st.lists(st.text(min_size=1, max_size=300), max_size=200))
def test_lists_hold_every_value_and_fit_into_an_address(values: list[str]) -> None:
    values = [value.encode("utf-8", "ignore").decode() for value in values]
    parts = list(lists("Email", values))
    assert "".join(part.removeprefix("Email IN (").removesuffix(")") + "," for part in parts) == "".join(
        literal(value) + "," for value in dict.fromkeys(values)
    )
    assert all(len(quote(part, safe="")) <= ROOM + 100 or part.count("','") == 0 for part in parts)


def test_spellings_hold_the_forms_that_people_type() -> None:
    assert {"+12025550123", "2025550123", "(202) 555-0123", "202-555-0123", "1-202-555-0123"} <= set(
        spellings("+1 202-555-0123", "")
    )
    german = spellings("+49 30 123456", "")
    assert {"+493012345", "0049", "030"} & {text[:10] for text in german} == {"+493012345"}
    assert {"+4930123456", "004930123456", "030123456", "030 123456", "+49 30 123456"} <= set(german)
    assert spellings("ext. 12", "US") == ["ext. 12"]


def test_numbers_are_compared_by_what_they_dial() -> None:
    assert same_number("(202) 555-0123", "+12025550123", "US")
    assert not same_number("(202) 555-0123", "+12025550124", "US")
    assert not same_number("", "", "US")
