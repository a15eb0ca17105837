"""The translation of a client, without any HTTP, against the columns of the table reference."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.dynamics import DynamicsAdapter
from flask_crm_sync.crm.dynamics.fields import COMPANY, FIELDS, NAMES
from flask_crm_sync.crm.dynamics.markup import BODY_LIMIT, SUBJECT_LIMIT
from flask_crm_sync.errors import InvalidRecord
from flask_crm_sync.host.records import CLIENT_FIELDS, ClientRecord

_REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "payloads" / "contact_columns.json").read_text())
_COLUMNS = {column["name"]: column for column in _REFERENCE["contact"]}
_NOTE = {column["name"]: column for column in _REFERENCE["annotation"]}
translate = DynamicsAdapter.translate


def _client(**values: str) -> ClientRecord:
    return ClientRecord("7", "1", **dict[str, Any](values))


@pytest.mark.parametrize("spec", FIELDS, ids=lambda spec: spec.name)
def test_each_field_is_a_column_that_may_be_written_with_its_length(spec: Any) -> None:
    column = _COLUMNS[spec.name]
    assert not column.get("readOnly")
    if spec.name == COMPANY:
        assert column["displayName"] == "Company Name"
    else:
        assert column["maxLength"] == spec.max_length


def test_note_is_cut_at_the_lengths_of_its_columns() -> None:
    assert (_NOTE["subject"]["maxLength"], _NOTE["notetext"]["maxLength"]) == (SUBJECT_LIMIT, BODY_LIMIT)


def test_every_field_of_a_client_has_its_column_and_company_phone_is_none_of_them() -> None:
    values = translate(_client(**{name: name for name in CLIENT_FIELDS if name not in ("email", "zip")}, zip="10115"))
    assert dict(values) == {
        "firstname": "first_name",
        "lastname": "last_name",
        "emailaddress1": "",
        "telephone1": "phone",
        "parentcustomerid": "company",
        "address1_line1": "street",
        "address1_city": "city",
        "address1_stateorprovince": "state",
        "address1_postalcode": "10115",
        "address1_country": "country",
    }
    assert "company" not in values


@pytest.mark.parametrize(
    ("field", "given_text", "name", "sent"),
    [
        ("email", "  Zoe@Example.COM \n", "emailaddress1", "zoe@example.com"),
        ("first_name", "  Zoe\u0308 ", "firstname", "Zo\u00eb"),
        ("last_name", "van\tder\r\n  Berg", "lastname", "van der Berg"),
        ("street", "1 Main St\nApt 4\r\n", "address1_line1", "1 Main St, Apt 4"),
        ("company", "Café 👩🏽‍🚀 & Söhne", COMPANY, "Café 👩🏽‍🚀 & Söhne"),
        ("phone", " +49 (30) 123-45 ", "telephone1", "+49 (30) 123-45"),
    ],
)
def test_text_is_sent_as_dynamics_would_return_it(field: str, given_text: str, name: str, sent: str) -> None:
    assert translate(_client(**{field: given_text}))[name] == sent


@pytest.mark.parametrize(
    "email", ["none", "n/a", "zoe@", "@example.com", "zoe@example", "a@example.com, b@example.com"]
)
def test_email_that_is_none_is_refused_because_clients_are_found_by_it(email: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        translate(_client(email=email))
    assert list(refused.value.fields) == ["email"]


@pytest.mark.parametrize("spec", FIELDS, ids=lambda spec: spec.name)
def test_text_of_the_full_length_is_sent_and_a_longer_one_refused_by_name(spec: Any) -> None:
    tail = "@example.com" if spec.source == "email" else ""
    full = "x" * (spec.max_length - len(tail)) + tail
    assert translate(_client(**{spec.source: full}))[spec.name] == full
    with pytest.raises(InvalidRecord) as refused:
        translate(_client(**{spec.source: f"x{full}"}))
    assert refused.value.fields == {spec.source: f"{spec.max_length + 1} characters; Dynamics takes {spec.max_length}"}


def test_characters_beyond_the_first_plane_count_twice_as_in_dynamics() -> None:
    assert translate(_client(first_name="👩" * 25))["firstname"] == "👩" * 25
    with pytest.raises(InvalidRecord):
        translate(_client(first_name="👩" * 26))


@pytest.mark.parametrize(("text", "word"), [("a\x00b", "NUL"), ("a\ud800b", "surrogate")])
def test_text_that_cannot_be_sent_is_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(InvalidRecord) as refused:
        translate(_client(last_name=text, company=text))
    assert set(refused.value.fields) == {"last_name", "company"}
    assert word in refused.value.fields["company"]


@given(st.builds(ClientRecord, st.just("7"), st.just("1"), **{name: st.text(max_size=40) for name in CLIENT_FIELDS}))
def test_translation_is_total_stable_and_sendable(client: ClientRecord) -> None:
    try:
        values = translate(client)
    except InvalidRecord:
        return
    assert tuple(values) == NAMES
    for text in values.values():
        assert text == text.strip()
        assert unicodedata.is_normalized("NFC", text)
        assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
    sources = {spec.name: spec.source for spec in FIELDS}
    assert translate(_client(**{sources[name]: text for name, text in values.items()})) == values
