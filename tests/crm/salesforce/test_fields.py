"""A client in Salesforce's words, held to what real orgs say of their fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.salesforce.fields import FIELDS, NAMES_OF, in_our_form, translate
from flask_crm_sync.crm.salesforce.ids import id18, kind_of
from flask_crm_sync.crm.texts import utf16_units
from flask_crm_sync.errors import InvalidRecord
from flask_crm_sync.host.records import ClientRecord

from .conftest import payload


def _client(**values: str) -> ClientRecord:
    return ClientRecord("1", "1", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["Lead", "Contact"])
def test_every_field_is_in_the_describe_of_a_real_org_with_its_length(kind: str) -> None:
    described = {field["name"]: field for field in payload(f"{kind.lower()}.describe")["fields"]}
    for spec in FIELDS:
        if spec.name in NAMES_OF[kind]:
            field = described[NAMES_OF[kind][spec.name]]
            assert (field["length"], field["createable"], field["updateable"]) == (spec.max_length, True, True)
            # What is counted in UTF-16 units fits the bytes too: three for a unit is the most that UTF-8 needs.
            assert field["byteLength"] == 3 * spec.max_length


def test_required_fields_are_those_that_a_lead_may_not_leave_blank() -> None:
    described = {field["name"]: field for field in payload("lead.describe")["fields"]}
    assert {spec.name for spec in FIELDS if spec.required} == {
        spec.name for spec in FIELDS if not described[spec.name]["nillable"]
    }


def test_client_is_translated_to_the_leads_names() -> None:
    values = translate(
        _client(
            first_name=" Zoe\u0308 ",
            email="Zoe@Example.COM",
            phone="+1  202-555-0123",
            street="Main St 1\r\n\r\nDoor  2 ",
            zip="12345",
        )
    )
    assert values == {
        "FirstName": "Zoë",
        "LastName": "",
        "Email": "zoe@example.com",
        "Phone": "+1 202-555-0123",
        "Company": "",
        "Street": "Main St 1\nDoor 2",
        "City": "",
        "State": "",
        "PostalCode": "12345",
        "Country": "",
    }


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("first_name", "x" * 41, "41 characters; Salesforce takes 40"),
        ("first_name", "👩" * 21, "42 characters; Salesforce takes 40"),
        ("email", "not-an-address", "not a valid e-mail address"),
        ("email", "ann@example", "not a valid e-mail address"),
        ("city", "half \ud800", "holds half a character (a lone surrogate)"),
    ],
)
def test_value_that_salesforce_cannot_take_is_named(field: str, text: str, fault: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        translate(_client(**{field: text}))
    assert refused.value.fields == {field: fault}


@given(st.text(max_size=60))
def test_text_within_the_limit_fits_the_bytes_too(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    assert len(text.encode()) <= 3 * utf16_units(text)


@given(st.text(max_size=40))
def test_translation_is_in_its_final_form(street: str) -> None:
    try:
        once = translate(_client(street=street, first_name=street[:10]))
    except InvalidRecord:
        return
    again = translate(_client(street=once["Street"], first_name=once["FirstName"]))
    assert (again["Street"], again["FirstName"]) == (once["Street"], once["FirstName"])


def test_contact_is_read_by_the_leads_names_and_stand_ins_are_no_data() -> None:
    row: dict[str, Any] = {"LastName": "Unknown", "Email": "Ann@Example.com", "MailingStreet": "A\r\nB", "Phone": None}
    values = in_our_form("Contact", row, {"LastName": "Unknown", "Company": "[not provided]"})
    assert (values["LastName"], values["Email"], values["Street"], values["Phone"]) == (
        "",
        "ann@example.com",
        "A\nB",
        "",
    )
    assert values["Company"] == ""
    assert set(values) == {spec.name for spec in FIELDS}


@pytest.mark.parametrize(
    ("given_id", "known"),
    [
        ("0015500001QdZPK", "0015500001QdZPKAA3"),
        ("0035500001H9kZu", "0035500001H9kZuAAJ"),
        ("0035500001H9kZuAAJ", "0035500001H9kZuAAJ"),
        ("0035500001H9kZ", ""),
        ("0035500001H9kZ'", ""),
        (None, ""),
    ],
)
def test_ids_are_compared_in_their_long_form(given_id: Any, known: str) -> None:
    assert id18(given_id) == known


def test_kind_of_a_person_shows_in_the_id() -> None:
    assert [kind_of(text) for text in ("00Q5g00000A1b2C", "0035500001H9kZuAAJ", "00T5g00000A1b2C", "987654321")] == [
        "Lead",
        "Contact",
        "",
        "",
    ]
